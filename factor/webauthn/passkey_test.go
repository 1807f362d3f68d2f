package webauthn

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

func TestPasskeySignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.UserVerification = "discouraged" })
	enrolled := s.enroll(true)
	prompt, state := s.anonymous()
	got := options(t, prompt)
	delete(got, "challenge")
	want := map[string]any{"rpId": "example.com", "timeout": 300000.0, "userVerification": "required"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	r := s.get(s.key, prompt)
	found, err := s.f.Lookup(r)
	if err != nil || found != enrolled.Lookup {
		t.Fatalf("Lookup = %q, %v, want %q", found, err, enrolled.Lookup)
	}
	v, err := s.verify(state, r)
	if err != nil {
		t.Fatalf("%v: %v", err, s.why)
	}
	if v.Authenticator != "a1" || !slices.Equal(v.Proof.Classes, []factor.Class{factor.Possession, factor.Inherence}) {
		t.Errorf("verdict = %+v", v)
	}
	s.keep(v)
	v, err = s.verify(state, r)
	refused(t, v, err, factor.Used)
	// The same passkey is a second factor too.
	s.prove(s.key)
}

func TestPasskeySignInRefuses(t *testing.T) {
	t.Parallel()
	unset := func(bit byte) softkey.Forge {
		return softkey.Forge{AuthData: func(d *softkey.AuthData) { d.Flags &^= bit }}
	}
	handle := func(h []byte) softkey.Forge {
		return softkey.Forge{Response: func(r *softkey.Response) { r.Assertion.UserHandle = h }}
	}
	for name, tc := range map[string]struct {
		forge  softkey.Forge
		change func(*site)
	}{
		"user not verified": {forge: unset(softkey.FlagUV)},
		"user not present":  {forge: unset(softkey.FlagUP)},
		"no user handle":    {forge: handle(nil)},
		"another's handle":  {forge: handle(make([]byte, 64))},
		"cut handle":        {forge: handle(make([]byte, 1))},
		"another user":      {change: func(s *site) { s.call.User.ID, s.call.User.Handle = "u2", make([]byte, 64) }},
		"user unknown":      {change: func(s *site) { s.call.User = factor.User{} }},
		"credential gone":   {change: func(s *site) { s.call.Held = nil }},
		"another purpose":   {change: func(s *site) { s.call.Purpose = factor.ForFreshProof }},
		"not as a passkey": {change: func(s *site) {
			held := s.stored(0)
			held.Passkey = false
			s.call.Held[0].State, _ = held.encode()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.enroll(true)
			prompt, state := s.anonymous()
			s.key.Forge = tc.forge
			r := s.get(s.key, prompt)
			if tc.change != nil {
				tc.change(s)
			}
			v, err := s.verify(state, r)
			refused(t, v, err, factor.Wrong)
		})
	}
}

func TestPasskeyChallengeIsShownAgain(t *testing.T) {
	t.Parallel()
	login := []string{"https://login.example.com"}
	s := newSite(t, func(o *Options) { o.Origins = login })
	prompt, state := s.anonymous()
	c := s.call
	c.User = factor.User{}
	same := func(state factor.State) bool {
		again, _, err := s.f.Challenge(t.Context(), c, state)
		if err != nil {
			t.Fatal(err)
		}
		return cmp.Equal(again, factor.Prompt(prompt))
	}
	if !same(state) {
		t.Error("a live challenge was replaced")
	}
	s.f = newFactor(t, Options{RPID: "login.example.com", Origins: login})
	if same(state) {
		t.Error("the challenge of another RP ID was shown again")
	}
}

func TestEnrollmentIsNotShownAsChallenge(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := pending{
		Use: useCreate, Purpose: factor.ForSignIn, RPID: s.f.rpID, Origins: s.f.origins, Verification: "required",
		Challenge: make([]byte, challengeSize), Expires: noon.Add(1e9).UnixMilli(),
	}
	state, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	c := s.call
	c.User = factor.User{}
	if _, got, err := s.f.Challenge(t.Context(), c, state); err != nil || cmp.Equal(got, state) {
		t.Errorf("an enrollment was shown as a challenge: %v", err)
	}
}

func TestSecondFactorNeedsNoUserHandle(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(true)
	s.key.Forge.Response = func(r *softkey.Response) { r.Assertion.UserHandle = nil }
	s.prove(s.key)
}

func TestLookupRefuses(t *testing.T) {
	t.Parallel()
	f := newSite(t, nil).f
	for _, text := range []string{
		"", "null", "{}", "[]", `{"id":""}`, `{"id":7}`, `{"id":"!"}`, `{"id":"AA=="}`, `{"id":"` + string(make([]byte, 4)) + `"}`,
		`{"id":"` + longText(1368) + `"}`, `{"id":"AA","x":"` + longText(maxResponse) + `"}`,
		`{"id":"AA","x":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}`,
	} {
		got, err := f.Lookup(response(json.RawMessage(text)))
		if got != "" {
			t.Errorf("%.40s: found %q", text, got)
		}
		wantRefusal(t, err, factor.Wrong)
	}
	if _, err := f.Lookup(response(json.RawMessage(`{"id":"` + longText(1364) + `","quoted":"\"[[[[[[[[[[[[[[[[[[[["}`))); err != nil {
		t.Errorf("an id of 1023 bytes: %v", err)
	}
}

func longText(n int) string { return string(slices.Repeat([]byte("A"), n)) }

func TestSignals(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(true)
	old, err := Imported(U2F{KeyHandle: []byte("handle"), PublicKey: point(t), AppID: origin})
	if err != nil {
		t.Fatal(err)
	}
	s.hold(old) // no passkey: browsers know nothing of it
	got, err := s.f.Signals(s.call.User, s.call.Held)
	if err != nil {
		t.Fatal(err)
	}
	handle, _ := json.Marshal(softkey.Bytes(s.call.User.Handle))
	want := `{"rpId":"example.com","userId":` + string(handle) + `,"allAcceptedCredentialIds":["` + s.stored(0).id() +
		`"],"name":"ada@example.com","displayName":"ada"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if got, err := s.f.Signals(s.call.User, nil); err != nil || !json.Valid(got) || !containsText(got, `"allAcceptedCredentialIds":[]`) {
		t.Errorf("with nothing held: %s, %v", got, err)
	}
	s.call.Held[0].State = factor.State("rubbish")
	if got, err := s.f.Signals(s.call.User, s.call.Held); err == nil {
		t.Errorf("one that cannot be read was left out: %s", got)
	}
	if _, err := s.f.Signals(factor.User{}, nil); err == nil {
		t.Error("a user without a handle got signals")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ user, name, email, display string }{
		{"ada", "ada@example.com", "ada@example.com", "ada"},
		{"ada", "ada", "", "ada"},
		{"", "ada@example.com", "ada@example.com", "ada@example.com"},
	} {
		name, display := names(factor.User{Name: tc.user, Email: tc.email})
		if name != tc.name || display != tc.display {
			t.Errorf("%+v: %q, %q", tc, name, display)
		}
	}
}
