package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// act is something that people do. It returns the fault that it has found, if any, or errOver.
type act struct {
	name  string
	share int // how often, beside the others
	do    func(p *person, ctx context.Context) error
}

// acts are all that is done.
var acts = []act{
	{"sign in", 4, (*person).signIn},
	{"prove in a session", 8, (*person).proveAgain},
	{"send one code twice at once", 6, (*person).atOnce},
	{"send a used code", 4, (*person).sendUsed},
	{"enroll another", 4, (*person).enroll},
	{"rename", 3, (*person).rename},
	{"remove one", 1, (*person).remove},
	{"replace recovery codes", 2, (*person).replace},
	{"sign out", 2, (*person).signOut},
	{"look at authenticators", 3, (*person).look},
	{"look at a session", 3, (*person).lookAtSession},
}

// live does one thing. A person who holds no second factor enrolls the first.
func (p *person) live(ctx context.Context) error {
	if !p.made {
		return p.signUp(ctx)
	}
	if len(p.sessions) == 0 {
		return p.signIn(ctx)
	}
	if !p.hold && len(p.perhaps) > 0 && p.random.IntN(2) == 0 {
		return p.signIn(ctx)
	}
	if !p.hold {
		return p.enroll(ctx)
	}
	all := 0
	for _, a := range acts {
		all += a.share
	}
	n := p.random.IntN(all)
	for _, a := range acts {
		if n -= a.share; n < 0 {
			return a.do(p, ctx)
		}
	}
	return nil
}

// some is one of the sessions, or nil.
func (p *person) some() *session {
	if len(p.sessions) == 0 {
		return nil
	}
	return p.sessions[p.random.IntN(len(p.sessions))]
}

func (p *person) signIn(ctx context.Context) error {
	tok, s, err := p.firstStep(ctx)
	if err != nil || s != nil || tok == "" {
		return err
	}
	c, err := p.pick(time.Now())
	if err != nil || c == nil {
		return err
	}
	a, err := p.ask(ctx, "POST", "/verifications", tok, c.response())
	if err != nil {
		return err
	}
	if a.is(http.StatusOK) {
		p.w.did("sign-in by " + c.kind)
		p.keep(a.text("token"))
	}
	return p.judged(c, a)
}

// judged is what an answer to a code shows.
func (p *person) judged(c *code, a answer) error {
	if err := c.learn(a); err != nil {
		return p.fault("%w", err)
	}
	return nil
}

func (p *person) proveAgain(ctx context.Context) error {
	s := p.some()
	c, err := p.pick(time.Now())
	if err != nil || c == nil || s == nil {
		return err
	}
	return p.prove(ctx, s, c, -1)
}

// prove sends a code in a session, whose value changes with a right one.
func (p *person) prove(ctx context.Context, s *session, c *code, node int) error {
	a, err := p.askAt(ctx, node, "POST", "/verifications", s.token, c.response())
	if err != nil {
		return err
	}
	p.answered(s, a)
	if a.is(http.StatusOK) {
		p.w.did("proof by " + c.kind)
	}
	return p.judged(c, a)
}

// answered keeps the new value of a session, or forgets the session where it may have a new one.
func (p *person) answered(s *session, a answer) {
	switch {
	case a.unknown:
		p.drop(s)
	case a.text("token") != "":
		s.token = a.text("token")
	}
}

// atOnce sends one code at the same time in two sign-ins or sessions, to two nodes where there are two: it is good once.
func (p *person) atOnce(ctx context.Context) error {
	if len(p.sessions) < 2 {
		return p.signIn(ctx)
	}
	c, err := p.pick(time.Now())
	if err != nil || c == nil {
		return err
	}
	before := c.fate
	i := p.random.IntN(len(p.sessions) - 1)
	in := []*session{p.sessions[i], p.sessions[i+1]}
	answers, errs := make([]answer, len(in)), make([]error, len(in))
	var wg sync.WaitGroup
	for i, s := range in {
		wg.Go(func() { answers[i], errs[i] = p.askAt(ctx, i, "POST", "/verifications", s.token, c.response()) })
	}
	wg.Wait()
	good, unknown := 0, 0
	for i, s := range in {
		if errs[i] != nil {
			return errs[i]
		}
		p.answered(s, answers[i])
		if answers[i].unknown {
			unknown++
		} else if answers[i].status == http.StatusOK {
			good++
		}
	}
	if good > 1 {
		return p.fault("%v is good twice at once: %v, %v", c, answers[0].unexpected(), answers[1].unexpected())
	}
	// The good one first: after it, a refusal is as it should be.
	for _, want := range []bool{true, false} {
		for _, a := range answers {
			if a.is(http.StatusOK) != want {
				continue
			}
			if !want && before == unsent && good+unknown > 0 && !a.unknown {
				c.fate = max(c.fate, maybe) // the other one may have been the winner
			}
			if err := p.judged(c, a); err != nil {
				return err
			}
		}
	}
	if good == 1 {
		p.w.did("one code at once by " + c.kind)
	}
	return nil
}

