package server

import (
	"context"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/sqlstore"
)

// TestWhenTheRingIsReadAnew: a key that others have is looked for again and again, one that is here and seals elsewhere at once,
// and a clock that went back keeps nobody from it.
func TestWhenTheRingIsReadAnew(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.mustStart()
	same := sqlstore.KeyUse{Seals: 1, Newest: 1}
	if !s.keyMayBeNew(same) {
		t.Error("a key file that was never looked at is not read")
	}
	s.node.readAt = p.clock.now()
	for _, v := range []struct {
		what  string
		since time.Duration
		use   sqlstore.KeyUse
		want  bool
	}{
		{"nothing is new", time.Minute, same, false},
		{"nothing is new for long", keyReadEvery, same, true},
		{"others have a key, just looked for", keyAgain - time.Second, sqlstore.KeyUse{Seals: 1, Newest: 2}, false},
		{"others have a key", keyAgain, sqlstore.KeyUse{Seals: 1, Newest: 2}, true},
		{"others seal with a key", keyAgain, sqlstore.KeyUse{Seals: 2, Newest: 2}, true},
		{"the clock went back", -time.Hour, same, true},
		{"the clock went back, and others have a key", -time.Hour, sqlstore.KeyUse{Seals: 1, Newest: 2}, true},
	} {
		s.node.readAt = p.clock.now().Add(-v.since)
		if got := s.keyMayBeNew(v.use); got != v.want {
			t.Errorf("%s: %v", v.what, got)
		}
	}
}

// TestNodeIsToldOf: a server says that it serves, again after a while, whatever its clock does, and says so when it ends: else
// rotations and restores would wait for it.
func TestNodeIsToldOf(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.mustStart()
	seen := func() (at time.Time) {
		t.Helper()
		nodes, err := s.store.Nodes(t.Context())
		mustDo(t, err)
		for _, n := range nodes {
			at = n.SeenAt
		}
		return at
	}
	s.beat(t.Context())
	first := seen()
	for _, v := range []struct {
		by   time.Duration
		told bool
	}{{beatEvery - time.Second, false}, {time.Second, true}, {-time.Hour, true}} {
		p.clock.move(v.by)
		before := seen()
		s.beat(t.Context())
		if told := !seen().Equal(before); told != v.told {
			t.Errorf("after %s it tells: %v", v.by, told)
		}
	}
	if first.IsZero() {
		t.Error("it does not tell that it serves")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	s.leave(over)
	if at := seen(); !at.IsZero() {
		t.Errorf("after its end it is still there, seen at %s", at)
	}
}

// TestMaintainLeaves: who is told to stop is no node any more.
func TestMaintainLeaves(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.mustStart()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Maintain(ctx)
	}()
	there := func() int {
		nodes, err := s.store.Nodes(t.Context())
		mustDo(t, err)
		return len(nodes)
	}
	for end := time.Now().Add(20 * time.Second); there() == 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if there() != 1 {
		t.Error("it does not tell that it serves")
	}
	stop()
	<-ended
	if n := there(); n != 0 {
		t.Errorf("%d nodes serve", n)
	}
}
