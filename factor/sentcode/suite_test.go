package sentcode

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/factortest"
)

func TestFactor(t *testing.T) {
	t.Parallel()
	for _, f := range both(Options{}) {
		t.Run(string(f.kind), func(t *testing.T) {
			t.Parallel()
			factortest.Run(t, factortest.Fixture{
				Factor: f,
				Begin:  factor.Response{Email: "ada@example.com", Phone: "+49 1512 3456712"},
				Enroll: func(a factortest.Asked) factor.Response { return factor.Response{Code: sent(a.Begun)} },
				Answer: func(a factortest.Asked) factor.Response { return factor.Response{Code: sent(a.Prompt)} },
				Wrong: func(a factortest.Asked) factor.Response {
					if a.Enrolling {
						return factor.Response{Code: other(sent(a.Begun))}
					}
					return factor.Response{Code: other(sent(a.Prompt))}
				},
			})
		})
	}
}

// both are the two factors, with the same options.
func both(o Options) []*Factor {
	o.ParsePhone = plainPhone
	return []*Factor{NewEmail(o), NewSMS(o)}
}

// plainPhone takes numbers in international form, whatever the country.
func plainPhone(text, lang string) (string, string, error) {
	to := strings.NewReplacer(" ", "", "-", "").Replace(text)
	if !e164Form.MatchString(to) {
		return "", "", errors.New("no number")
	}
	return to, lang + " " + to, nil
}

// sent is the code in the message of a prompt.
func sent(p factor.Prompt) string {
	c, ok := p.(factor.Code)
	if !ok || c.Message == nil {
		return ""
	}
	for _, word := range strings.Fields(c.Message.Text) {
		if word = strings.TrimRight(strings.TrimPrefix(word, "#"), ".:"); isCode(word) {
			return word
		}
	}
	return ""
}

// other is a code that differs.
func other(code string) string {
	n, _ := strconv.Atoi(code)
	if n++; n == 1_000_000 {
		n = 0
	}
	return fmt.Sprintf("%06d", n)
}

// person is one user of one factor, and what the engine would keep.
type person struct {
	t       *testing.T
	f       *Factor
	call    factor.Call
	pending factor.State
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newPerson(t *testing.T, f *Factor, destinations ...string) *person {
	p := &person{t: t, f: f, call: factor.Call{
		User: factor.User{ID: "user-1"}, Purpose: factor.ForSignIn, Origin: "https://id.example.com:8443",
		Issuer: "Example", Lang: "en", Now: noon, Rand: rand.NewChaCha8([32]byte{1}),
	}}
	for i, to := range destinations {
		e, err := f.NewState(to)
		if err != nil {
			t.Fatal(err)
		}
		p.call.Held = append(p.call.Held, factor.Held{ID: "held-" + strconv.Itoa(i), Kind: f.kind, State: e.State, Hint: e.Hint})
	}
	return p
}

// ask asks for a challenge and keeps it.
func (p *person) ask() factor.Code {
	p.t.Helper()
	prompt, state, err := p.f.Challenge(p.t.Context(), p.call, p.pending)
	if err != nil {
		p.t.Fatal(err)
	}
	p.pending = state
	return prompt.(factor.Code)
}

// answer judges a code and keeps what is to be kept. The reason is "" where it was right.
func (p *person) answer(code string) (factor.Verdict, factor.Reason) {
	p.t.Helper()
	v, err := p.f.Verify(p.t.Context(), p.call, p.pending, factor.Response{Kind: p.f.kind, Code: code})
	if v.Pending != nil {
		p.pending = v.Pending
	}
	return v, p.reason(err)
}

func (p *person) reason(err error) factor.Reason {
	p.t.Helper()
	var r *factor.Refused
	if err != nil && !errors.As(err, &r) {
		p.t.Fatal(err)
	}
	if r == nil {
		return ""
	}
	return r.Reason
}

func (p *person) wait(d time.Duration) { p.call.Now = p.call.Now.Add(d) }

var address = map[factor.Kind][]string{
	Email: {"ada@example.com", "lovelace@example.org"},
	SMS:   {"+4915123456712", "+4915123456734"},
}

// eachKind runs a test for both kinds, with two authenticators held.
func eachKind(t *testing.T, o Options, test func(*testing.T, *person)) {
	t.Parallel()
	for _, f := range both(o) {
		t.Run(string(f.kind), func(t *testing.T) {
			t.Parallel()
			test(t, newPerson(t, f, address[f.kind]...))
		})
	}
}
