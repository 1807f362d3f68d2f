package webauthn

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const origin = "https://example.com"

func seeded(n byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{n}) }

// site is a factor, one user of it, and the user's key.
type site struct {
	t    *testing.T
	f    *Factor
	call factor.Call
	key  *softkey.Key
	why  error // of the last refusal
}

func newSite(t *testing.T, change func(*Options)) *site {
	t.Helper()
	s := &site{t: t, key: softkey.New(seeded(1))}
	o := Options{RPID: "example.com", RPName: "Example", Origins: []string{origin}}
	if change != nil {
		change(&o)
	}
	o.Debug = func(reason error) { s.why = reason }
	s.f = newFactor(t, o)
	handle := make([]byte, 64)
	seeded(9).Read(handle)
	s.call = factor.Call{
		User:    factor.User{ID: "u1", Name: "ada", Email: "ada@example.com", Handle: handle},
		Purpose: factor.ForSignIn, Origin: origin, Now: noon, Rand: seeded(2),
	}
	return s
}

func newFactor(t testing.TB, o Options) *Factor {
	t.Helper()
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (s *site) enrollment() factor.Call {
	c := s.call
	c.Purpose = factor.ForEnrollment
	return c
}

func (s *site) begin(passkey bool) (factor.PublicKey, factor.State) {
	s.t.Helper()
	prompt, state, err := s.f.BeginEnrollment(s.t.Context(), s.enrollment(), factor.Response{Passkey: passkey})
	if err != nil {
		s.t.Fatal(err)
	}
	return prompt.(factor.PublicKey), state
}

// tryEnroll does all of an enrollment with a key.
func (s *site) tryEnroll(key *softkey.Key, passkey bool) (factor.Enrolled, error) {
	s.t.Helper()
	prompt, state := s.begin(passkey)
	credential, err := key.Create(prompt.Options)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.f.FinishEnrollment(s.t.Context(), s.enrollment(), state, factor.Response{Credential: credential})
}

// enroll enrolls the user's key and holds it.
func (s *site) enroll(passkey bool) factor.Enrolled {
	s.t.Helper()
	e, err := s.tryEnroll(s.key, passkey)
	if err != nil {
		s.t.Fatalf("%v: %v", err, s.why)
	}
	s.hold(e)
	return e
}

func (s *site) hold(e factor.Enrolled) {
	id := fmt.Sprint("a", len(s.call.Held)+1)
	s.call.Held = append(s.call.Held, factor.Held{ID: id, Kind: Kind, Label: e.Label, Model: e.Model, State: e.State})
}

func (s *site) challenge() (factor.PublicKey, factor.State) {
	s.t.Helper()
	prompt, state, err := s.f.Challenge(s.t.Context(), s.call, nil)
	if err != nil {
		s.t.Fatalf("%v: %v", err, s.why)
	}
	return prompt.(factor.PublicKey), state
}

// anonymous is a challenge to whoever has a passkey.
func (s *site) anonymous() (factor.PublicKey, factor.State) {
	s.t.Helper()
	c := s.call
	c.User, c.Held = factor.User{}, nil
	prompt, state, err := s.f.Challenge(s.t.Context(), c, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return prompt.(factor.PublicKey), state
}

func (s *site) get(key *softkey.Key, prompt factor.PublicKey) factor.Response {
	s.t.Helper()
	credential, err := key.Get(prompt.Options)
	if err != nil {
		s.t.Fatal(err)
	}
	return factor.Response{Kind: Kind, Credential: credential}
}

func (s *site) verify(state factor.State, r factor.Response) (factor.Verdict, error) {
	return s.f.Verify(s.t.Context(), s.call, state, r)
}

// tryProve asks for a proof by a key.
func (s *site) tryProve(key *softkey.Key) (factor.Verdict, error) {
	s.t.Helper()
	prompt, state := s.challenge()
	return s.verify(state, s.get(key, prompt))
}

// prove is a right proof, whose state is kept.
func (s *site) prove(key *softkey.Key) factor.Verdict {
	s.t.Helper()
	v, err := s.tryProve(key)
	if err != nil {
		s.t.Fatalf("%v: %v", err, s.why)
	}
	s.keep(v)
	return v
}

func (s *site) keep(v factor.Verdict) {
	for i := range s.call.Held {
		if s.call.Held[i].ID == v.Authenticator && v.State != nil {
			s.call.Held[i].State = v.State
		}
	}
}

func (s *site) stored(i int) stored {
	s.t.Helper()
	held, err := decodeStored(s.call.Held[i].State)
	if err != nil {
		s.t.Fatal(err)
	}
	return held
}

// refused fails the test unless err is a refusal for the reason that says nothing more.
func refused(t *testing.T, v factor.Verdict, err error, want factor.Reason) {
	t.Helper()
	wantRefusal(t, err, want)
	if v.State != nil || len(v.Proof.Classes) > 0 {
		t.Errorf("a refused verdict has a state or a proof: %+v", v)
	}
}

func wantRefusal(t *testing.T, err error, want factor.Reason) {
	t.Helper()
	var r *factor.Refused
	if !errors.As(err, &r) {
		t.Fatalf("err = %v, want a refusal", err)
	}
	if *r != (factor.Refused{Reason: want}) {
		t.Errorf("refused as %+v, want %q and nothing more", *r, want)
	}
}

// options is a prompt's JSON as a map.
func options(t *testing.T, p factor.PublicKey) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(p.Options, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func response(credential json.RawMessage) factor.Response {
	return factor.Response{Kind: Kind, Credential: credential}
}

// challengeOf is the challenge of a prompt's options.
func challengeOf(t *testing.T, p factor.PublicKey) []byte {
	t.Helper()
	var o struct {
		Challenge softkey.Bytes `json:"challenge"`
	}
	if err := json.Unmarshal(p.Options, &o); err != nil {
		t.Fatal(err)
	}
	return o.Challenge
}
