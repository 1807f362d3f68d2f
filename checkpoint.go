package nightlatch

import (
	"context"
	"encoding/binary"
	"errors"
	"time"
)

// Checkpoint is how long every trail was at a time, to be kept where nobody who gets at the database gets at it. What
// was put back to an earlier state, trails and all, is whole in itself: only a checkpoint tells.
type Checkpoint struct {
	At     time.Time `json:"at"`
	Trails []Trail   `json:"trails"` // in the order of their users
	MAC    []byte    `json:"mac"`    // over all of the above, by the newest key of the ring
}

// ErrNoCheckpoint: it was changed, or made with a key that the ring does not hold.
var ErrNoCheckpoint = errors.New("the checkpoint was changed, or was made with another key")

// Checkpoint notes all trails as they are counted; VerifyTrail says whether they are so.
// Errors: *BrokenTrailError (what counts one was changed), ErrUnavailable.
func (s *Service) Checkpoint(ctx context.Context) (Checkpoint, error) {
	c := Checkpoint{At: s.time(), Trails: []Trail{}}
	err := s.Users(ctx, func(user string) error {
		var st standing
		err := s.store.View(ctx, func(r Reader) (err error) {
			st, err = s.findStanding(ctx, r, user)
			return err
		})
		switch {
		case isForeign(err):
			return &BrokenTrailError{User: user, Reason: TrailUncounted}
		case err != nil:
			return s.outer(err)
		}
		if st.Events > 0 {
			c.Trails = append(c.Trails, Trail{User: user, Events: st.Events, Head: st.Head})
		}
		return nil
	})
	if err != nil {
		return Checkpoint{}, err
	}
	c.MAC = s.Key().MAC("checkpoint", c.parts()...)
	return c, nil
}

// CheckCheckpoint judges whether a checkpoint is one that Checkpoint made. Errors: ErrNoCheckpoint.
func (s *Service) CheckCheckpoint(c Checkpoint) error {
	if s.Key().CheckMAC(c.MAC, "checkpoint", c.parts()...) != nil {
		return ErrNoCheckpoint
	}
	return nil
}

// parts is what the MAC is over. Each part has its length before it.
func (c Checkpoint) parts() [][]byte {
	parts := [][]byte{binary.BigEndian.AppendUint64(nil, uint64(c.At.UnixMicro()))}
	for _, t := range c.Trails {
		parts = append(parts, []byte(t.User), binary.BigEndian.AppendUint64(nil, uint64(t.Events)), t.Head)
	}
	return parts
}

// TrailUsers calls each once for every user who has a trail or a record, also where nothing but events is left.
// Errors: those of each, ErrUnavailable.
func (s *Service) TrailUsers(ctx context.Context, each func(user string) error) error {
	seen := map[string]bool{}
	once := func(user string) error {
		if seen[user] {
			return nil
		}
		seen[user] = true
		return each(user)
	}
	if err := s.Users(ctx, once); err != nil {
		return err
	}
	for q := (EventQuery{}); ; {
		var page []EventRecord
		err := s.store.View(ctx, func(r Reader) (err error) {
			page, err = r.FindEvents(ctx, q, trailStep)
			return err
		})
		if err != nil {
			return s.outer(err)
		}
		for _, e := range page {
			if err := once(e.User); err != nil {
				return err
			}
			q.Before, q.BeforeUser, q.BeforeSeq = e.At, e.User, e.Seq
		}
		if len(page) < trailStep || q.Before.IsZero() {
			return nil
		}
	}
}
