package torture

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"time"
)

// audit holds the records of all people against what the server knows now, when everything is up.
func (w *world) audit(ctx context.Context) {
	time.Sleep(2 * time.Second) // by then each node has seen what another has ended
	for _, p := range w.people {
		if err := p.audit(ctx); err != nil {
			w.fault(fmt.Errorf("at the end: %w", err))
		}
	}
}

func (p *person) audit(ctx context.Context) error {
	if !p.made {
		return nil
	}
	for _, s := range p.sessions {
		for n := range p.w.nodes {
			if err := p.session(ctx, n, s, http.StatusOK); err != nil {
				return err
			}
		}
	}
	for _, s := range p.ended {
		for n := range p.w.nodes {
			if err := p.session(ctx, n, s, http.StatusUnauthorized); err != nil {
				return err
			}
		}
	}
	if err := p.entersAgain(ctx); err != nil || !p.hold {
		return err
	}
	if err := p.look(ctx); err != nil {
		return err
	}
	return p.usedStayUsed(ctx)
}

// session demands an answer of one node about a session.
func (p *person) session(ctx context.Context, node int, s *session, status int) error {
	a, err := p.askAt(ctx, node, "GET", "/session", s.token, nil)
	if err == nil && (a.unknown || a.status != status) {
		err = p.fault("a session, ended at %v: %w, want %d", s.endedAt, a.unexpected(), status)
	}
	return err
}

// entersAgain signs in with a factor of one's own, so that nobody was locked out.
func (p *person) entersAgain(ctx context.Context) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		before := len(p.sessions)
		if err := p.signIn(ctx); err != nil {
			return err
		}
		if len(p.sessions) > before {
			if p.hold { // the others may be of before it was
				p.sessions = p.sessions[len(p.sessions)-1:]
			}
			return nil
		}
		if err := rest(ctx, 200*time.Millisecond); err != nil { // a code by time may come only with the next step
			return err
		}
	}
	return p.fault("is locked out: no sign-in for %s", patience)
}

// usedStayUsed sends codes again that were good once, and those of sets that were replaced.
func (p *person) usedStayUsed(ctx context.Context) error {
	if len(p.sessions) == 0 {
		return nil
	}
	s := p.sessions[len(p.sessions)-1]
	codes := p.recovery
	if p.replacing {
		codes = nil
	}
	codes = append(codes[:len(codes):len(codes)], p.spent[max(0, len(p.spent)-6):]...)
	codes = append(codes, p.retired[max(0, len(p.retired)-4):]...)
	for _, c := range codes {
		if !c.dead && c.fate != used || p.removed[c.id] {
			continue
		}
		if err := p.prove(ctx, s, c, -1); err != nil {
			return err
		}
	}
	return nil
}

// trails demands that the chain of each account's events is whole.
func (w *world) trails(ctx context.Context) {
	cmd := exec.CommandContext(ctx, w.nodes[0].program, "events", "verify") //nolint:gosec // the program that is tested
	cmd.Dir, cmd.Env = w.dir, plainEnv()
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.fault(fmt.Errorf("events verify: %w: %s", err, out))
		return
	}
	w.t.Logf("events verify: %s", out)
}
