package factortest

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/nightlatch/nightlatch/factor"
)

var kindForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// checkInfo: Info is sane and the same before and after use.
func checkInfo(ctx context.Context, f Fixture) error {
	info := f.Factor.Info()
	if !kindForm.MatchString(string(info.Kind)) {
		return fmt.Errorf("Info().Kind %q is not lower case letters, digits and underscores", info.Kind)
	}
	if info.Name == "" {
		return errors.New("Info().Name is empty")
	}
	if !knownClass(info.Class) {
		return fmt.Errorf("Info().Class %q is unknown", info.Class)
	}
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	if err := p.prove(ctx); err != nil {
		return err
	}
	if again := f.Factor.Info(); again != info {
		return fmt.Errorf("Info changed from %+v to %+v", info, again)
	}
	return nil
}

// checkRight: what was enrolled proves, and again later, by any and by name.
func checkRight(ctx context.Context, f Fixture) error {
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	for range 2 {
		if err := p.prove(ctx); err != nil {
			return err
		}
	}
	p.f.Call.Chosen = p.held.ID
	if err := p.prove(ctx); err != nil {
		return fmt.Errorf("with the authenticator chosen: %w", err)
	}
	return nil
}

// checkWrong: a wrong response is refused, proves nothing, stays wrong, and does not spoil the right one.
func checkWrong(ctx context.Context, f Fixture) error {
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	wrong := p.wrong(prompt)
	for range 2 {
		v, err := f.Factor.Verify(ctx, p.call(p.held), pending, wrong)
		if _, err := refusal(v, err); err != nil {
			return err
		}
		if v.Authenticator != "" && v.Authenticator != p.held.ID {
			return fmt.Errorf("a refused verdict names %q, which is not held", v.Authenticator)
		}
		// What the engine keeps of a refused verdict, it keeps: tries, resynchronization.
		if v.State != nil {
			p.held.State = v.State
		}
		if v.Pending != nil {
			pending = v.Pending
		}
	}
	v, err := f.Factor.Verify(ctx, p.call(p.held), pending, p.answer(prompt))
	if err := p.proved(v, err); err != nil {
		return fmt.Errorf("after two wrong responses: %w", err)
	}
	return nil
}

// checkWrongEnrollment: a wrong response makes no authenticator and does not spoil the right one.
func checkWrongEnrollment(ctx context.Context, f Fixture) error {
	if f.Enroll == nil {
		return nil
	}
	p := meet(f, 0)
	if err := p.begin(ctx); err != nil {
		return err
	}
	wrong := p.named(f.Wrong(p.asked(p.begun, true)))
	e, err := f.Factor.FinishEnrollment(ctx, p.enrollment(), p.pending, wrong)
	if err := noEnrollment(e, err); err != nil {
		return err
	}
	if e.Pending != nil {
		p.pending = e.Pending
	}
	return p.finish(ctx)
}

// noEnrollment says what is wrong with an enrollment that must be refused.
func noEnrollment(e factor.Enrolled, err error) error {
	if _, err := saneRefused(err); err != nil {
		return err
	}
	if e.State != nil || e.Lookup != "" || e.Show != nil || e.Left != 0 {
		return errors.New("a refused enrollment returned an authenticator")
	}
	return nil
}

// checkUsed: what is good once is good once, at this challenge and at every later one.
func checkUsed(ctx context.Context, f Fixture) error {
	p, err := enrolled(ctx, f, 0)
	if err != nil || f.Reusable {
		return err
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	right := p.answer(prompt)
	v, err := f.Factor.Verify(ctx, p.call(p.held), pending, right)
	if err := p.proved(v, err); err != nil {
		return err
	}
	needsChallenge := pending != nil
	if !needsChallenge && v.State == nil {
		return errors.New("a right response changed neither the state nor a challenge: it can be used again")
	}
	if v.State != nil {
		p.held.State = v.State
	}
	// The engine drops a challenge that was answered; a factor without challenges must know it by itself.
	_, next, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	for _, pending := range []factor.State{nil, next} {
		v, err := f.Factor.Verify(ctx, p.call(p.held), pending, right)
		r, err := refusal(v, err)
		if err != nil {
			return fmt.Errorf("used a second time: %w", err)
		}
		if !needsChallenge && r.Reason != factor.Used {
			return fmt.Errorf("used a second time: the reason is %q, want %q", r.Reason, factor.Used)
		}
	}
	return nil
}

// checkNobody: with nothing held a right response is refused as any wrong one is.
func checkNobody(ctx context.Context, f Fixture) error {
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	right := p.answer(prompt)
	for _, pending := range []factor.State{nil, pending} {
		v, err := f.Factor.Verify(ctx, p.call(), pending, right)
		if _, err := refusal(v, err); err != nil {
			return fmt.Errorf("with nothing held: %w", err)
		}
		if v.Authenticator != "" {
			return fmt.Errorf("with nothing held the verdict names %q", v.Authenticator)
		}
	}
	// A challenge to nobody may be refused, but is no fault of ours.
	_, _, err = f.Factor.Challenge(ctx, p.call(), nil)
	if err != nil && !errors.Is(err, factor.ErrRefused) {
		return fmt.Errorf("Challenge with nothing held is neither a prompt nor a refusal: %w", err)
	}
	return nil
}

// checkChosen: a response is of the authenticator that was asked for, or it is refused.
func checkChosen(ctx context.Context, f Fixture) error {
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	c := p.call(p.held)
	c.Chosen = "of-another"
	v, err := f.Factor.Verify(ctx, c, pending, p.answer(prompt))
	if _, err := refusal(v, err); err != nil {
		return fmt.Errorf("with an authenticator chosen that is not held: %w", err)
	}
	return nil
}
