package server

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/server/settings"
)

// TestDefinedAtOnce: nodes that start together take the accounts in once.
func TestDefinedAtOnce(t *testing.T) {
	t.Parallel()
	site, d := newSite(t), ada(t)
	d.TOTPSecret = shortSecret
	site.mustStart()
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		set := site.settings()
		set.Accounts = []settings.Account{d}
		wg.Go(func() { _, errs[i] = site.start(set) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestDefinedMeanwhile: an account that another process takes in between the look and the writing is the same one.
func TestDefinedMeanwhile(t *testing.T) {
	t.Parallel()
	site, d := newSite(t), ada(t)
	s, other := site.mustStart(), site.mustStart()
	var once sync.Once
	s.now = func() time.Time { // asked between the two
		once.Do(func() {
			if _, err := other.define(t.Context(), d); err != nil {
				t.Error(err)
			}
		})
		return site.clock.now()
	}
	a, err := s.define(t.Context(), d)
	if err != nil || a.ID != find(t, s, "ada").ID {
		t.Errorf("%+v, %v", a, err)
	}
}
