package nightlatch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// bound is a fake factor whose states are the names that they are bound to.
type bound struct {
	*fake
	to string
}

func (b bound) BoundTo(of factor.State) (string, bool, error) {
	name, ok := strings.CutPrefix(string(of), "to ")
	if !ok {
		return "", false, errors.New("no such state")
	}
	return name, name == b.to, nil
}

func withBound(to string) func(*nightlatch.Config) {
	return func(c *nightlatch.Config) { c.Factors = append(c.Factors[:4:4], bound{knock("bound"), to}) }
}

// bind gives people authenticators that are bound to names.
func (w *world) bind(user string, states ...string) {
	w.Helper()
	for i, state := range states {
		w.install(nightlatch.Installation{
			User: user, Kind: "bound", Label: fmt.Sprint("bound ", i), Enrolled: factor.Enrolled{State: factor.State(state)},
		})
	}
}

// TestCutOff: what is bound to another name than the settings' is counted, and who holds nothing else; not those who are
// disabled or gone, nor what is over. What cannot be read counts for nothing.
func TestCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBound("old"))
	for _, user := range []string{"app", "both", "codes", "disabled", "gone", "none", "only", "rubbish", "twice"} {
		w.add(user)
	}
	w.bind("app", "to old")
	w.addPhone("app", "app")
	w.bind("both", "to old", "to new")
	w.bind("codes", "to old")
	w.addPaper("codes")
	w.bind("disabled", "to old")
	w.bind("gone", "to old")
	w.bind("only", "to older")
	w.bind("rubbish", "rubbish", "to old")
	w.bind("twice", "to old", "to oldest", "to least")
	w.people.put(nightlatch.User{ID: "disabled", Disabled: true})
	w.people.remove("gone")

	of := func(to string) nightlatch.CutOff {
		t.Helper()
		return must(w.another(withBound(to)).CutOff(t.Context(), "bound"))
	}
	for to, want := range map[string]nightlatch.CutOff{
		"new": {
			Authenticators: 8, Users: 6, Stranded: 4, WithCodes: 1, Unread: 1,
			Names: []nightlatch.BoundName{{"old", 5}, {"least", 1}, {"older", 1}},
		},
		"old": {
			Authenticators: 4, Users: 3, Stranded: 1, Unread: 1,
			Names: []nightlatch.BoundName{{"least", 1}, {"new", 1}, {"older", 1}},
		},
	} {
		if diff := cmp.Diff(want, of(to)); diff != "" {
			t.Errorf("bound to %s (-want +got)\n%s", to, diff)
		}
	}
	// A kind that the Config lacks has nothing that works, and one that is bound to nothing is not looked at.
	lacking := w.another(func(c *nightlatch.Config) { c.Factors = c.Factors[:4:4] })
	want := nightlatch.CutOff{Authenticators: 10, Users: 6, Stranded: 5, WithCodes: 1}
	if diff := cmp.Diff(want, must(lacking.CutOff(t.Context(), "bound"))); diff != "" {
		t.Errorf("lacking (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(nightlatch.CutOff{}, must(lacking.CutOff(t.Context(), "totp"))); diff != "" {
		t.Errorf("apps (-want +got)\n%s", diff)
	}
	w.people.fail(errors.New("users cannot be read"))
	if got, err := w.CutOff(t.Context(), "bound"); !errors.Is(err, nightlatch.ErrUnavailable) || got.Users > 0 {
		t.Errorf("without users: %+v, %v", got, err)
	}
}

// TestCutOffOfManyPages counts the users of several pages once each. What is over, or suspended, is not asked for.
func TestCutOffOfManyPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBound("old"))
	const people = 502 // a page has 500
	err := w.store.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		for i := range people {
			user := fmt.Sprintf("%05d", i)
			err := tx.Put(ctx, nightlatch.UserRecord{User: user, Sealed: []byte{1}})
			records := []nightlatch.AuthenticatorRecord{{}, {ExpiresAt: start}, {Allows: factor.AllowsNothing}}
			if i > 0 {
				records = records[:1]
			}
			for n, r := range records {
				r.ID, r.User, r.Kind, r.Sealed = fmt.Sprint(user, n), user, "bound", []byte{1}
				err = errors.Join(err, tx.Put(ctx, r))
			}
			if err != nil {
				return err
			}
			w.people.put(nightlatch.User{ID: user})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(nightlatch.CutOff{Unread: people}, must(w.CutOff(t.Context(), "bound"))); diff != "" {
		t.Errorf("unread (-want +got)\n%s", diff)
	}
	lacking := w.another(func(c *nightlatch.Config) { c.Factors = c.Factors[:4:4] })
	want := nightlatch.CutOff{Authenticators: people, Users: people, Stranded: people}
	if diff := cmp.Diff(want, must(lacking.CutOff(t.Context(), "bound"))); diff != "" {
		t.Errorf("lacking (-want +got)\n%s", diff)
	}
}
