package webauthn

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

func TestRequestOptions(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.Timeout = 8 * time.Minute })
	s.key.Transports = []string{"nfc", "usb"}
	s.enroll(false)
	second := softkey.New(seeded(3))
	e, err := s.tryEnroll(second, false)
	if err != nil {
		t.Fatal(err)
	}
	s.hold(e)
	prompt, _ := s.challenge()
	got := options(t, prompt)
	delete(got, "challenge")
	want := map[string]any{
		"rpId": "example.com", "timeout": 480000.0, "userVerification": "preferred",
		"allowCredentials": []any{
			map[string]any{"type": "public-key", "id": s.stored(0).id(), "transports": []any{"nfc", "usb"}},
			map[string]any{"type": "public-key", "id": s.stored(1).id(), "transports": []any{"usb"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if prompt.Create || !prompt.ExpiresAt.Equal(noon.Add(8*time.Minute)) {
		t.Errorf("Create %v, ExpiresAt %v", prompt.Create, prompt.ExpiresAt)
	}
	s.call.Chosen = "a2"
	prompt, state := s.challenge()
	if list := options(t, prompt)["allowCredentials"].([]any); len(list) != 1 || list[0].(map[string]any)["id"] != s.stored(1).id() {
		t.Errorf("with one chosen: %v", list)
	}
	s.call.Chosen = ""
	other, err := s.key.Assert(s.key.Credentials[0], challengeOf(t, prompt), true, "")
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.verify(state, response(other))
	refused(t, v, err, factor.Wrong) // asked of one, answered by the other
}

func (s stored) id() string {
	b, _ := json.Marshal(softkey.Bytes(s.Credential.ID))
	return string(bytes.Trim(b, `"`))
}

// assertionForgeries are lies of an enrolled key, each of which must be refused.
func assertionForgeries() map[string]softkey.Forge {
	forged := map[string]softkey.Forge{
		"no user present":  {AuthData: func(d *softkey.AuthData) { d.Flags &^= softkey.FlagUP }},
		"RP ID hash":       {AuthData: func(d *softkey.AuthData) { d.RPIDHash[31] ^= 1 }},
		"BE came":          {AuthData: func(d *softkey.AuthData) { d.Flags |= softkey.FlagBE }},
		"BS without BE":    {AuthData: func(d *softkey.AuthData) { d.Flags |= softkey.FlagBS }},
		"trailing CBOR":    {AuthData: func(d *softkey.AuthData) { d.Trailing = []byte{0xa0} }},
		"extensions gone":  {AuthData: func(d *softkey.AuthData) { d.Flags |= softkey.FlagED }},
		"extensions bad":   {AuthData: func(d *softkey.AuthData) { d.Flags, d.Trailing = d.Flags|softkey.FlagED, []byte{0xff} }},
		"credential gone":  {AuthData: func(d *softkey.AuthData) { d.Flags |= softkey.FlagAT }},
		"another user":     {Response: func(r *softkey.Response) { r.Assertion.UserHandle = make([]byte, 64) }},
		"signature":        {Response: func(r *softkey.Response) { r.Assertion.Signature[10] ^= 1 }},
		"signature long":   {Response: func(r *softkey.Response) { r.Assertion.Signature = append(r.Assertion.Signature, 0) }},
		"no signature":     {Response: func(r *softkey.Response) { r.Assertion.Signature = nil }},
		"counter unsigned": {Response: func(r *softkey.Response) { r.Assertion.AuthenticatorData[36] ^= 4 }},
		"UV unsigned":      {Response: func(r *softkey.Response) { r.Assertion.AuthenticatorData[32] ^= softkey.FlagUV }},
		"client unsigned":  {Response: func(r *softkey.Response) { r.Assertion.ClientDataJSON = append(r.Assertion.ClientDataJSON, ' ') }},
		"auth data short":  {Response: func(r *softkey.Response) { r.Assertion.AuthenticatorData = r.Assertion.AuthenticatorData[:36] }},
		"no auth data":     {Response: func(r *softkey.Response) { r.Assertion.AuthenticatorData = nil }},
		"attestation":      {Response: func(r *softkey.Response) { r.Attestation = &softkey.Attestation{} }},
	}
	maps.Copy(forged, commonForgeries("webauthn.create"))
	return forged
}

func TestForgedAssertionIsRefused(t *testing.T) {
	t.Parallel()
	for name, forge := range assertionForgeries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.enroll(true)
			s.key.Forge = forge
			prompt, state := s.challenge()
			v, err := s.verify(state, s.get(s.key, prompt))
			refused(t, v, err, factor.Wrong)
			if s.why == nil || errors.Is(s.why, errPanic) {
				t.Errorf("the cause is %v", s.why)
			}
			s.key.Forge = softkey.Forge{}
			if _, err := s.verify(state, s.get(s.key, prompt)); err != nil {
				t.Errorf("the right one after it: %v: %v", err, s.why)
			}
		})
	}
}