// sendUsed sends a code again that was sent before.
func (p *person) sendUsed(ctx context.Context) error {
	var of []*code
	for _, c := range p.spent[max(0, len(p.spent)-4):] {
		if c.fate != unsent && !p.removed[c.id] {
			of = append(of, c)
		}
	}
	for _, c := range p.recovery {
		if c.fate == used {
			of = append(of, c)
		}
	}
	s := p.some()
	if len(of) == 0 || s == nil {
		return nil
	}
	c := of[p.random.IntN(len(of))]
	if c.fate == used {
		p.w.did("used code sent again")
	}
	return p.prove(ctx, s, c, -1)
}

const mostApps = 4

func (p *person) enroll(ctx context.Context) error {
	s := p.some()
	if s == nil || len(p.apps) >= mostApps {
		return nil
	}
	kind := []string{"hotp", "hotp", "totp"}[p.random.IntN(3)]
	p.labels++
	made := &app{kind: kind, label: fmt.Sprintf("%s %d", kind, p.labels)}
	begun, err := p.ask(ctx, "POST", "/authenticators", s.token, object{"kind": kind, "label": made.label})
	if err != nil || begun.unknown {
		return err
	}
	if !p.hold && begun.status == http.StatusForbidden && len(p.perhaps) > 0 {
		p.drop(s) // one whose enrollment was not answered is there, and is asked for
		return p.signIn(ctx)
	}
	if begun.status != http.StatusCreated {
		return p.fault("%w", begun.unexpected())
	}
	shown, _ := begun.body[kind].(object)
	text, _ := shown["secret"].(string)
	secret, err := totp.ParseSecret(text)
	if err != nil {
		return p.fault("the secret %q: %w", text, err)
	}
	digits, _ := shown["digits"].(float64)
	made.from = totp.Generator{Secret: secret, Digits: int(digits), Period: period}
	c, err := made.fresh(time.Now())
	if err != nil {
		return err
	}
	a, err := p.ask(ctx, "POST", "/authenticators/finish", s.token, object{"enrollment": begun.body["enrollment"], "code": c.text})
	if err != nil {
		return err
	}
	p.answered(s, a)
	if a.unknown {
		p.perhaps = append(p.perhaps, made)
		p.sessions = nil // ended, or not
		return nil
	}
	if a.status == http.StatusUnauthorized && !c.until.IsZero() && time.Now().After(c.until) {
		return nil // the machine was too busy
	}
	if a.status != http.StatusCreated {
		return p.fault("the end of an enrollment: %w", a.unexpected())
	}
	p.w.did("enrollment of " + kind)
	kept, _ := a.body["authenticator"].(object)
	made.id, _ = kept["id"].(string)
	p.apps = append(p.apps, made)
	codes, _ := a.body["recovery_codes"].([]any)
	switch {
	case len(codes) > 0:
		p.newSet(codes)
	case !p.hold && len(p.perhaps) > 0:
		p.replacing = true // they came with an enrollment that was not answered
	case !p.hold:
		return p.fault("no recovery codes with the first authenticator: %w", a.unexpected())
	}
	p.hold = true
	p.endAllBut(s)
	return nil
}

func (p *person) rename(ctx context.Context) error {
	s := p.some()
	if s == nil || len(p.apps) == 0 {
		return nil
	}
	p.labels++
	a, label := p.apps[p.random.IntN(len(p.apps))], fmt.Sprintf("name %d", p.labels)
	got, err := p.ask(ctx, "PATCH", "/authenticators/"+a.id, s.token, object{"label": label})
	switch {
	case err != nil:
		return err
	case got.unknown:
		a.labels = append(a.labels, label)
	case got.status == http.StatusOK:
		p.w.did("rename")
		a.label, a.labels = label, nil
	case got.status == http.StatusNotFound && a.gone:
	default:
		return p.fault("%w", got.unexpected())
	}
	return nil
}

func (p *person) remove(ctx context.Context) error {
	s := p.some()
	if s == nil || len(p.apps) < 2 {
		return nil
	}
	i := p.random.IntN(len(p.apps))
	a := p.apps[i]
	for j, other := range p.apps { // one that may be gone is finished first
		if other.gone {
			i, a = j, other
		}
	}
	if !a.gone && p.sure() < 2 {
		return nil
	}
	got, err := p.ask(ctx, "DELETE", "/authenticators/"+a.id, s.token, nil)
	switch {
	case err != nil:
		return err
	case got.unknown:
		a.gone = true
		p.sessions = nil // ended, or not
	case got.status == http.StatusNoContent, got.status == http.StatusNotFound && a.gone:
		p.w.did("removal")
		p.removed[a.id] = true
		p.apps = append(p.apps[:i:i], p.apps[i+1:]...)
		if got.status == http.StatusNoContent {
			p.endAllBut(s)
		}
	default:
		return p.fault("%w", got.unexpected())
	}
	return nil
}

// sure is how many authenticators are there for sure.
func (p *person) sure() (n int) {
	for _, a := range p.apps {
		if !a.gone {
			n++
		}
	}
	return n
}

// decode reads what an answer has under a name.
func decode(a answer, name string, into any) error {
	text, err := json.Marshal(a.body[name])
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
