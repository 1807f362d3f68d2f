package nightlatch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/totp"
)

// Where pages share their host with scripts of others, one proof serves one change, and not for long.
func TestOneProofOneChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *nightlatch.Config) { c.Policy.ProofPerChange = true })
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.knocked("ann")
	id := must(w.Holdings(t.Context(), tok)).Authenticators[0].ID
	rename := func(label string) error {
		_, err := w.EditAuthenticator(t.Context(), tok, id, nightlatch.Edit{Label: &label}, client)
		return err
	}
	needed := func(what string, err error) {
		t.Helper()
		var fresh *nightlatch.FreshProofError
		if !errors.As(err, &fresh) {
			t.Errorf("%s: %v, want a fresh proof", what, err)
		}
	}
	prove := func() {
		t.Helper()
		w.clock.pass(time.Second)
		tok = w.must(w.prove(tok, "knock", "right")).Token
	}
	needed("after the sign-in alone", rename("first"))
	prove()
	w.want(rename("first"), nil)
	needed("a second change", rename("second"))
	w.clock.pass(time.Second)
	tok = w.must(w.Verify(t.Context(), tok, factor.Response{Kind: "knock", Code: "right"}, client, nightlatch.ServesNoChange)).Token
	needed("a proof for something else", rename("second"))
	prove()
	w.want(rename("second"), nil)
	prove()
	w.clock.pass(time.Minute)
	needed("a minute later", rename("third"))
	prove()
	_, err := w.ChangeOwn(t.Context(), tok, nightlatch.Own{Event: nightlatch.Event{Name: "renamed"}, Do: func(context.Context, nightlatch.User) error { return nil }})
	w.want(err, nil)
	needed("after a change of the application's", rename("third"))
	prove()
	w.want(w.TakeFresh(t.Context(), tok), nil)
	needed("taken", w.TakeFresh(t.Context(), tok))
	prove()
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: "knock", Label: "new"})
	needed("an enrollment was begun", rename("third"))
	d, err := w.finish(tok, e.ID, "", "right")
	w.want(err, nil)
	tok = d.Next.Token
	needed("an enrollment was finished", rename("third"))

	// Of many at once one is served.
	prove()
	n := 0
	for _, err := range inParallel(10, func(int) error { return w.TakeFresh(t.Context(), tok) }) {
		if err == nil {
			n++
		} else {
			needed("at once", err)
		}
	}
	if n != 1 {
		t.Errorf("%d of 10 at once were served", n)
	}
}

// What an enrollment shows suffices to finish it: a challenge as a secret does. It is shown to whoever proved, once.
func TestShownOnceWithProofPerChange(t *testing.T) {
	t.Parallel()
	key, sent := knock("key"), knock("sent")
	key.begin = func(factor.Call) (factor.Prompt, factor.State, error) {
		return factor.PublicKey{Create: true, Options: []byte(`{"challenge":"x"}`)}, factor.State(`{}`), nil
	}
	sent.info.Elsewhere = true
	w := newWorld(t, withFactors(key, sent), func(c *nightlatch.Config) { c.Policy.ProofPerChange = true })
	w.add("ann")
	tok := w.withPassword("ann")
	for _, kind := range []factor.Kind{"key", "sent", totp.ByTime} {
		w.clock.pass(time.Second)
		tok = w.must(w.Verify(t.Context(), tok, factor.Response{Kind: "password", Password: right}, client)).Token
		e := w.begin(tok, nightlatch.NewEnrollment{Kind: kind})
		again, err := w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{Kind: kind, Resume: true}, client)
		var fresh *nightlatch.FreshProofError
		if kind == "sent" && (err != nil || again.ID != e.ID) || kind != "sent" && (!errors.As(err, &fresh) || again.Prompt != nil) {
			t.Errorf("%s is resumed: %+v, %v", kind, again, err)
		}
		w.want(w.Enrolling(t.Context(), tok, e.ID), nil)
		w.want(w.Enrolling(t.Context(), w.withPassword("ann"), e.ID), nightlatch.ErrNotFound)
		w.want(w.Enrolling(t.Context(), tok, ""), nightlatch.ErrNotFound)
		w.want(w.CancelEnrollment(t.Context(), tok, kind), nil)
		w.want(w.Enrolling(t.Context(), tok, e.ID), nightlatch.ErrNotFound)
	}
}
