package webauthn

import (
	"errors"
	"slices"
	"testing"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

// FuzzResponse gives any text to every method that takes one. Nothing panics, the library's panics included, nothing
// is our fault, and only a response that an honest key made is right.
func FuzzResponse(f *testing.F) {
	newOne := func(t testing.TB) (*Factor, factor.Call, *error) {
		why := new(error)
		site := newFactor(t, Options{
			RPID: "example.org", Origins: []string{"https://example.org"}, Debug: func(reason error) { *why = reason },
		})
		return site, factor.Call{
			User: factor.User{ID: "u1", Name: "ada", Handle: make([]byte, 64)}, Purpose: factor.ForSignIn, Now: noon, Rand: seeded(2),
		}, why
	}
	site, call, _ := newOne(f)
	key := softkey.New(seeded(1))
	key.Origin = "https://example.org"
	creation, creating, err := site.BeginEnrollment(f.Context(), call, factor.Response{Passkey: true})
	if err != nil {
		f.Fatal(err)
	}
	created, err := key.Create(creation.(factor.PublicKey).Options)
	if err != nil {
		f.Fatal(err)
	}
	e, err := site.FinishEnrollment(f.Context(), call, creating, response(created))
	if err != nil {
		f.Fatal(err)
	}
	call.Held = []factor.Held{{ID: "a1", State: e.State}}
	request, asking, err := site.Challenge(f.Context(), call, nil)
	if err != nil {
		f.Fatal(err)
	}
	got, err := key.Get(request.(factor.PublicKey).Options)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(created))
	f.Add([]byte(got))
	for _, v := range vectors(f) {
		f.Add([]byte(v.attestation(f).Credential))
		f.Add([]byte(v.assertion(f).Credential))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		site, fresh, why := newOne(t)
		r := response(slices.Clone(text))
		check := func(name string, err error) {
			if errors.Is(*why, errPanic) {
				t.Errorf("%s: %v", name, *why)
			}
			if err != nil && !errors.Is(err, factor.ErrRefused) {
				t.Errorf("%s: a fault of ours: %v", name, err)
			}
		}
		_, err := site.Lookup(r)
		check("Lookup", err)
		_, err = site.FinishEnrollment(t.Context(), fresh, creating, r)
		check("FinishEnrollment", err)
		fresh.Held = call.Held
		_, err = site.Verify(t.Context(), fresh, asking, r)
		check("Verify", err)
	})
}

// FuzzState gives any text as a state. Nothing panics, and nobody gets in.
func FuzzState(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"v":1}`, `{"v":1,"use":"get","user":"u1","purpose":"sign_in","rp_id":"example.com",` +
		`"origins":["https://example.com"],"uv":"preferred","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","expires":9000000000000}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := newSite(t, nil)
		s.enroll(false)
		prompt, state := s.challenge()
		right := s.get(s.key, prompt)
		if v, err := s.verify(text, right); err == nil {
			t.Errorf("the pending state %q let someone in: %+v", text, v)
		}
		s.call.Held[0].State = text
		if v, err := s.verify(state, right); err == nil {
			t.Errorf("the state %q let someone in: %+v", text, v)
		}
		_, _, _ = s.f.Challenge(t.Context(), s.call, text)
	})
}
