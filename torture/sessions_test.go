package torture

import (
	"context"
	"net/http"
	"time"
)

func (p *person) replace(ctx context.Context) error {
	s := p.some()
	if s == nil {
		return nil
	}
	a, err := p.ask(ctx, "POST", "/recovery-codes", s.token, nil)
	switch {
	case err != nil:
		return err
	case a.unknown:
		p.uncertain()
		return nil
	case a.status != http.StatusOK && a.status != http.StatusCreated:
		return p.fault("%w", a.unexpected())
	}
	p.w.did("new recovery codes")
	var texts []any
	if err := decode(a, "recovery_codes", &texts); err != nil || len(texts) != 10 {
		return p.fault("new recovery codes: %v: %w", err, a.unexpected())
	}
	p.newSet(texts)
	return nil
}

const mostSessions = 5

func (p *person) signOut(ctx context.Context) error {
	s := p.some()
	if s == nil || len(p.sessions) < 2 {
		return nil
	}
	if len(p.sessions) > mostSessions {
		return p.endOthers(ctx, s)
	}
	a, err := p.ask(ctx, "DELETE", "/session", s.token, nil)
	switch {
	case err != nil:
		return err
	case a.unknown:
		p.drop(s)
	case a.status == http.StatusNoContent:
		p.w.did("sign-out")
		p.end(s)
	default:
		return p.fault("a session that was never ended: %w", a.unexpected())
	}
	return nil
}

// endOthers ends all sessions but one.
func (p *person) endOthers(ctx context.Context, s *session) error {
	a, err := p.ask(ctx, "DELETE", "/sessions", s.token, nil)
	if err != nil {
		return err
	}
	if !a.unknown && a.status != http.StatusNoContent {
		return p.fault("%w", a.unexpected())
	}
	if a.unknown {
		p.sessions = []*session{s}
		return nil
	}
	p.endAllBut(s)
	p.w.did("end of other sessions")
	return nil
}

// look compares the list of authenticators.
func (p *person) look(ctx context.Context) error {
	s := p.some()
	if s == nil {
		return nil
	}
	a, err := p.ask(ctx, "GET", "/authenticators", s.token, nil)
	if err != nil || a.unknown {
		return err
	}
	list, ok := listOf(a, "authenticators")
	if a.status != http.StatusOK || !ok {
		return p.fault("%w", a.unexpected())
	}
	return p.compare(list)
}

// listOf is the list that an answer is, or has under a name.
func listOf(a answer, name string) ([]any, bool) {
	if list, ok := a.body["list"].([]any); ok {
		return list, true
	}
	list, ok := a.body[name].([]any)
	return list, ok
}

// refusedWithin is how soon each node refuses a session that was ended. The contract says a second; a machine that is
// busy gets more, since this is no test of speed.
const refusedWithin = 10 * time.Second

// lookAtSession asks whether a session goes on that should, or one is refused that should be.
func (p *person) lookAtSession(ctx context.Context) error {
	for _, s := range p.ended[max(0, len(p.ended)-2):] {
		if time.Since(s.endedAt) < refusedWithin {
			continue
		}
		if err := p.isEnded(ctx, s); err != nil {
			return err
		}
	}
	s := p.some()
	if s == nil {
		return nil
	}
	return p.goesOn(ctx, s)
}

func (p *person) goesOn(ctx context.Context, s *session) error {
	a, err := p.ask(ctx, "GET", "/session", s.token, nil)
	if err == nil && !a.unknown && a.status != http.StatusOK {
		err = p.fault("a session that was never ended: %w", a.unexpected())
	}
	return err
}

func (p *person) isEnded(ctx context.Context, s *session) error {
	a, err := p.ask(ctx, "GET", "/session", s.token, nil)
	if err == nil && !a.unknown && a.status != http.StatusUnauthorized {
		err = p.fault("a session that was ended %s ago: %w", time.Since(s.endedAt).Round(time.Millisecond), a.unexpected())
	}
	return err
}
