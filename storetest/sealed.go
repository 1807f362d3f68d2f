package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
)

// boxOf is what a key of a number sealed, by its first bytes: package seal has the format.
func boxOf(key byte, text string) []byte {
	return append([]byte{1, 0, 0, 0, key}, fmt.Sprintf("%-60s", text)...)
}

// sealedRecords are three records of a table.
func sealedRecords(t *testing.T, table string, key byte) (list []nightlatch.Record) {
	t.Helper()
	for _, id := range []string{"a", "b", "c"} {
		u, box := "u"+id, boxOf(key, table+id)
		switch table {
		case "users":
			list = append(list, nightlatch.UserRecord{User: id, Sealed: box})
		case "authenticators":
			r := authenticator(id, u)
			r.Sealed = box
			list = append(list, r)
		case "pendings":
			r := pending(id, "owner", u)
			r.Sealed = box
			list = append(list, r)
		case "messages":
			r := message(id, u)
			r.Sealed = box
			list = append(list, r)
		case "devices":
			r := device(id, u)
			r.Sealed = box
			list = append(list, r)
		case "links":
			r := link(id, u)
			r.Sealed = box
			list = append(list, r)
		default:
			t.Fatalf("the suite knows no table %q", table)
		}
	}
	return list
}

func noErr(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testSealed: all that is sealed is found in the order of its keys, counted, and replaced only as long as it is the same.
func testSealed(t *testing.T, s nightlatch.Store) {
	for _, table := range nightlatch.SealedTables() {
		for _, r := range sealedRecords(t, table, 1) {
			put(t, s, r)
		}
		after := func(after string, except byte, limit int) (ids []string, list []nightlatch.SealedRecord) {
			noErr(t, s.View(t.Context(), func(r nightlatch.Reader) (err error) {
				list, err = r.SealedAfter(t.Context(), table, after, boxOf(except, "")[:5], limit)
				return err
			}))
			for _, rec := range list {
				if want := boxOf(1, table+rec.ID); rec.Table == table && except == 2 && string(rec.Box) != string(want) && rec.ID != "b" {
					t.Errorf("%s %s is %q", table, rec.ID, rec.Box)
				}
				ids = append(ids, rec.ID)
			}
			return ids, list
		}
		all, list := after("", 2, 10)
		if !slices.Equal(all, []string{"a", "b", "c"}) || list[1].Revision != 1 || list[1].User != map[bool]string{true: "b", false: "ub"}[table == "users"] {
			t.Fatalf("%s: %+v", table, list)
		}
		if two, _ := after("", 2, 2); !slices.Equal(two, []string{"a", "b"}) {
			t.Errorf("%s: the first two are %v", table, two)
		}
		if rest, _ := after("a", 2, 10); !slices.Equal(rest, []string{"b", "c"}) {
			t.Errorf("%s: after a come %v", table, rest)
		}
		if none, _ := after("", 1, 10); len(none) > 0 {
			t.Errorf("%s: %v are not of key 1", table, none)
		}
		b := list[1]
		reseal := func(r nightlatch.SealedRecord) error {
			return s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
				return tx.PutSealed(ctx, r, boxOf(2, table+"anew"))
			})
		}
		other, older := b, b
		other.Box, older.Revision = boxOf(1, "another"), 2
		gone := b
		gone.ID = "d"
		for name, r := range map[string]nightlatch.SealedRecord{"another value": other, "another revision": older, "no record": gone} {
			if err := reseal(r); !errors.Is(err, nightlatch.ErrConflict) {
				t.Errorf("%s: %s: %v", table, name, err)
			}
		}
		noErr(t, reseal(b))
		if err := reseal(b); !errors.Is(err, nightlatch.ErrConflict) {
			t.Errorf("%s: twice: %v", table, err)
		}
		if left, _ := after("", 2, 10); !slices.Equal(left, []string{"a", "c"}) {
			t.Errorf("%s: left are %v", table, left)
		}
		if _, is := after("a", 1, 1); len(is) != 1 || is[0].Revision != 1 || string(is[0].Box) != string(boxOf(2, table+"anew")) {
			t.Errorf("%s: anew is %+v", table, is)
		}
	}
	e := event("ua", 1)
	e.MAC = []byte{0, 0, 0, 7, 1, 2, 3}
	put(t, s, e)
	testCountSealed(t, s)
}

func testCountSealed(t *testing.T, s nightlatch.Store) {
	var counts, want []nightlatch.SealedCount
	noErr(t, s.View(t.Context(), func(r nightlatch.Reader) (err error) {
		counts, err = r.CountSealed(t.Context())
		return err
	}))
	for _, table := range nightlatch.SealedTables() {
		want = append(want, nightlatch.SealedCount{Table: table, Key: 1, Records: 2}, nightlatch.SealedCount{Table: table, Key: 2, Records: 1})
	}
	want = append(want, nightlatch.SealedCount{Table: "events", Key: 7, Records: 1})
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	err := s.View(t.Context(), func(r nightlatch.Reader) error {
		_, err := r.SealedAfter(t.Context(), "sessions", "", nil, 1)
		return err
	})
	if err == nil {
		t.Error("something is sealed in a table that is none of those")
	}
}
