package server

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server/forward"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// A server that runs notices by itself that the key ring has grown: it looks at the key file's date, and at the database,
// which tells of keys that others have. It says there which keys it has, so that none seals before all can open.

const (
	// keyLookEvery is how often it is looked whether there is another key.
	keyLookEvery = 2 * time.Second
	// beatEvery is how often a node says that it is there, at the least.
	beatEvery = sqlstore.NodeLives / 3
	// keyReadEvery is how often the ring is read anew though nothing tells of a new key; keyAgain is how soon after it was
	// read in vain.
	keyReadEvery = 5 * time.Minute
	keyAgain     = 10 * time.Second
)

// node is what a server that serves remembers of its keys.
type node struct {
	told    sqlstore.Node // what the database was told last
	file    fs.FileInfo   // the key file as it was read last
	readAt  time.Time     // when the ring was read last
	wanting string        // what was logged last
	signs   *nightlatch.KeyRing
}

// firstKey finds out which key of the ring seals.
func (s *Server) firstKey(ctx context.Context, c Config) (*nightlatch.KeyRing, error) {
	s.node.readAt = s.now()
	if c.Look {
		return c.Store.SealingKey(ctx, c.Key)
	}
	ring := c.Key
	key, lacking, err := c.Store.UseKey(ctx, ring, s.rand, s.now())
	if err != nil { // a key may have come since the ring was read
		if more, readErr := readKey(ctx, s.settings, false, s.now()); readErr == nil && more.Newest() > ring.Newest() {
			ring = more
			key, lacking, err = c.Store.UseKey(ctx, ring, s.rand, s.now())
		}
	}
	if err == nil && len(lacking) > 0 && !c.Tool {
		s.log.Warn("the newest key does not seal yet, since others that serve lack it", "newest", ring.Newest(),
			"seals", key.Sealing(), "lacking", names(lacking))
	}
	return key, err
}

// readKeyAnew reads the ring from where settings say; once more where a key that came after it was read seals already.
func (s *Server) readKeyAnew(ctx context.Context) (*nightlatch.KeyRing, error) {
	for before := uint32(0); ; {
		ring, err := readKey(ctx, s.settings, false, s.now())
		if err != nil {
			return nil, err
		}
		in, err := s.store.SealingKey(ctx, ring)
		if err == nil || ring.Newest() <= before {
			return in, err
		}
		if use, useErr := s.store.KeyUse(ctx); useErr != nil || use.Seals <= ring.Newest() {
			return nil, err
		}
		before = ring.Newest()
	}
}

// keepKeys looks for a new key, tells the database what this node has, and lets the newest key seal once all have it.
func (s *Server) keepKeys(ctx context.Context) {
	use, err := s.store.KeyUse(ctx)
	if err != nil {
		return // whoever needs the database says so
	}
	if s.keyMayBeNew(use) {
		s.renewKey(ctx)
	}
	s.beat(ctx)
	if ring := s.Service.Key(); ring.Newest() > use.Seals {
		if in, _, err := s.store.UseKey(ctx, ring, s.rand, s.now()); err == nil && in.Sealing() > ring.Sealing() {
			s.renewKey(ctx)
			s.beat(ctx)
		}
	}
	ring := s.Service.Key()
	if s.node.signs != ring {
		s.node.signs = ring
		s.signer.Renew(forward.SignerKeys(ring))
	}
	s.tellWhatIsWanting(ring, use)
}

// keyMayBeNew says whether the ring is to be read anew.
func (s *Server) keyMayBeNew(use sqlstore.KeyUse) bool {
	ring, since := s.Service.Key(), s.now().Sub(s.node.readAt)
	if since < 0 {
		since = keyReadEvery // the clock went back
	}
	path, isFile := keyFilePath(s.settings)
	if isFile {
		info, err := os.Stat(path)
		if err == nil && (s.node.file == nil || !os.SameFile(info, s.node.file) || !info.ModTime().Equal(s.node.file.ModTime()) ||
			info.Size() != s.node.file.Size()) {
			s.node.file = info
			return true
		}
	}
	if use.Seals != ring.Sealing() && ring.Holds(use.Seals) {
		return true
	}
	if use.Newest > ring.Newest() || use.Seals > ring.Newest() {
		return since >= keyAgain
	}
	return since >= keyReadEvery
}

func (s *Server) renewKey(ctx context.Context) {
	s.node.readAt = s.now()
	if err := s.Service.RenewKey(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("the key ring was not read anew; the one in use stays", "from", keyComesFrom(s.settings), "error", err)
	}
}

// beat tells the database which keys this node has, when that is another or was told a while ago.
func (s *Server) beat(ctx context.Context) {
	ring, now := s.Service.Key(), s.now()
	is := s.node.told
	if is.ID == "" {
		is.ID, is.Name = newNode(s.rand)
	}
	is.Holds, is.Seals, is.SeenAt = ring.Newest(), ring.Sealing(), now
	if t := s.node.told; t.ID != "" && t.Holds == is.Holds && t.Seals == is.Seals {
		if since := now.Sub(t.SeenAt); since >= 0 && since < beatEvery {
			return
		}
	}
	if is.ID == "" {
		return
	}
	if err := s.store.Beat(ctx, is); err == nil {
		s.node.told = is
	}
}

func newNode(random io.Reader) (id, name string) {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", "" // the next time
	}
	return hex.EncodeToString(b[:]), fmt.Sprintf("%s, process %d", host, os.Getpid())
}

// leave tells the database that this node serves no more.
func (s *Server) leave(ctx context.Context) {
	if s.node.told.ID == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := s.store.Leave(ctx, s.node.told.ID); err != nil {
		s.log.Debug("others hear only later that this node has ended", "error", err)
	}
}

// tellWhatIsWanting logs once that others have a key that is not here.
func (s *Server) tellWhatIsWanting(ring *nightlatch.KeyRing, use sqlstore.KeyUse) {
	want := ""
	if use.Newest > ring.Newest() {
		want = fmt.Sprintf("key %d is in use elsewhere and missing here: add it to %s; NIGHTLATCH_KEY needs a restart", use.Newest, keyComesFrom(s.settings))
	}
	if want != "" && want != s.node.wanting {
		s.log.Error(want)
	}
	s.node.wanting = want
}

func names(nodes []sqlstore.Node) (list []string) {
	for _, n := range nodes {
		list = append(list, n.Name)
	}
	return list
}
