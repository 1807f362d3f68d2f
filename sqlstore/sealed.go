package sqlstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/seal"
)

// sealedTables is where the sealed column of each of nightlatch.SealedTables is, and what its records are found by.
func sealedTables() map[string]struct{ table, key string } {
	return map[string]struct{ table, key string }{
		"users":          {"nl_users", "user_id"},
		"authenticators": {"nl_authenticators", "id"},
		"pendings":       {"nl_pendings", "id"},
		"messages":       {"nl_messages", "id"},
		"devices":        {"nl_devices", "id"},
		"links":          {"nl_links", "token"},
	}
}

// SealedAfter is as in nightlatch.Reader.
func (r reader) SealedAfter(ctx context.Context, table, after string, except []byte, limit int) ([]nightlatch.SealedRecord, error) {
	at, ok := sealedTables()[table]
	if !ok {
		return nil, fmt.Errorf("sqlstore: nothing is sealed in a table %q", table)
	}
	scan := func(row scanner) (nightlatch.SealedRecord, error) {
		rec := nightlatch.SealedRecord{Table: table}
		err := row.Scan(&rec.ID, &rec.User, &rec.Box, &rec.Revision)
		return rec, err
	}
	var all []nightlatch.SealedRecord
	for len(all) < limit {
		last, err := r.sealedEnd(ctx, at.table, at.key, after)
		if err != nil || last == "" {
			return all, err
		}
		found, err := list(ctx, r, scan, `SELECT `+at.key+`, user_id, sealed, revision FROM `+at.table+`
			WHERE `+at.key+` > $1 AND `+at.key+` <= $2 AND substr(sealed, 1, 5) <> $3 ORDER BY `+at.key+` LIMIT $4`,
			after, last, blob(except), limit-len(all))
		if err != nil {
			return nil, err
		}
		all, after = append(all, found...), last
	}
	return all, nil
}

// sealedStep is how many records one statement looks at: where most are sealed anew already, to find the next that is not
// may mean to go through millions, and a statement has 10 s.
const sealedStep = 2000

// sealedEnd is the key up to which that is; "" where there is none after.
func (r reader) sealedEnd(ctx context.Context, table, key, after string) (last string, err error) {
	return find(ctx, r, func(row scanner) (last string, err error) {
		err = row.Scan(&last)
		return last, err
	}, `SELECT coalesce(max(k), '') FROM (SELECT `+key+` AS k FROM `+table+` WHERE `+key+` > $1 ORDER BY `+key+` LIMIT $2) AS page`,
		after, sealedStep)
}

// PutSealed is as in nightlatch.Tx. The value that is replaced is compared, too: a record may have been removed and made
// anew meanwhile, with the same revision.
func (t txn) PutSealed(ctx context.Context, r nightlatch.SealedRecord, box []byte) error {
	at, ok := sealedTables()[r.Table]
	if !ok {
		return fmt.Errorf("sqlstore: nothing is sealed in a table %q", r.Table)
	}
	return t.one(ctx, `UPDATE `+at.table+` SET sealed = $1 WHERE `+at.key+` = $2 AND revision = $3 AND sealed = $4`,
		blob(box), r.ID, r.Revision, blob(r.Box))
}

// countStep is how many records are counted by one statement, which must not take long.
const countStep = 20_000

// CountSealed is as in nightlatch.Reader. It goes through all records.
func (r reader) CountSealed(ctx context.Context) (all []nightlatch.SealedCount, err error) {
	for _, table := range nightlatch.SealedTables() {
		at := sealedTables()[table]
		text := `SELECT ` + at.key + `, 0, substr(sealed, 1, 5) FROM ` + at.table + ` WHERE ` + at.key + ` > $1 ORDER BY ` + at.key + ` LIMIT $2`
		counts, err := r.count(ctx, table, seal.PrefixKey, func(last counted) ([]counted, error) {
			return list(ctx, r, scanCounted, text, last.id, countStep)
		})
		if err != nil {
			return nil, err
		}
		all = append(all, counts...)
	}
	counts, err := r.count(ctx, "events", macKey, func(last counted) ([]counted, error) {
		return list(ctx, r, scanCounted, `SELECT user_id, seq, substr(mac, 1, 4) FROM nl_events
			WHERE (user_id, seq) > ($1, $2) ORDER BY user_id, seq LIMIT $3`, last.id, last.seq, countStep)
	})
	return append(all, counts...), err
}

// counted is a record that is counted: where it stands, and what its sealed value or its MAC begins with.
type counted struct {
	id     string
	seq    int64
	prefix []byte
}

func scanCounted(row scanner) (c counted, err error) {
	err = row.Scan(&c.id, &c.seq, &c.prefix)
	return c, err
}

func (r reader) count(ctx context.Context, table string, key func(prefix []byte) (uint32, bool), after func(last counted) ([]counted, error)) (list []nightlatch.SealedCount, err error) {
	counts, last := map[uint32]int64{}, counted{seq: math.MinInt64}
	for {
		page, err := after(last)
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			id, _ := key(c.prefix)
			counts[id]++
			last = c
		}
		if len(page) < countStep {
			break
		}
	}
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, nightlatch.SealedCount{Table: table, Key: id, Records: counts[id]})
	}
	return list, nil
}

// macKey is the number of the key that a MAC begins with.
func macKey(prefix []byte) (uint32, bool) {
	if len(prefix) < 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(prefix), true
}
