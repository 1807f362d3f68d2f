package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

const password = "a tree grows on the moon"

// session is a token that was given out.
type session struct {
	token   string
	endedAt time.Time // when the end was acknowledged; zero: it goes on
}

// person is an account and what its owner knows of it. One goroutine at a time uses it.
type person struct {
	w      *world
	random *rand.Rand
	name   string

	made      bool // the account is there
	hold      bool // a second factor is there, for sure
	apps      []*app
	perhaps   []*app          // their enrollment was not answered
	removed   map[string]bool // ids of which the removal was acknowledged
	recovery  []*code         // of the set that is good
	retired   []*code         // of sets that are not
	replacing bool            // a new set was asked for, and not answered: none is known
	spent     []*code         // those that were sent
	open      map[string]*code
	sessions  []*session
	ended     []*session
	labels    int

	mu      sync.Mutex // of what follows: one code is sent twice at once
	history []string   // the last requests
}

func newPerson(w *world, name string, random *rand.Rand) *person {
	return &person{w: w, random: random, name: name, removed: map[string]bool{}, open: map[string]*code{}}
}

func (p *person) ask(ctx context.Context, method, path, token string, body any) (answer, error) {
	return p.askAt(ctx, -1, method, path, token, body)
}

// askAt asks the node of a number, and notes what came.
func (p *person) askAt(ctx context.Context, node int, method, path, token string, body any) (answer, error) {
	a, err := p.w.ask(ctx, node, method, path, token, body)
	what := fmt.Sprintf("%s %s with %.9s: %d %v", time.Now().Format("15:04:05.000"), a.what, token, a.status, body)
	if a.unknown {
		what += ", unknown"
	}
	if got := a.text("token"); got != "" {
		what += fmt.Sprintf(", now %.9s", got)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.history = append(p.history[max(0, len(p.history)-15):], what)
	return a, err
}

// fault names whose fault it is, and what came before it.
func (p *person) fault(format string, args ...any) error {
	return fmt.Errorf("%s: %w, after\n  %s", p.name, fmt.Errorf(format, args...), strings.Join(p.history, "\n  "))
}

// signUp makes the account. Where no answer came it is asked again: then it may be taken, by ourselves.
func (p *person) signUp(ctx context.Context) error {
	asked := false
	for {
		a, err := p.ask(ctx, "POST", "/accounts", "", object{"username": p.name, "password": password, "transport": "token"})
		switch {
		case err != nil:
			return err
		case a.unknown:
			asked = true
			if err := rest(ctx, 50*time.Millisecond); err != nil {
				return err
			}
			continue
		case a.status == http.StatusConflict && asked:
			p.made = true
			return nil
		case a.status != http.StatusCreated || a.text("token") == "":
			return p.fault("sign-up: %w", a.unexpected())
		}
		p.made = true
		p.w.did("sign-up")
		p.keep(a.text("token"))
		return nil
	}
}

func (p *person) keep(token string) *session {
	s := &session{token: token}
	p.sessions = append(p.sessions, s)
	return s
}

// drop forgets a session of which nobody can say whether it goes on.
func (p *person) drop(s *session) {
	for i, is := range p.sessions {
		if is == s {
			p.sessions = append(p.sessions[:i:i], p.sessions[i+1:]...)
			return
		}
	}
}

// end notes that the end of a session was acknowledged.
func (p *person) end(s *session) {
	p.drop(s)
	s.endedAt = time.Now()
	p.ended = append(p.ended, s)
}

// firstStep proves the password. It returns the token of the sign-in, or the session where that is all that is asked; both
// are empty where no answer came.
func (p *person) firstStep(ctx context.Context) (signIn string, s *session, err error) {
	a, err := p.ask(ctx, "POST", "/sign-in", "", object{"identifier": p.name, "password": password, "transport": "token"})
	if err != nil || a.unknown {
		return "", nil, err
	}
	if a.status != http.StatusOK {
		return "", nil, p.fault("the right password: %w", a.unexpected())
	}
	switch a.text("next") {
	case "done":
		if p.hold {
			return "", nil, p.fault("the second factor is lost: %w", a.unexpected())
		}
		return "", p.keep(a.text("token")), nil
	case "verify":
		if !p.hold && len(p.perhaps) == 0 {
			return "", nil, p.fault("a second factor that nobody enrolled: %w", a.unexpected())
		}
		offers, _ := a.body["offers"].([]any)
		return a.text("token"), nil, p.compare(offers)
	}
	return "", nil, p.fault("after the password: %w", a.unexpected())
}

// compare holds what the server knows of the authenticators against what it has acknowledged.
func (p *person) compare(list []any) error {
	there := map[string]string{}
	for _, o := range list {
		o, _ := o.(object)
		id, _ := o["id"].(string)
		label, _ := o["label"].(string)
		if id == "" {
			continue
		}
		there[id] = label
		if p.removed[id] {
			return p.fault("%q was removed, and is back", label)
		}
	}
	kept := p.apps[:0:0]
	for _, a := range p.apps {
		label, ok := there[a.id]
		delete(there, a.id)
		switch {
		case !ok && !a.gone:
			return p.fault("the authenticator %q is lost; there are %v", a.label, list)
		case !ok:
			p.removed[a.id] = true
			continue
		case !a.mayBe(label):
			return p.fault("%q was renamed to %q, and is called %q", a.labels, a.label, label)
		}
		kept = append(kept, a)
	}
	p.apps = kept
	for id, label := range there {
		if err := p.found(id, label); err != nil {
			return err
		}
	}
	return nil
}

// found takes in an authenticator whose enrollment was not answered.
func (p *person) found(id, label string) error {
	for i, a := range p.perhaps {
		if a.label == label {
			a.id = id
			p.apps = append(p.apps, a)
			p.perhaps = append(p.perhaps[:i:i], p.perhaps[i+1:]...)
			if !p.hold {
				p.hold, p.replacing = true, true // its recovery codes were never seen
			}
			return nil
		}
	}
	return p.fault("nobody enrolled %q (%s)", label, id)
}

// endAllBut notes what a change of an authenticator does to the other sessions.
func (p *person) endAllBut(s *session) {
	for _, other := range append([]*session(nil), p.sessions...) {
		if other != s {
			p.end(other)
		}
	}
}

// pick chooses a code to send: one whose fate is open first, else one that was never sent. It returns nil where there is
// none now. Recovery codes are chosen seldom, and where nothing else is left.
func (p *person) pick(now time.Time) (*code, error) {
	if !p.replacing && p.random.IntN(5) == 0 {
		if c := p.pickRecovery(); c != nil {
			return c, nil
		}
	}
	for _, i := range p.random.Perm(len(p.apps)) {
		a := p.apps[i]
		if a.gone {
			continue
		}
		if c := p.open[a.id]; c != nil && c.fate == maybe {
			return c, nil
		}
		c, err := a.fresh(now)
		if err != nil {
			return nil, err
		}
		if c != nil {
			p.open[a.id] = c
			p.spent = append(p.spent, c)
			return c, nil
		}
	}
	if p.replacing {
		return nil, nil
	}
	return p.pickRecovery(), nil
}

func (p *person) pickRecovery() *code {
	for _, c := range p.recovery {
		if c.fate != used {
			return c
		}
	}
	return nil
}

// newSet takes in recovery codes that were shown.
func (p *person) newSet(texts []any) {
	p.retire()
	p.replacing = false
	for _, text := range texts {
		text, _ := text.(string)
		p.recovery = append(p.recovery, &code{kind: "recovery", text: text})
	}
}

// retire notes that the set is good no more.
func (p *person) retire() {
	for _, c := range p.recovery {
		c.dead = true
	}
	p.retired, p.recovery = append(p.retired, p.recovery...), nil
}

// uncertain notes that the set may be good no more: none of it can be told to be refused or good.
func (p *person) uncertain() {
	for _, c := range p.recovery {
		if c.fate == unsent {
			c.fate = maybe
		}
	}
	p.replacing = true
}
