package webauthn

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/factor"
)

// elsewhere enrolls a key in another program of the same RP ID and returns what that keeps.
func elsewhere(t *testing.T, s *site, passkey bool) Credential {
	t.Helper()
	other := newSite(t, nil)
	other.key = s.key
	other.call.User.Handle = s.call.User.Handle
	other.enroll(passkey)
	c := s.key.Credentials[0]
	return Credential{
		ID: c.ID, PublicKey: c.Public(), RPID: "example.com", Counter: c.Counter, Transports: []string{"usb", "usb", "nfc"},
		AAGUID: make([]byte, 16), Discoverable: passkey,
	}
}

// A credential that another program enrolled answers here, its counter is judged, and it is excluded.
func TestTakenInCredentialAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	e, err := s.f.NewState(elsewhere(t, s, false))
	if err != nil {
		t.Fatal(err)
	}
	s.hold(e)
	for range 2 {
		if v := s.prove(s.key); !slices.Contains(v.Proof.Classes, factor.Possession) || len(v.Warnings) > 0 {
			t.Errorf("verdict = %+v", v)
		}
	}
	if got := s.stored(0); got.Credential.Authenticator.SignCount != 2 || len(got.Credential.Transport) != 2 {
		t.Errorf("stored = %+v", got.Credential)
	}
	prompt, _ := s.begin(false)
	if _, err := s.key.Create(prompt.Options); err == nil {
		t.Error("it could be enrolled again")
	}
	s.key.Credentials[0].Counter = 0
	if v := s.prove(s.key); !slices.Contains(v.Warnings, CounterWentBack) {
		t.Errorf("a counter that went back: %+v", v)
	}
}

// A passkey that another program enrolled signs in by itself, where the user has the handle of then.
func TestTakenInPasskey(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	e, err := s.f.NewState(elsewhere(t, s, true))
	if err != nil {
		t.Fatal(err)
	}
	s.hold(e)
	prompt, state := s.anonymous()
	credential := s.get(s.key, prompt)
	if found, err := s.f.Lookup(credential); err != nil || found != e.Lookup {
		t.Errorf("Lookup = %q, %v, want %q", found, err, e.Lookup)
	}
	if _, err := s.verify(state, credential); err != nil {
		t.Errorf("%v: %v", err, s.why)
	}
	if e.Label != labelPasskey {
		t.Errorf("label %q", e.Label)
	}
}

func TestTakenInCredentialRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	sound := elsewhere(t, s, false)
	for name, change := range map[string]func(*Credential){
		"no id":          func(c *Credential) { c.ID = nil },
		"a long id":      func(c *Credential) { c.ID = make([]byte, 1024) },
		"another RP ID":  func(c *Credential) { c.RPID = "example.org" },
		"no key":         func(c *Credential) { c.PublicKey = nil },
		"no COSE":        func(c *Credential) { c.PublicKey = []byte("key") },
		"a raw point":    func(c *Credential) { c.PublicKey = point(t) },
		"a short AAGUID": func(c *Credential) { c.AAGUID = []byte{1} },
	} {
		c := sound
		change(&c)
		if _, err := s.f.NewState(c); err == nil {
			t.Errorf("%s: taken in", name)
		}
	}
}

// What this package enrolled in another service goes on here, under the same RP ID only.
func TestRestated(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	e := s.enroll(true)
	again, err := s.f.Restated(e.State)
	if err != nil || again.Lookup != e.Lookup || !bytes.Equal(again.State, e.State) || again.Label != e.Label {
		t.Errorf("restated = %+v, %v", again, err)
	}
	old := oldSite(t, nil)
	if again, err := s.f.Restated(old.call.Held[0].State); err != nil || again.Lookup != lookup(appID, old.key.Credentials[0].ID) {
		t.Errorf("an old key: %+v, %v", again, err)
	}
	other := newFactor(t, Options{RPID: "example.org", Origins: []string{"https://example.org"}})
	if _, err := other.Restated(e.State); err == nil || !strings.Contains(err.Error(), "RP ID") {
		t.Errorf("another RP ID: %v", err)
	}
	if _, err := s.f.Restated(factor.State("{}")); err == nil {
		t.Error("what is no state was restated")
	}
}
