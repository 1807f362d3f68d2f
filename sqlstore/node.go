package sqlstore

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/seal"
)

// Where several processes serve one database, a key must be with all of them before one seals with it: what the others
// cannot open they have to refuse. So each process that serves says now and then which keys it has, and the highest key
// seals once none of them lacks it.

// Node is a process that serves.
type Node struct {
	ID     string
	Name   string // for people
	Holds  uint32 // the newest key of its ring
	Seals  uint32 // the key that it seals with
	SeenAt time.Time
}

// NodeLives is how long a node counts that was not heard of. It is heard of several times within that.
const NodeLives = time.Minute

// Lives says whether a node counts. One from whose clock ours is further away than NodeLives does not.
func (n Node) Lives(now time.Time) bool { return now.Sub(n.SeenAt).Abs() < NodeLives }

// Beat notes that a node serves, and forgets those that were not heard of for a day.
func (s *Store) Beat(ctx context.Context, n Node) error {
	return s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
		t := tx.(txn)
		_, err := t.exec(ctx, `INSERT INTO nl_nodes (id, name, holds, seals, seen_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, holds = excluded.holds, seals = excluded.seals, seen_at = excluded.seen_at`,
			n.ID, n.Name, int64(n.Holds), int64(n.Seals), stamp(n.SeenAt))
		if err == nil {
			_, err = t.exec(ctx, `DELETE FROM nl_nodes WHERE seen_at < $1`, stamp(n.SeenAt.AddDate(0, 0, -1)))
		}
		return err
	})
}

// Leave notes that a node serves no more.
func (s *Store) Leave(ctx context.Context, id string) error {
	return s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
		_, err := tx.(txn).exec(ctx, `DELETE FROM nl_nodes WHERE id = $1`, id)
		return err
	})
}

// Nodes are all that were heard of lately, by their names. A database that was never brought so far knows of none.
func (s *Store) Nodes(ctx context.Context) (nodes []Node, err error) {
	err = s.View(ctx, func(r nightlatch.Reader) (err error) {
		nodes, err = nodesOf(ctx, r.(reader))
		return err
	})
	if IsUnmigrated(err) {
		return nil, nil
	}
	return nodes, err
}

func nodesOf(ctx context.Context, r reader) ([]Node, error) {
	return list(ctx, r, func(row scanner) (n Node, err error) {
		err = row.Scan(&n.ID, &n.Name, &n.Holds, &n.Seals, moment{&n.SeenAt})
		return n, err
	}, `SELECT id, name, holds, seals, seen_at FROM nl_nodes ORDER BY name, id`)
}

// KeyUse is what a database knows of its keys.
type KeyUse struct {
	Seals  uint32 // the number of the key in use; 0: none yet
	Newest uint32 // of the newest key that anybody has spoken of
}

// KeyUse reads which key is in use. It opens nothing.
func (s *Store) KeyUse(ctx context.Context) (u KeyUse, err error) {
	err = s.View(ctx, func(r nightlatch.Reader) error {
		var box []byte
		box, u.Newest, err = findKeyUse(ctx, r.(reader))
		u.Seals, _ = seal.PrefixKey(box)
		return err
	})
	return u, err
}

func findKeyUse(ctx context.Context, r reader) (box []byte, newest uint32, err error) {
	box, err = find(ctx, r, func(row scanner) (b []byte, err error) {
		err = row.Scan(&b, &newest)
		return b, err
	}, `SELECT key_check, newest_key FROM nl_meta WHERE id = 1`)
	return box, newest, err
}

// SealingKey says, as CheckKey, whether ring is that of this store, and returns it with the key in use to seal. It writes
// nothing.
func (s *Store) SealingKey(ctx context.Context, ring *nightlatch.KeyRing) (*nightlatch.KeyRing, error) {
	var box []byte
	err := s.View(ctx, func(r nightlatch.Reader) (err error) {
		box, err = findKeyCheck(ctx, r.(reader))
		return err
	})
	if err != nil {
		return nil, err
	}
	return sealingAs(ring, box)
}

func sealingAs(ring *nightlatch.KeyRing, box []byte) (*nightlatch.KeyRing, error) {
	if len(box) == 0 {
		return ring.SealingWith(ring.Newest())
	}
	if err := ring.Check(box); err != nil {
		return nil, err
	}
	id, err := seal.KeyID(box)
	if err != nil {
		return nil, err
	}
	return ring.SealingWith(id)
}

// UseKey is CheckKey where several processes serve: the newest key of ring is in use from now on if no node that lives lacks
// it; else the one in use stays, and lacking names those nodes. It returns the ring with the key in use to seal.
func (s *Store) UseKey(ctx context.Context, ring *nightlatch.KeyRing, random io.Reader, now time.Time) (in *nightlatch.KeyRing, lacking []Node, err error) {
	if in, err = s.SealingKey(ctx, ring); err != nil {
		return nil, nil, err
	}
	if u, err := s.KeyUse(ctx); err != nil || u.Seals == ring.Newest() && u.Newest >= u.Seals {
		return in, nil, err
	}
	err = s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) (err error) {
		in, lacking, err = useKey(ctx, tx.(txn), ring, random, now)
		return err
	})
	return in, lacking, err
}

// GrowingKey runs f while nobody else does so or calls UseKey, in any process: f makes a key and keeps it where the ring
// comes from. It is told the newest key that anybody has spoken of, and returns the newest that is there now, which is noted.
// It may be run again, and looks first whether the key is there already.
func (s *Store) GrowingKey(ctx context.Context, f func(ctx context.Context, newest uint32) (uint32, error)) error {
	return s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
		t := tx.(txn)
		if err := t.noteKey(ctx, 0); err != nil { // it makes all who want the same wait for each other
			return err
		}
		_, newest, err := findKeyUse(ctx, t.reader)
		if err != nil {
			return err
		}
		if newest, err = f(ctx, newest); err != nil {
			return err
		}
		return t.noteKey(ctx, newest)
	})
}

// noteKey notes that there is a key of that number.
func (t txn) noteKey(ctx context.Context, newest uint32) error {
	return t.one(ctx, `UPDATE nl_meta SET newest_key = CASE WHEN newest_key > $1 THEN newest_key ELSE $1 END WHERE id = 1`, int64(newest))
}

func useKey(ctx context.Context, t txn, ring *nightlatch.KeyRing, random io.Reader, now time.Time) (in *nightlatch.KeyRing, lacking []Node, err error) {
	// This comes first: it makes all who want the same wait for each other.
	if err := t.noteKey(ctx, ring.Newest()); err != nil {
		return nil, nil, err
	}
	box, err := findKeyCheck(ctx, t.reader)
	if err != nil {
		return nil, nil, err
	}
	if in, err = sealingAs(ring, box); err != nil {
		return nil, nil, err
	}
	if len(box) > 0 && in.Sealing() == ring.Newest() {
		return in, nil, nil
	}
	nodes, err := nodesOf(ctx, t.reader)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range nodes {
		if n.Lives(now) && n.Holds < ring.Newest() {
			lacking = append(lacking, n)
		}
	}
	if len(box) > 0 && len(lacking) > 0 {
		return in, lacking, nil
	}
	if in, err = ring.SealingWith(ring.Newest()); err != nil {
		return nil, nil, err
	}
	if box, err = in.NewCheck(random); err != nil {
		return nil, nil, fmt.Errorf("sqlstore: %w", err)
	}
	return in, nil, t.one(ctx, `UPDATE nl_meta SET key_check = $1 WHERE id = 1`, box)
}
