package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// enroll adds an authenticator app and returns the recovery codes.
func enroll(t *testing.T, b *browser) []string {
	t.Helper()
	p := &person{browser: b}
	if err := p.enroll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p.codes
}

// person is somebody with an account, and what the server has acknowledged.
type person struct {
	*browser
	name            string
	app             totp.Generator
	codes           []string // recovery codes that may be good
	used            []string // recovery codes that were acknowledged
	unsure          int      // of codes whose answer was lost
	signed, enrolls bool     // what was acknowledged
	answers         *atomic.Int64
}

// ask sends a request. lost: there is no answer, so it cannot be told what was done.
func (p *person) ask(ctx context.Context, status int, method, path string, body map[string]any) (answer map[string]any, lost bool, err error) {
	got, answer, err := p.api(ctx, method, path, body)
	if err != nil {
		return nil, true, nil //nolint:nilerr // that is what lost says
	}
	if got != status {
		return nil, false, fmt.Errorf("%s: %s %s answered %d, want %d: %v", p.name, method, path, got, status, answer)
	}
	if p.answers != nil {
		p.answers.Add(1)
	}
	return answer, false, nil
}

func (p *person) enroll(ctx context.Context) error {
	begun, lost, err := p.ask(ctx, http.StatusCreated, "POST", "/authenticators", map[string]any{"kind": "totp"})
	if lost || err != nil {
		return err
	}
	secret, err := totp.ParseSecret(begun["totp"].(map[string]any)["secret"].(string))
	if err != nil {
		return err
	}
	p.app = totp.Generator{Secret: secret}
	code, err := p.app.At(time.Now())
	if err != nil {
		return err
	}
	done, lost, err := p.ask(ctx, http.StatusCreated, "POST", "/authenticators/finish", map[string]any{"enrollment": begun["enrollment"], "code": code})
	if lost || err != nil {
		return err
	}
	for _, c := range done["recovery_codes"].([]any) {
		p.codes = append(p.codes, c.(string))
	}
	p.enrolls = true
	return nil
}

// live signs up, enrolls and signs in with recovery codes, until the server is gone.
func (p *person) live(ctx context.Context) error {
	account := map[string]any{"username": p.name, "password": moon}
	if _, lost, err := p.ask(ctx, http.StatusCreated, "POST", "/accounts", account); lost || err != nil {
		return err
	}
	p.signed = true
	if err := p.enroll(ctx); err != nil || !p.enrolls {
		return err
	}
	for len(p.codes) > 0 {
		if _, lost, err := p.ask(ctx, http.StatusOK, "POST", "/sign-in", map[string]any{"identifier": p.name, "password": moon}); lost || err != nil {
			return err
		}
		code := p.codes[0]
		p.codes = p.codes[1:]
		_, lost, err := p.ask(ctx, http.StatusOK, "POST", "/verifications", map[string]any{"kind": "recovery", "code": code})
		if lost {
			p.unsure++
		}
		if lost || err != nil {
			return err
		}
		p.used = append(p.used, code)
	}
	return nil
}

// check holds what the server knows now against what it has acknowledged.
func (p *person) check(ctx context.Context, url string) error {
	p.browser = newBrowser(url)
	if !p.signed {
		return nil
	}
	where, _, err := p.ask(ctx, http.StatusOK, "POST", "/sign-in", map[string]any{"identifier": p.name, "password": moon})
	if err != nil || !p.enrolls {
		return err
	}
	if where["next"] != "verify" {
		return fmt.Errorf("%s: the authenticator is lost: %v", p.name, where)
	}
	if len(p.used) > 0 { // the last one is the one whose commit was the nearest to the end
		refused, lost, err := p.ask(ctx, http.StatusUnauthorized, "POST", "/verifications", map[string]any{"kind": "recovery", "code": p.used[len(p.used)-1]})
		if lost || err != nil || refused["reason"] != "used" {
			return fmt.Errorf("%s: a used code: %v, %w", p.name, refused, err)
		}
	}
	left := -1
	for _, o := range where["offers"].([]any) {
		if o := o.(map[string]any); o["kind"] == "recovery" {
			left = int(o["left"].(float64))
		}
	}
	if most := 10 - len(p.used); left > most || left < most-p.unsure {
		return fmt.Errorf("%s: %d codes are left; %d were used, and of %d it is not known", p.name, left, len(p.used), p.unsure)
	}
	return nil
}

// TestKilled: whenever the server is killed, all that it has acknowledged is there afterwards, and no code that was
// good works again.
func TestKilled(t *testing.T) {
	t.Parallel()
	const kills, people = 5, 2
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(2026, 11)) //nolint:gosec // the same moments each time
	acknowledged := 0
	for round := range kills {
		p := mustServe(t, dir)
		all := make([]*person, people)
		errs := make([]error, people)
		var answers atomic.Int64
		var wg sync.WaitGroup
		for i := range all {
			all[i] = &person{browser: newBrowser(p.url), answers: &answers, name: fmt.Sprintf("person-%d-%d", round, i)}
			wg.Go(func() {
				if errs[i] = all[i].live(t.Context()); errs[i] != nil {
					t.Error(errs[i])
				}
			})
		}
		for enough := int64(4 + random.IntN(10)); answers.Load() < enough && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond) // in the midst of what comes next
		p.kill()
		wg.Wait()
		p = mustServe(t, dir)
		for i, who := range all {
			if errs[i] == nil {
				errs[i] = who.check(t.Context(), p.url)
			}
			if errs[i] != nil {
				t.Errorf("round %d: %v", round, errs[i])
			}
			if who.enrolls {
				acknowledged += 1 + len(who.used)
			}
		}
		if err := p.stop(); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
	}
	if acknowledged == 0 {
		t.Error("nothing was acknowledged before a kill: this test shows nothing")
	}
	t.Logf("%d things were acknowledged", acknowledged)
}
