package nightlatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/nightlatch/nightlatch/internal/seal"
)

// SealedTables are the tables of which a store keeps something sealed, each in one column: all that a rotation of keys
// has to go through. Their names are those that the records are bound to.
func SealedTables() []string {
	return []string{"users", "authenticators", "pendings", "messages", "devices", "links"}
}

// SealedRecord is what is sealed of one record.
type SealedRecord struct {
	Table    string // one of SealedTables
	ID       string // the record's key
	User     string
	Box      []byte
	Revision int64
}

func (r SealedRecord) place() seal.Place {
	return seal.Place{Table: r.Table, Column: "sealed", ID: r.ID, User: r.User}
}

// SealedCount is how many records of a table depend on a key.
type SealedCount struct {
	Table   string // one of SealedTables, or "events", which are chained with a key and not sealed
	Key     uint32 // 0: what is there is no sealed value at all
	Records int64
}

// StuckRecord is a record that could not be opened, and so not be sealed anew.
type StuckRecord struct {
	Table, ID, User string
	Err             error
}

// Error says which, and why.
func (r StuckRecord) Error() string {
	return fmt.Sprintf("%s %s of user %q: %v", r.Table, r.ID, r.User, r.Err)
}

// Resealed is what Reseal did.
type Resealed struct {
	Records int // sealed anew
	Missed  int // changed by others meanwhile, and so left to another Reseal
	Stuck   []StuckRecord
}

// maxStuck bounds how many records are named.
const maxStuck = 100

// Reseal goes once through all that the store keeps sealed, in the order of the records' keys, and seals with the key that
// seals now what another key sealed; at most step records in one short transaction. It may be broken off and begun again at
// any time, and run beside any number of Services: a record that somebody changes meanwhile is left as that made it. One
// that cannot be opened is left as it is, and named (the first hundred are).
//
// Errors: ErrUnavailable, the ctx's; what was done until then stands.
func (s *Service) Reseal(ctx context.Context, step int) (Resealed, error) {
	var all Resealed
	for _, table := range SealedTables() {
		if err := s.resealTable(ctx, table, max(step, 1), &all); err != nil {
			return all, s.outer(err)
		}
	}
	return all, nil
}

func (s *Service) resealTable(ctx context.Context, table string, step int, all *Resealed) error {
	except := seal.Prefix(s.Key().Sealing())
	for after := ""; ; {
		var page []SealedRecord
		err := s.store.View(ctx, func(r Reader) (err error) {
			page, err = r.SealedAfter(ctx, table, after, except, step)
			return err
		})
		if err != nil {
			return err
		}
		if len(page) > 0 {
			after = page[len(page)-1].ID
		}
		if err := s.resealPage(ctx, page, all); err != nil {
			return err
		}
		if len(page) < step {
			return nil
		}
	}
}

// resealPage opens and seals before the transaction, which then only writes.
func (s *Service) resealPage(ctx context.Context, page []SealedRecord, all *Resealed) error {
	var anew []resealed
	for _, r := range page {
		box, err := s.reseal(ctx, r)
		switch {
		case isForeign(err):
			if len(all.Stuck) < maxStuck {
				all.Stuck = append(all.Stuck, StuckRecord{Table: r.Table, ID: r.ID, User: r.User, Err: err})
			}
		case err != nil:
			return err
		default:
			anew = append(anew, resealed{r, box})
		}
	}
	if len(anew) == 0 {
		return ctx.Err()
	}
	missed := 0
	err := s.store.Tx(ctx, func(ctx context.Context, tx Tx) error {
		missed = 0
		for _, r := range anew {
			switch err := tx.PutSealed(ctx, r.SealedRecord, r.box); {
			case errors.Is(err, ErrConflict):
				missed++
			case err != nil:
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	all.Records += len(anew) - missed
	all.Missed += missed
	return nil
}

type resealed struct {
	SealedRecord
	box []byte
}

func (s *Service) reseal(ctx context.Context, r SealedRecord) ([]byte, error) {
	plain, err := s.Key().Open(r.Box, r.place())
	if missing := (*seal.UnknownKeyError)(nil); errors.As(err, &missing) && s.mayOpenNow(ctx, missing.ID) {
		plain, err = s.Key().Open(r.Box, r.place())
	}
	if err != nil {
		return nil, err
	}
	box, err := s.Key().Seal(s.rand, plain, r.place())
	if err != nil {
		return nil, err
	}
	clear(plain)
	return box, nil
}

// SealedBy counts what depends on which key. Errors: ErrUnavailable.
func (s *Service) SealedBy(ctx context.Context) ([]SealedCount, error) {
	var list []SealedCount
	err := s.store.View(ctx, func(r Reader) (err error) {
		list, err = r.CountSealed(ctx)
		return err
	})
	return list, s.outer(err)
}

// lostStep is how many records are looked at together.
const lostStep = 500

// LostKeys counts the records that need a key which is not in the ring, by that key: nobody can open them. It goes through
// all records in short steps, and so takes long where there are many; through none where the ring has every number up to
// its newest. Errors: ErrUnavailable, the ctx's.
func (s *Service) LostKeys(ctx context.Context) (map[uint32]int64, error) {
	ring, lost := s.Key(), map[uint32]int64{}
	if uint32(len(ring.Keys())) == ring.Newest() { //nolint:gosec // a ring has few keys
		return lost, nil
	}
	for _, table := range SealedTables() {
		for after := ""; ; {
			var page []SealedRecord
			err := s.store.View(ctx, func(r Reader) (err error) {
				page, err = r.SealedAfter(ctx, table, after, seal.Prefix(ring.Sealing()), lostStep)
				return err
			})
			if err != nil {
				return nil, s.outer(err)
			}
			for _, r := range page {
				if id, ok := seal.PrefixKey(r.Box); ok && !ring.Holds(id) {
					lost[id]++
				}
				after = r.ID
			}
			if len(page) < lostStep {
				break
			}
		}
	}
	return lost, nil
}
