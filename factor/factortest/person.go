package factortest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// person is one who enrolls and proves, together with what the engine would keep.
type person struct {
	f        Fixture
	number   int
	now      time.Time
	seed     uint64 // the randomness of the next call
	rand     io.Reader
	turn     int
	begun    factor.Prompt
	pending  factor.State // of the enrollment
	enrolled factor.Enrolled
	held     factor.Held
}

// meet is a person who has enrolled nothing yet.
func meet(f Fixture, number int) *person {
	return &person{f: f, number: number, now: f.Call.Now, seed: uint64(number) << 32}
}

// enrolled is a person who has enrolled and waited until the next answer may be given.
func enrolled(ctx context.Context, f Fixture, number int) (*person, error) {
	p := meet(f, number)
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	if err := p.finish(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// call is a new call with these authenticators held.
func (p *person) call(held ...factor.Held) factor.Call {
	c := p.f.Call
	c.Now = p.now
	c.Held = held
	p.seed++
	c.Rand = p.rand
	if c.Rand == nil {
		c.Rand = seeded(p.seed)
	}
	return c
}

// enrollment is a new call for an enrollment.
func (p *person) enrollment() factor.Call {
	c := p.call()
	c.Purpose = factor.ForEnrollment
	return c
}

func (p *person) begin(ctx context.Context) error {
	prompt, pending, err := p.f.Factor.BeginEnrollment(ctx, p.enrollment(), p.f.Begin)
	if err != nil {
		return fmt.Errorf("BeginEnrollment failed: %w", err)
	}
	p.begun, p.pending = prompt, pending
	return nil
}

// finish answers the enrollment rightly.
func (p *person) finish(ctx context.Context) error {
	e, err := p.f.Factor.FinishEnrollment(ctx, p.enrollment(), p.pending, p.enrollmentAnswer())
	if err != nil {
		return fmt.Errorf("FinishEnrollment failed on a right response: %w", err)
	}
	return p.keep(e)
}

// enrollmentAnswer is the right response to the enrollment.
func (p *person) enrollmentAnswer() factor.Response {
	if p.f.Enroll == nil {
		return factor.Response{Kind: p.f.Factor.Info().Kind}
	}
	r := p.f.Enroll(p.asked(p.begun, true))
	p.turn++
	return p.named(r)
}

// keep takes over what an enrollment made, as the engine does.
func (p *person) keep(e factor.Enrolled) error {
	if len(e.State) == 0 {
		return errors.New("FinishEnrollment returned no State on a right response")
	}
	info := p.f.Factor.Info()
	if info.Backup && e.Left <= 0 {
		return errors.New("FinishEnrollment of a Backup factor returned no Left")
	}
	p.enrolled = e
	p.held = factor.Held{
		ID: "held-" + strconv.Itoa(p.number), Kind: info.Kind, Label: e.Label, Hint: e.Hint,
		Left: e.Left, State: e.State, CreatedAt: p.now,
	}
	p.rest()
	return nil
}

// rest lets the time go by that lies between one right answer and the next.
func (p *person) rest() { p.now = p.now.Add(p.f.Pause) }

func (p *person) challenge(ctx context.Context) (factor.Prompt, factor.State, error) {
	prompt, pending, err := p.f.Factor.Challenge(ctx, p.call(p.held), nil)
	if err != nil {
		return nil, nil, fmt.Errorf("Challenge failed: %w", err)
	}
	return prompt, pending, nil
}

func (p *person) asked(prompt factor.Prompt, enrolling bool) Asked {
	return Asked{
		Enrolling: enrolling, Prompt: prompt, Begun: p.begun, Enrolled: p.enrolled, Held: p.held,
		Number: p.number, Turn: p.turn, Now: p.now, Origin: p.f.Call.Origin,
	}
}

// answer is the right response to the challenge.
func (p *person) answer(prompt factor.Prompt) factor.Response {
	r := p.f.Answer(p.asked(prompt, false))
	p.turn++
	return p.named(r)
}

// wrong is a wrong response to the challenge.
func (p *person) wrong(prompt factor.Prompt) factor.Response {
	return p.named(p.f.Wrong(p.asked(prompt, false)))
}

func (p *person) named(r factor.Response) factor.Response {
	if r.Kind == "" {
		r.Kind = p.f.Factor.Info().Kind
	}
	return r
}

// prove answers a new challenge rightly and keeps what the engine would keep.
func (p *person) prove(ctx context.Context) error {
	prompt, pending, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	v, err := p.f.Factor.Verify(ctx, p.call(p.held), pending, p.answer(prompt))
	if err := p.proved(v, err); err != nil {
		return err
	}
	p.take(v)
	return nil
}

// proved says what a right response's verdict lacks.
func (p *person) proved(v factor.Verdict, err error) error {
	if err != nil {
		return fmt.Errorf("Verify failed on a right response: %w", err)
	}
	if v.Authenticator != p.held.ID {
		return fmt.Errorf("Verify named authenticator %q, the response was of %q", v.Authenticator, p.held.ID)
	}
	return saneClasses(v.Proof.Classes, p.f.Factor.Info().Class)
}

// take keeps a right verdict's state and waits.
func (p *person) take(v factor.Verdict) {
	if v.State != nil {
		p.held.State = v.State
	}
	p.held.Left, p.held.LastUsedAt = v.Left, p.now
	p.rest()
}

func saneClasses(got []factor.Class, own factor.Class) error {
	seen := map[factor.Class]bool{}
	for _, c := range got {
		if !knownClass(c) {
			return fmt.Errorf("the proof has the unknown class %q", c)
		}
		if seen[c] {
			return fmt.Errorf("the proof has the class %q twice", c)
		}
		seen[c] = true
	}
	if !seen[own] {
		return fmt.Errorf("the proof's classes %q lack the factor's own class %q", got, own)
	}
	return nil
}

func knownClass(c factor.Class) bool {
	return c == factor.Knowledge || c == factor.Possession || c == factor.Inherence
}

// refusal says what is wrong with the answer to a response that must be refused.
func refusal(v factor.Verdict, err error) (*factor.Refused, error) {
	if len(v.Proof.Classes) > 0 || !v.Proof.At.IsZero() {
		return nil, fmt.Errorf("a response that is not right returned a proof %+v", v.Proof)
	}
	if len(v.Warnings) > 0 {
		return nil, fmt.Errorf("a response that is not right returned warnings %q", v.Warnings)
	}
	if v.State != nil && v.Authenticator == "" {
		return nil, errors.New("a refused verdict has a State but names no Authenticator: the engine cannot keep it")
	}
	return saneRefused(err)
}

// saneRefused says what is wrong with an error that must be a refusal.
func saneRefused(err error) (*factor.Refused, error) {
	if err == nil {
		return nil, errors.New("a response that is not right was accepted")
	}
	var r *factor.Refused
	if !errors.Is(err, factor.ErrRefused) || !errors.As(err, &r) {
		return nil, fmt.Errorf("a wrong response must give *Refused, which is ErrRefused; got %T: %w", err, err)
	}
	switch r.Reason {
	case factor.Wrong, factor.Used, factor.Expired:
	case factor.Clock:
		if r.ClockOffBy == 0 {
			return nil, errors.New("a refusal for the clock says not how far it is off")
		}
	default:
		return nil, fmt.Errorf("unknown reason %q", r.Reason)
	}
	if (r.Field == "") != (r.Problem == "") {
		return nil, fmt.Errorf("field %q and problem %q must be set together", r.Field, r.Problem)
	}
	return r, nil
}
