package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
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
	sealWith(t, s, 9)
	says("fault: 1 records need key 9, which is not in the key ring: put it back into the key file " +
		filepath.Join(p.dir, "data", keyFile) + "\nwarning: key 2 was made elsewhere")
}

// sealWith makes one record need another key.
func sealWith(t *testing.T, s *Server, key uint32) {
	t.Helper()
	mustDo(t, s.store.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		list, err := tx.SealedAfter(ctx, "users", "", nil, 1)
		if err != nil {
			return err
		}
		box := bytes.Clone(list[0].Box)
		binary.BigEndian.PutUint32(box[1:5], key)
		return tx.PutSealed(ctx, list[0], box)
	}))
}

// TestLostKey: a server whose ring lacks an older key that records need serves all others, is ready, and says which key it
// is, once. When the key is back none is lost.
func TestLostKey(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.mustStart()
	add(t, s, Account{Username: "anna"})
	mustDo(t, s.RotateKey(t.Context(), &Rotation{}))
	s.lookForLost(t.Context())
	sealWith(t, s, 1)
	stop(t, s)
	path := filepath.Join(p.dir, "data", keyFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mustDo(t, os.WriteFile(path, regexp.MustCompile(`(?m)^1 .*\n`).ReplaceAll(whole, nil), 0o600))

	if s, err = p.start(p.settings("METRICS_LISTEN=localhost:0")); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	for range 2 {
		s.lookForLost(t.Context())
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=ERROR") || !strings.Contains(got, `key=1 records=1 into="the key file `) {
		t.Errorf("it said:\n%s", got)
	}
	wantMetric(t, scrape(t, s), "nightlatch_lost_records 1")
	if why := s.ready(t.Context()); why != nil {
		t.Errorf("it is not ready: %+v", why)
	}
	mustDo(t, os.WriteFile(path, whole, 0o600))
	mustDo(t, s.Service.RenewKey(t.Context()))
	s.lookForLost(t.Context())
	wantMetric(t, scrape(t, s), "nightlatch_lost_records 0")
}
