package factortest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// checkClock: the time is the call's. What works today works in calls of another century.
func checkClock(ctx context.Context, f Fixture) error {
	for _, year := range []int{2001, 2099} {
		f.Call.Now = time.Date(year, 3, 1, 12, 0, 0, 0, time.UTC)
		p, err := enrolled(ctx, f, 0)
		if err != nil {
			return fmt.Errorf("in the year %d: %w", year, err)
		}
		if err := p.prove(ctx); err != nil {
			return fmt.Errorf("in the year %d: %w", year, err)
		}
	}
	return nil
}

// trace is all that a factor returned to one person.
type trace struct {
	Begun     factor.Prompt
	Pending   factor.State
	Enrolled  factor.Enrolled
	Prompt    factor.Prompt
	Challenge factor.State
	Verdict   factor.Verdict
}

// traced enrolls and proves once.
func traced(ctx context.Context, f Fixture, seed uint64) (trace, error) {
	p := meet(f, 0)
	p.seed = seed
	if err := p.begin(ctx); err != nil {
		return trace{}, err
	}
	if err := p.finish(ctx); err != nil {
		return trace{}, err
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil {
		return trace{}, err
	}
	v, err := f.Factor.Verify(ctx, p.call(p.held), pending, p.answer(prompt))
	if err := p.proved(v, err); err != nil {
		return trace{}, err
	}
	return trace{p.begun, p.pending, p.enrolled, prompt, pending, v}, nil
}

// checkRandomness: randomness is the call's: the same gives the same, other gives other.
func checkRandomness(ctx context.Context, f Fixture) error {
	if f.OwnRandomness {
		return nil
	}
	one, err := traced(ctx, f, 1000)
	if err != nil {
		return err
	}
	same, err := traced(ctx, f, 1000)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(one, same) {
		return errors.New("equal calls with equal randomness gave unequal results: something is not from the Call")
	}
	other, err := traced(ctx, f, 2000)
	if err != nil {
		return err
	}
	if reflect.DeepEqual(one.Enrolled.State, other.Enrolled.State) {
		return errors.New("other randomness enrolled the same state: the Call's is not used")
	}
	return nil
}

// noRandomness is a source that has failed.
type noRandomness struct{}

func (noRandomness) Read([]byte) (int, error) { return 0, errNoRandomness }

var errNoRandomness = errors.New("no randomness")

// counted counts what is read.
type counted struct {
	from io.Reader
	n    int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	c.n += n
	return n, err
}

// checkNoRandomness: without randomness no secret is made, and that is a fault of ours.
func checkNoRandomness(ctx context.Context, f Fixture) error {
	if f.OwnRandomness {
		return nil
	}
	p := meet(f, 0)
	step := func(name string, call func() error) error {
		c := &counted{from: seeded(1)}
		p.rand = c
		if err := call(); err != nil {
			return err
		}
		if c.n == 0 {
			return nil
		}
		p.rand = noRandomness{}
		if err := call(); err == nil {
			return fmt.Errorf("%s succeeded without the randomness that it needs", name)
		} else if errors.Is(err, factor.ErrRefused) {
			return fmt.Errorf("%s called missing randomness a wrong response: %w", name, err)
		}
		return nil
	}
	if err := step("BeginEnrollment", func() error { return p.begin(ctx) }); err != nil {
		return err
	}
	answer := p.enrollmentAnswer()
	err := step("FinishEnrollment", func() error {
		e, err := f.Factor.FinishEnrollment(ctx, p.enrollment(), p.pending, answer)
		if err != nil {
			return err
		}
		return p.keep(e)
	})
	if err != nil {
		return err
	}
	return step("Challenge", func() error { _, _, err := p.challenge(ctx); return err })
}

// checkCanceled: a caller who has gone is heard or does not matter; a right response is never called wrong.
func checkCanceled(ctx context.Context, f Fixture) error {
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	right := p.answer(prompt)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	late, half := meet(f, 1), meet(f, 2)
	if err := half.begin(ctx); err != nil {
		return err
	}
	for name, call := range map[string]func() error{
		"BeginEnrollment":  func() error { return late.begin(gone) },
		"FinishEnrollment": func() error { return half.finish(gone) },
		"Challenge":        func() error { _, _, err := f.Factor.Challenge(gone, p.call(p.held), nil); return err },
		"Verify": func() error {
			v, err := f.Factor.Verify(gone, p.call(p.held), pending, right)
			if err != nil && len(v.Proof.Classes) > 0 {
				return errors.New("an error came with a proof")
			}
			return err
		},
	} {
		if err := call(); err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s with a canceled context: %w", name, err)
		}
	}
	return nil
}

// checkConcurrent: many goroutines may ask at once. The race detector sees what they share.
func checkConcurrent(ctx context.Context, f Fixture) error {
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	right, wrong := p.answer(prompt), p.wrong(prompt)
	const many = 8
	errs := make([]error, 2*many)
	var wg sync.WaitGroup
	for i := range errs {
		c, begin := p.call(p.held), p.enrollment()
		wg.Go(func() {
			defer recovered(&errs[i])
			_ = f.Factor.Info()
			if i%2 == 0 {
				v, err := f.Factor.Verify(ctx, c, pending, right)
				errs[i] = p.proved(v, err)
				return
			}
			if _, _, err := f.Factor.BeginEnrollment(ctx, begin, f.Begin); err != nil {
				errs[i] = err
				return
			}
			v, err := f.Factor.Verify(ctx, c, pending, wrong)
			_, errs[i] = refusal(v, err)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
