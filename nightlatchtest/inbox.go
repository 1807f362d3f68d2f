package nightlatchtest

import (
	"context"
	"regexp"
	"slices"
	"sync"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// Inbox takes what would be sent: codes by e-mail and SMS, notices. Its zero value is an empty one. It is a
// nightlatch.Sender and may be used by many goroutines at once.
type Inbox struct {
	mutex    sync.Mutex
	messages []factor.Message
	fault    error
}

var _ nightlatch.Sender = (*Inbox)(nil)

// Send keeps the message, or returns what Fail said.
func (b *Inbox) Send(_ context.Context, m factor.Message) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.fault != nil {
		return b.fault
	}
	b.messages = append(b.messages, m)
	return nil
}

// Fail makes each Send return err and keep nothing, as a mail server that is down; nil ends that.
func (b *Inbox) Fail(err error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.fault = err
}

// Messages are those to an address or number (E.164), the oldest first; with "", all.
func (b *Inbox) Messages(to string) []factor.Message {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return slices.DeleteFunc(slices.Clone(b.messages), func(m factor.Message) bool { return to != "" && m.To != to })
}

// digits are a code as messages have it, on its own: no part of a date, a number or an address.
var digits = regexp.MustCompile(`(?:^|[\s:#])([0-9]{6,8})(?:[\s.]|$)`)

// Code is the code in the newest message to an address or number, or "" where there is none.
func (b *Inbox) Code(to string) string {
	all := b.Messages(to)
	if len(all) == 0 {
		return ""
	}
	found := digits.FindStringSubmatch(all[len(all)-1].Text)
	if found == nil {
		return ""
	}
	return found[1]
}
