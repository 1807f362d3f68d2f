package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// Rotation says how keys are rotated, and what came of it.
type Rotation struct {
	// Say is told what happens, in one line each time. nil: nobody is.
	Say func(line string)
	// Wait is how long to wait for servers that lack the new key; default 2 minutes.
	Wait time.Duration

	Made    bool   // a key was made
	Key     uint32 // the key that seals now
	Records int    // sealed anew
	Stuck   []nightlatch.StuckRecord

	after func(step string) error // of tests: what it returns breaks off
}

const (
	// resealStep is how many records are sealed anew in one transaction, so that nobody waits long.
	resealStep = 50
	// rotationWait is the default of Rotation.Wait. A server that died counts for NodeLives.
	rotationWait = 2 * sqlstore.NodeLives
	// rotationLook is how often it is looked whether the servers have come so far.
	rotationLook = 500 * time.Millisecond
)

// RotateKey makes a new key, lets it seal once every server that runs has it, and seals anew what other keys sealed. It may
// be broken off at any moment and run beside servers. Where an earlier one was broken off it goes on with that and makes
// no other key. The errors say what to do; what was done until then stands.
func (s *Server) RotateKey(ctx context.Context, r *Rotation) error {
	if r.Wait <= 0 {
		r.Wait = rotationWait
	}
	if err := s.Service.RenewKey(ctx); err != nil {
		return err
	}
	open, err := s.rotationIsOpen(ctx)
	if err != nil {
		return err
	}
	if open {
		r.say("key %d does not seal everything yet: going on with it", s.Service.Key().Newest())
		sealed := s.Service.Key().Sealing()
		if err := s.finishRotation(ctx, r); err != nil {
			return err
		}
		if r.Records > 0 || r.Key != sealed {
			return r.end()
		}
		// All that was left is what cannot be opened.
	}
	if err := s.growKey(ctx, r); err != nil {
		return err
	}
	if err := s.finishRotation(ctx, r); err != nil {
		return err
	}
	return r.end()
}

func (r *Rotation) say(format string, args ...any) {
	if r.Say != nil {
		r.Say(fmt.Sprintf(format, args...))
	}
}

// did lets a test break off here.
func (r *Rotation) did(step string) error {
	if r.after == nil {
		return nil
	}
	return r.after(step)
}

// rotationIsOpen says whether the newest key does not seal yet, or something is sealed with another that is in the ring.
func (s *Server) rotationIsOpen(ctx context.Context) (bool, error) {
	ring := s.Service.Key()
	if ring.Newest() != ring.Sealing() {
		return true, nil
	}
	counts, err := s.Service.SealedBy(ctx)
	return slices.ContainsFunc(counts, func(c nightlatch.SealedCount) bool {
		return c.Table != "events" && c.Key != ring.Newest() && ring.Holds(c.Key)
	}), err
}

// growKey adds a key to the key file, unless another process has just done so.
func (s *Server) growKey(ctx context.Context, r *Rotation) error {
	path, isFile := keyFilePath(s.settings)
	if !isFile {
		return fmt.Errorf("the key ring comes from %s, which this command cannot change: add the line that nightlatch key new prints to it, "+
			"for every server, and run nightlatch key rotate again", keyComesFrom(s.settings))
	}
	before := s.Service.Key()
	err := s.store.GrowingKey(ctx, func(ctx context.Context, known uint32) (uint32, error) {
		ring, err := readKey(ctx, s.settings, false, s.now())
		if err != nil {
			return 0, err
		}
		if ring.Newest() > before.Newest() {
			return ring.Newest(), nil
		}
		if known > ring.Newest() { // another machine has a file of its own: two keys of one number would shut each other out
			return 0, fmt.Errorf("key %d was made elsewhere and is not in %s: add its line there, and run nightlatch key rotate again; "+
				"where it is lost, and sealed nothing, add the line that nightlatch key new prints, with %d for its number", known, path, known+1)
		}
		if ring, err = ring.Add(s.rand, s.now()); err != nil {
			return 0, err
		}
		if err := sqlstore.GrowKeyFile(path, ring, r.did); err != nil {
			return 0, err
		}
		r.Made = true
		return ring.Newest(), r.did("grown")
	})
	if err != nil {
		return err
	}
	if err := s.Service.RenewKey(ctx); err != nil {
		return err
	}
	if r.Made {
		r.say("key %d was added to %s: keep a copy of it apart from the database", s.Service.Key().Newest(), path)
	}
	return r.did("known")
}