func TestAlgorithmsAreNotMixedUp(t *testing.T) {
	t.Parallel()
	// Another key pair signs, of any algorithm, under the enrolled credential's id.
	for _, algorithm := range []int{softkey.ES256, softkey.EdDSA, softkey.RS256} {
		s := newSite(t, nil)
		s.enroll(false)
		forger := softkey.New(seeded(7))
		forger.Algorithms = []int{algorithm}
		if _, err := s.tryEnroll(forger, false); err != nil {
			t.Fatal(err)
		}
		forger.Credentials[0].ID = s.key.Credentials[0].ID
		v, err := s.tryProve(forger)
		refused(t, v, err, factor.Wrong)
	}
}

func TestBackupEligibilityIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.key.BackupEligible = true
	s.enroll(true)
	if s.stored(0).Credential.Flags.BackupState {
		t.Error("BS is stored before it was set")
	}
	s.key.BackedUp = true
	s.prove(s.key)
	if !s.stored(0).Credential.Flags.BackupState {
		t.Error("BS was not stored")
	}
	s.key.BackupEligible, s.key.BackedUp = false, false
	v, err := s.tryProve(s.key)
	refused(t, v, err, factor.Wrong)
}

func TestUserVerificationIsThatOfThisAssertion(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.key.Verifies = false
	s.enroll(false)
	for i, verifies := range []bool{false, true, false, true} {
		s.key.Verifies = verifies
		want := []factor.Class{factor.Possession}
		if verifies {
			want = append(want, factor.Inherence)
		}
		if diff := cmp.Diff(want, s.prove(s.key).Proof.Classes); diff != "" {
			t.Errorf("assertion %d: %s", i, diff)
		}
		// What is stored is whether the key ever did, beside another factor.
		if got := s.stored(0).Credential.Flags.UserVerified; got != (i > 0) {
			t.Errorf("assertion %d: stored %v", i, got)
		}
	}
}

func TestUserVerificationRequired(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.UserVerification = "required" })
	s.enroll(false)
	s.key.Forge.AuthData = func(d *softkey.AuthData) { d.Flags &^= softkey.FlagUV }
	v, err := s.tryProve(s.key)
	refused(t, v, err, factor.Wrong)
}

func TestCounter(t *testing.T) {
	t.Parallel()
	const most = 1<<32 - 1
	for name, tc := range map[string]struct {
		old, new uint32
		back     bool
	}{
		"none":         {0, 0, false},
		"begins":       {0, 1, false},
		"rises":        {7, 8, false},
		"jumps":        {7, 7000, false},
		"to the end":   {7, most, false},
		"equal":        {7, 7, true},
		"lower":        {7, 6, true},
		"disappears":   {7, 0, true},
		"wraps around": {most, 1, true},
	} {
		for _, refuse := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, func(o *Options) { o.RefuseCounter = refuse })
				s.key.Forge.AuthData = func(d *softkey.AuthData) { d.Counter = tc.old }
				s.enroll(false)
				s.key.Forge.AuthData = func(d *softkey.AuthData) { d.Counter = tc.new }
				v, err := s.tryProve(s.key)
				if tc.back && refuse {
					refused(t, v, err, factor.Wrong)
					return
				}
				if err != nil {
					t.Fatalf("%v: %v", err, s.why)
				}
				s.keep(v)
				got := s.stored(0).Credential.Authenticator
				if warned := slices.Equal(v.Warnings, []factor.Warning{"counter_went_back"}); warned != tc.back || got.CloneWarning != tc.back {
					t.Errorf("warnings %q, stored %v, want %v", v.Warnings, got.CloneWarning, tc.back)
				}
				if want := max(tc.old, tc.new); got.SignCount != want {
					t.Errorf("stored count = %d, want %d", got.SignCount, want)
				}
			})
		}
	}
}

func TestCounterWarningEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	s.prove(s.key)
	s.key.Credentials[0].Counter = 0
	if v := s.prove(s.key); len(v.Warnings) != 1 {
		t.Errorf("warnings = %q", v.Warnings)
	}
	if v := s.prove(s.key); len(v.Warnings) != 0 || s.stored(0).Credential.Authenticator.CloneWarning {
		t.Errorf("after it has risen again: %q", v.Warnings)
	}
}

func TestSameAssertionTwice(t *testing.T) {
	t.Parallel()
	for _, step := range []uint32{0, 1} {
		s := newSite(t, nil)
		s.key.Step = step
		s.enroll(false)
		prompt, state := s.challenge()
		right := s.get(s.key, prompt)
		v, err := s.verify(state, right)
		if err != nil {
			t.Fatal(err)
		}
		s.keep(v)
		v, err = s.verify(state, right)
		refused(t, v, err, factor.Used)
		v, err = s.verify(state, s.get(s.key, prompt)) // nor may the key answer the challenge anew
		refused(t, v, err, factor.Used)
	}
}

