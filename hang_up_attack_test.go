package nightlatch_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// hangUp is a client that goes as soon as its response is judged, before what that came to is written.
type hangUp struct{ cancel context.CancelFunc }

func (h *hangUp) now() { h.cancel() }

// Whoever hangs up in the middle gets no try back: a hash that nobody waits for costs as much as any other.
func TestWhoHangsUpIsCounted(t *testing.T) {
	t.Parallel()
	hang := &hangUp{func() {}}
	wrong := func(factor.Call, factor.State, factor.Response) (factor.Verdict, error) {
		hang.now()
		return factor.Verdict{}, factor.Refuse(factor.Wrong)
	}
	phrase, slow := knock("phrase"), knock("slow")
	phrase.info.Class = factor.Knowledge
	phrase.verify, slow.verify = wrong, wrong
	slow.finish = func(factor.Call, factor.State, factor.Response) (factor.Enrolled, error) {
		hang.now()
		return factor.Enrolled{}, factor.Refuse(factor.Wrong)
	}
	tries := map[string]func(w *world) (try func(ctx context.Context) error, end error){
		"a password, of a name": func(w *world) (func(ctx context.Context) error, error) {
			return func(ctx context.Context) error {
				_, err := w.ProveFirst(ctx, nightlatch.First{User: "ann", Name: "ann", Response: factor.Response{Kind: "phrase"}})
				return err
			}, &nightlatch.ThrottledError{}
		},
		"a password, of nobody": func(w *world) (func(ctx context.Context) error, error) {
			return func(ctx context.Context) error {
				_, err := w.ProveFirst(ctx, nightlatch.First{Name: "nobody", Response: factor.Response{Kind: "phrase"}})
				return err
			}, &nightlatch.ThrottledError{}
		},
		"a code": func(w *world) (func(ctx context.Context) error, error) {
			w.install(nightlatch.Installation{User: "ann", Kind: "slow", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
			tok := w.begun("ann")
			return func(ctx context.Context) error {
				_, err := w.Verify(ctx, tok, factor.Response{Kind: "slow", Code: "1"}, client)
				return err
			}, &nightlatch.ThrottledError{}
		},
		"an enrollment": func(w *world) (func(ctx context.Context) error, error) {
			tok := w.withPassword("ann")
			e, err := w.BeginEnrollment(w.Context(), tok, nightlatch.NewEnrollment{Kind: "slow"}, client)
			if err != nil {
				w.Fatal(err)
			}
			return func(ctx context.Context) error {
				_, err := w.FinishEnrollment(ctx, tok, e.ID, "", factor.Response{Code: "1"}, client)
				return err
			}, nightlatch.ErrNotFound
		},
	}
	for name, begin := range tries {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, withFactors(phrase, slow))
			w.add("ann")
			hang.cancel = func() {}
			try, end := begin(w)
			for range 5 {
				ctx, cancel := context.WithCancel(w.Context())
				hang.cancel = cancel
				if err := try(ctx); err == nil {
					t.Fatal("a wrong one was right")
				}
			}
			err := try(w.Context())
			if throttled := new(nightlatch.ThrottledError); errors.As(end, &throttled) {
				if !errors.As(err, &throttled) {
					t.Fatalf("err = %v after five wrong ones, want throttled", err)
				}
				return
			}
			w.want(err, end)
		})
	}
}