// finishRotation lets the newest key seal and seals anew what others sealed, until nothing is left.
func (s *Server) finishRotation(ctx context.Context, r *Rotation) error {
	if err := s.useNewest(ctx, r); err != nil {
		return err
	}
	newest := s.Service.Key().Sealing()
	r.Key = newest
	waited := false
	for {
		done, err := s.Service.Reseal(ctx, resealStep)
		r.Records += done.Records
		r.Stuck = done.Stuck
		if err != nil {
			return err
		}
		if err := r.did("resealed"); err != nil {
			return err
		}
		if waited && done.Records+done.Missed == 0 {
			return nil
		}
		if waited {
			continue
		}
		// Servers may have sealed with the key before until they noticed. What they left is found once all have.
		if err := s.untilAll(ctx, r, "still seals with another key", func(n sqlstore.Node) bool { return n.Seals >= newest }); err != nil {
			return err
		}
		waited = true
	}
}

// end says what came of it; the error names what cannot be opened.
func (r *Rotation) end() error {
	r.say("%d records were sealed anew with key %d", r.Records, r.Key)
	if len(r.Stuck) == 0 {
		return nil
	}
	lines := []error{fmt.Errorf("%d records cannot be opened and stay as they are: they are damaged, or need a key that is not in the ring", len(r.Stuck))}
	for _, record := range r.Stuck {
		lines = append(lines, record)
	}
	return errors.Join(lines...)
}

// useNewest waits until every server has the newest key, and lets it seal.
func (s *Server) useNewest(ctx context.Context, r *Rotation) error {
	newest := s.Service.Key().Newest()
	// This makes servers look for the key. It is used already where all have it.
	if _, err := s.useKey(ctx); err != nil {
		return err
	}
	if err := s.untilAll(ctx, r, fmt.Sprintf("lacks key %d", newest), func(n sqlstore.Node) bool { return n.Holds >= newest }); err != nil {
		return err
	}
	if err := r.did("with all"); err != nil {
		return err
	}
	lacking, err := s.useKey(ctx)
	switch {
	case err != nil:
		return err
	case len(lacking) > 0:
		return fmt.Errorf("%s began to serve just now and lacks key %d: give it that key, and run nightlatch key rotate again",
			strings.Join(names(lacking), ", "), s.Service.Key().Newest())
	}
	if err := r.did("in use"); err != nil {
		return err
	}
	return s.Service.RenewKey(ctx)
}

// useKey is sqlstore.Store.UseKey. Another rotation may have made a newer key meanwhile, and let it seal: then the ring is read
// anew, and that key is the one.
func (s *Server) useKey(ctx context.Context) (lacking []sqlstore.Node, err error) {
	for {
		newest := s.Service.Key().Newest()
		_, lacking, err = s.store.UseKey(ctx, s.Service.Key(), s.rand, s.now())
		if err == nil || s.Service.RenewKey(ctx) != nil || s.Service.Key().Newest() <= newest {
			return lacking, err
		}
	}
}

// untilAll waits until all servers that live are so far.
func (s *Server) untilAll(ctx context.Context, r *Rotation, lack string, ready func(n sqlstore.Node) bool) error {
	told := ""
	for end := time.Now().Add(r.Wait); ; {
		nodes, err := s.store.Nodes(ctx)
		if err != nil {
			return err
		}
		nodes = slices.DeleteFunc(nodes, func(n sqlstore.Node) bool { return !n.Lives(s.now()) || ready(n) })
		if len(nodes) == 0 {
			return nil
		}
		who := strings.Join(names(nodes), "; ")
		if !time.Now().Before(end) {
			return fmt.Errorf("a server %s: %s: give it the whole key ring, restart it if that comes from NIGHTLATCH_KEY, "+
				"and run nightlatch key rotate again, which goes on", lack, who)
		}
		if who != told {
			told = who
			r.say("waiting for a server that %s: %s", lack, who)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rotationLook):
		}
	}
}