func TestChallengeIsBound(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*site)
		want   factor.Reason
	}{
		"another user":    {func(s *site) { s.call.User.ID = "u2" }, factor.Wrong},
		"nobody":          {func(s *site) { s.call.User = factor.User{} }, factor.Wrong},
		"another purpose": {func(s *site) { s.call.Purpose = factor.ForFreshProof }, factor.Wrong},
		"too late":        {func(s *site) { s.call.Now = noon.Add(5 * time.Minute) }, factor.Expired},
		"much too late":   {func(s *site) { s.call.Now = noon.Add(1000 * time.Hour) }, factor.Expired},
		"nothing held":    {func(s *site) { s.call.Held = nil }, factor.Wrong},
		"another chosen":  {func(s *site) { s.call.Chosen = "a2" }, factor.Wrong},
		"other RP ID": {func(s *site) {
			s.f = newFactor(s.t, Options{RPID: "www.example.com", Origins: []string{"https://www.example.com"}})
		}, factor.Wrong},
		"other origins": {func(s *site) {
			s.f = newFactor(s.t, Options{RPID: "example.com", Origins: []string{"https://www.example.com"}})
		}, factor.Wrong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.enroll(false)
			prompt, state := s.challenge()
			right := s.get(s.key, prompt)
			tc.change(s)
			v, err := s.verify(state, right)
			refused(t, v, err, tc.want)
		})
	}
	s := newSite(t, nil)
	s.enroll(false)
	prompt, state := s.challenge()
	v, err := s.verify(nil, s.get(s.key, prompt))
	refused(t, v, err, factor.Wrong)
	s.call.Now = prompt.ExpiresAt.Add(-time.Millisecond)
	if _, err := s.verify(state, s.get(s.key, prompt)); err != nil {
		t.Errorf("just in time: %v: %v", err, s.why)
	}
}

func TestEnrollmentAnswersNoChallenge(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	prompt, state := s.begin(false)
	s.call.Purpose = factor.ForEnrollment // even so
	credential, err := s.key.Assert(s.key.Credentials[0], challengeOf(t, prompt), true, "")
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.verify(state, response(credential))
	refused(t, v, err, factor.Wrong)
	_, state = s.challenge()
	_, err = s.f.FinishEnrollment(t.Context(), s.call, state, response(credential))
	wantRefusal(t, err, factor.Wrong)
}

func TestPendingChallengeIsShownAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	second, err := s.tryEnroll(softkey.New(seeded(3)), false)
	if err != nil {
		t.Fatal(err)
	}
	prompt, state := s.challenge()
	again := func(change func(*factor.Call)) bool {
		c := s.call
		change(&c)
		got, gotState, err := s.f.Challenge(t.Context(), c, state)
		if err != nil {
			t.Fatal(err)
		}
		same := cmp.Equal(got, factor.Prompt(prompt))
		if same != bytes.Equal(gotState, state) {
			t.Error("prompt and state are not of one challenge")
		}
		return same
	}
	if !again(func(c *factor.Call) { c.Now = noon.Add(4 * time.Minute) }) {
		t.Error("a live challenge was replaced")
	}
	for name, change := range map[string]func(*factor.Call){
		"expired":         func(c *factor.Call) { c.Now = noon.Add(5 * time.Minute) },
		"another purpose": func(c *factor.Call) { c.Purpose = factor.ForFreshProof },
		"another user":    func(c *factor.Call) { c.User.ID = "u2" },
		"nobody":          func(c *factor.Call) { c.User.ID = "" },
		"one more key": func(c *factor.Call) {
			c.Held = append(slices.Clone(c.Held), factor.Held{ID: "a2", State: second.State})
		},
	} {
		if again(change) {
			t.Errorf("%s: the challenge was shown again", name)
		}
	}
}

func TestKeysThatCannotWorkAreNotOffered(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	s.f = newFactor(t, Options{RPID: "www.example.com", Origins: []string{"https://www.example.com"}})
	_, _, err := s.f.Challenge(t.Context(), s.call, nil)
	wantRefusal(t, err, factor.Wrong)
	// A state that cannot be read is a fault of ours, and no reason to refuse the others.
	s.call.Held[0].State = factor.State("rubbish")
	if _, _, err := s.f.Challenge(t.Context(), s.call, nil); err == nil || errors.Is(err, factor.ErrRefused) {
		t.Errorf("err = %v, want a fault", err)
	}
	s = newSite(t, nil)
	s.enroll(false)
	s.call.Held = append([]factor.Held{{ID: "broken", State: factor.State("rubbish")}}, s.call.Held...)
	s.prove(s.key)
	s.call.Held = s.call.Held[:1]
	prompt, state := newSite(t, nil).anonymous()
	credential, err := s.key.Assert(s.key.Credentials[0], challengeOf(t, prompt), true, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.verify(state, response(credential)); err == nil || errors.Is(err, factor.ErrRefused) {
		t.Errorf("err = %v, want a fault", err)
	}
}

func TestDebugHearsTheCause(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	s.key.Forge.AuthData = func(d *softkey.AuthData) { d.RPIDHash[0] ^= 1 }
	_, err := s.tryProve(s.key)
	wantRefusal(t, err, factor.Wrong)
	if s.why == nil || !bytes.Contains([]byte(s.why.Error()), []byte("RP Hash mismatch")) {
		t.Errorf("cause = %v", s.why)
	}
}
