package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch"
)

// TestDoctorOfKeys says which key records need that is not there, and which one others have.
func TestDoctorOfKeys(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.mustStart()
	add(t, s, Account{Username: "anna"})
	says := func(want string) {
		t.Helper()
		var all []string
		for _, f := range Diagnose(t.Context(), Examination{Settings: p.settings(), Drivers: drivers, Now: p.clock.now, Rand: zeroRand{}}) {
			if f.Area == "key" {
				all = append(all, string(f.Grade)+": "+f.Text)
			}
		}
		if got := strings.Join(all, "\n"); !strings.HasPrefix(got, want) || strings.Count(got, "\n") != strings.Count(want, "\n") {
			t.Errorf("it says\n%s\nwant\n%s", got, want)
		}
	}
	says("ok: it is the one of this database; newest is number 1")
	mustDo(t, s.store.GrowingKey(t.Context(), func(context.Context, uint32) (uint32, error) { return 2, nil }))
	says("ok: it is the one of this database; newest is number 1, and a copy belongs into your backup\nwarning: key 2 was made elsewhere and is not in the key file ")
	mustDo(t, s.store.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		list, err := tx.SealedAfter(ctx, "users", "", nil, 1)
		if err != nil {
			return err
		}
		box := bytes.Clone(list[0].Box)
		binary.BigEndian.PutUint32(box[1:5], 9)
		return tx.PutSealed(ctx, list[0], box)
	}))
	says("fault: 1 records need key 9, which is not in the key ring: put it back into the key file " +
		filepath.Join(p.dir, "data", keyFile) + "\nwarning: key 2 was made elsewhere")
}
