// Package outbox is a sender that sends nothing: it keeps messages for whoever tries Nightlatch out, and writes them to
// a file, one JSON object a line.
//
// The messages hold codes that open accounts. The file is for its owner only, and an outbox has no place where people
// sign in in earnest.
package outbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
)

// kept is how many messages stay in memory.
const kept = 1000

// Entry is a message as it is kept.
type Entry struct {
	ID      string      `json:"id"`
	To      string      `json:"to"`
	Kind    factor.Kind `json:"kind"`
	Subject string      `json:"subject"` // of e-mail
	Text    string      `json:"text"`
	At      time.Time   `json:"at"` // UTC
}

// Options say where an outbox is.
type Options struct {
	// Path is the file, of mode 0600, which is only ever added to; "" is none.
	Path string
	// Now and Rand replace the clock and the source of ids; nil are the usual ones.
	Now  func() time.Time
	Rand io.Reader
}

// Outbox keeps messages. It is a deliver.Sender.
type Outbox struct {
	now  func() time.Time
	rand io.Reader

	mutex   sync.Mutex
	file    *os.File // nil: none
	closed  bool
	torn    bool    // a line was written in part
	entries []Entry // the oldest first
}

var _ deliver.Sender = (*Outbox)(nil)

// Open opens an outbox. What a file holds already stays there and is not listed.
func Open(o Options) (*Outbox, error) {
	b := &Outbox{now: o.Now, rand: o.Rand}
	if b.now == nil {
		b.now = time.Now
	}
	if b.rand == nil {
		b.rand = rand.Reader
	}
	if o.Path == "" {
		return b, nil
	}
	file, err := os.OpenFile(o.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		if err := file.Chmod(0o600); err != nil {
			return nil, errors.Join(fmt.Errorf("outbox: others can read it: %w", err), file.Close())
		}
	}
	b.file = file
	return b, nil
}

// Send keeps a message. It fails where the file cannot be written, and then keeps nothing.
func (b *Outbox) Send(ctx context.Context, m factor.Message) error {
	if err := ctx.Err(); err != nil {
		return deliver.Temporary(err)
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	var id [16]byte
	if _, err := io.ReadFull(b.rand, id[:]); err != nil {
		return fmt.Errorf("outbox: read randomness for an id: %w", err)
	}
	e := Entry{hex.EncodeToString(id[:]), m.To, m.Kind, m.Subject, m.Text, b.now().UTC()}
	if err := b.write(e); err != nil {
		return deliver.Temporary(err)
	}
	if len(b.entries) == kept {
		b.entries = slices.Delete(b.entries, 0, 1)
	}
	b.entries = append(b.entries, e)
	return nil
}

// write appends one line, in one piece so that other processes' lines stay whole.
func (b *Outbox) write(e Entry) error {
	if b.closed {
		return errors.New("outbox: it is closed")
	}
	if b.file == nil {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return errors.New("outbox: the message cannot be written")
	}
	line = append(line, '\n')
	if b.torn {
		line = append([]byte{'\n'}, line...)
	}
	if n, err := b.file.Write(line); err != nil {
		b.torn = b.torn || n > 0
		return fmt.Errorf("outbox: %w", err)
	}
	b.torn = false
	return nil
}

// List returns the last 1000 messages since the outbox was opened, the newest first. It is never nil.
func (b *Outbox) List() []Entry {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	list := append([]Entry{}, b.entries...)
	slices.Reverse(list)
	return list
}

// Close closes the file. An outbox that is closed takes no more messages.
func (b *Outbox) Close() error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.closed = true
	if b.file == nil {
		return nil
	}
	file := b.file
	b.file = nil
	return file.Close()
}
