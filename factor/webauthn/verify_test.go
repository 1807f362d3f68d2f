package webauthn

import (
	"bytes"
	"encoding/json"
	"errors"
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
	if e := s.enroll(true); !e.Syncable {
		t.Error("the enrollment does not say that it can be synced")
	}
	if s.stored(0).Credential.Flags.BackupState {
		t.Error("BS is stored before it was set")
	}
	s.key.BackedUp = true
	if v := s.prove(s.key); !v.Proof.Syncable {
		t.Error("the proof does not say that it can be synced")
	}
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
