package webauthn

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	library "github.com/go-webauthn/webauthn/webauthn"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

// What a relying party must do itself, since the library leaves it to its caller: fourteen things. Of the first,
// fourth, tenth and twelfth the engine and the web have their part and their tests.

func TestCaller01ChallengeIsConsumedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	prompt, state := s.challenge()
	right := s.get(s.key, prompt)
	v, err := s.verify(state, right)
	if err != nil {
		t.Fatal(err)
	}
	v2, err := s.verify(nil, right) // the engine dropped the challenge
	refused(t, v2, err, factor.Wrong)
	s.keep(v)
	v2, err = s.verify(state, right) // and had it not, the state would know
	refused(t, v2, err, factor.Used)
}

func TestCaller02ExpiryIsEnforced(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.Timeout = time.Minute })
	s.enroll(true)
	for _, ask := range []func() (factor.PublicKey, factor.State){s.challenge, s.anonymous} {
		prompt, state := ask()
		s.call.Now = noon.Add(time.Minute)
		v, err := s.verify(state, s.get(s.key, prompt))
		refused(t, v, err, factor.Expired)
		s.call.Now = noon
	}
}

func TestCaller03ChallengeIsBoundToPurposeAndUser(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*factor.Call){
		func(c *factor.Call) { c.Purpose = factor.ForFreshProof },
		func(c *factor.Call) { c.User.ID = "u2" },
	} {
		s := newSite(t, nil)
		s.enroll(false)
		prompt, state := s.challenge()
		right := s.get(s.key, prompt)
		change(&s.call)
		v, err := s.verify(state, right)
		refused(t, v, err, factor.Wrong)
	}
}

func TestCaller04CredentialIDIsUnique(t *testing.T) {
	t.Parallel()
	// The engine keeps Lookup unique over all users: the same id at the same RP ID gives the same.
	s, other := newSite(t, nil), newSite(t, nil)
	other.call.User.ID = "u2"
	mine := s.enroll(false)
	thief := softkey.New(seeded(8))
	id := s.key.Credentials[0].ID
	thief.Forge.AuthData = func(d *softkey.AuthData) { d.CredentialID = id }
	thief.Forge.Response = func(r *softkey.Response) { r.ID, r.RawID = id, id }
	theirs, err := other.tryEnroll(thief, false)
	if err != nil || theirs.Lookup != mine.Lookup {
		t.Errorf("Lookup = %q, %v, want %q", theirs.Lookup, err, mine.Lookup)
	}
	_, err = s.tryEnroll(thief, false) // one's own is refused here
	wantRefusal(t, err, factor.Wrong)
}

func TestCaller05ExcludeCredentials(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	prompt, _ := s.begin(true)
	list, _ := options(t, prompt)["excludeCredentials"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["id"] != s.stored(0).id() {
		t.Errorf("excludeCredentials = %v", list)
	}
	if _, err := s.key.Create(prompt.Options); !errors.Is(err, softkey.ErrExcluded) {
		t.Errorf("err = %v", err)
	}
	s.call.Held[0].State = factor.State("rubbish") // none may be left out
	if _, _, err := s.f.BeginEnrollment(t.Context(), s.enrollment(), factor.Response{}); err == nil || errors.Is(err, factor.ErrRefused) {
		t.Errorf("err = %v, want a fault", err)
	}
}

func TestCaller06AlgorithmListIsNarrow(t *testing.T) {
	t.Parallel()
	var got []int
	for _, p := range algorithms() {
		got = append(got, int(p.Algorithm))
	}
	if !slices.Equal(got, []int{-8, -7, -257}) {
		t.Errorf("algorithms = %v", got)
	}
}

func TestCaller07CounterPolicy(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{false, true} {
		s := newSite(t, func(o *Options) { o.RefuseCounter = refuse })
		s.enroll(false)
		s.prove(s.key)
		s.key.Credentials[0].Counter = 0
		v, err := s.tryProve(s.key)
		if !slices.Equal(v.Warnings, []factor.Warning{CounterWentBack}) || v.Authenticator != "a1" {
			t.Errorf("refuse %v: %+v", refuse, v)
		}
		if errors.Is(err, factor.ErrRefused) != refuse {
			t.Errorf("refuse %v: err = %v", refuse, err)
		}
	}
}

func TestCaller08UserVerificationIsThisCeremonys(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(true) // verified then
	s.key.Verifies = false
	if v := s.prove(s.key); !slices.Equal(v.Proof.Classes, []factor.Class{factor.Possession}) {
		t.Errorf("classes = %q", v.Proof.Classes)
	}
}

func TestCaller09NoHalfWayAttestation(t *testing.T) {
	t.Parallel()
	for _, u2f := range []bool{false, true} {
		s := newSite(t, nil)
		s.key.Attest, s.key.U2F = true, u2f
		s.enroll(false)
		c, raw := s.stored(0).Credential, attestationOf(t, s.stored(0))
		if c.AttestationType != "" || len(raw.Object) == 0 || len(raw.AuthenticatorData) > 0 || raw.PublicKeyAlgorithm != 0 {
			t.Errorf("U2F %v: type %q, attestation %+v", u2f, c.AttestationType, raw)
		}
		// It can be judged later, by whoever has the makers' certificates.
		whole := library.Credential(c)
		whole.Attestation = raw
		if err := whole.VerifyAttestationType(protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
			t.Errorf("U2F %v: %v", u2f, err)
		}
	}
}

func TestCaller10ResponseIsBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	prompt, state := s.challenge()
	right := s.get(s.key, prompt)
	pad := func(n int) factor.Response {
		return response(slices.Concat(bytes.Repeat([]byte(" "), n-len(right.Credential)), right.Credential))
	}
	v, err := s.verify(state, pad(maxResponse+1))
	refused(t, v, err, factor.Wrong)
	if !errors.Is(s.why, errTooLarge) {
		t.Errorf("cause = %v", s.why)
	}
	if _, err := s.verify(state, pad(maxResponse)); err != nil {
		t.Errorf("%v: %v", err, s.why)
	}
	v, err = s.verify(state, response(bytes.Repeat([]byte("["), maxDepth+1)))
	refused(t, v, err, factor.Wrong)
	if !errors.Is(s.why, errTooDeep) {
		t.Errorf("cause = %v", s.why)
	}
}

func TestCaller11ErrorsAreGeneric(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, forge := range assertionForgeries() {
		s := newSite(t, nil)
		s.enroll(true)
		s.key.Forge = forge
		_, err := s.tryProve(s.key)
		said[err.Error()] = true
	}
	s := newSite(t, nil)
	s.enroll(true)
	prompt, state := s.challenge()
	right := s.get(s.key, prompt)
	s.call.Held = nil // nobody has it
	_, err := s.verify(state, right)
	said[err.Error()] = true
	if len(said) != 1 || !said["refused: wrong"] {
		t.Errorf("refusals say %v", said)
	}
}

func TestCaller12StateCarriesCountAndFlags(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.key.Verifies, s.key.BackupEligible = false, true
	s.enroll(false)
	s.key.Verifies, s.key.BackedUp = true, true
	was := s.stored(0)
	s.prove(s.key)
	is := s.stored(0)
	before, after := was.Credential, is.Credential
	if before.Authenticator.SignCount != 0 || before.Flags.BackupState || before.Flags.UserVerified {
		t.Errorf("before: %+v", before)
	}
	if after.Authenticator.SignCount != 1 || !after.Flags.BackupState || !after.Flags.UserVerified {
		t.Errorf("after: %+v", after)
	}
	if len(was.attestation) == 0 || !bytes.Equal(was.attestation, is.attestation) || !bytes.Equal(before.PublicKey, after.PublicKey) {
		t.Error("what does not change has changed")
	}
}

func TestCaller13UserHandleIsTheEngines(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(true)
	if !bytes.Equal(s.key.Credentials[0].UserHandle, s.call.User.Handle) {
		t.Error("the key holds another handle")
	}
	prompt, _ := s.begin(false)
	if user := options(t, prompt)["user"].(map[string]any); user["id"] == "u1" || user["id"] == "ada" {
		t.Errorf("user.id = %v", user["id"])
	}
}

func TestCaller14U2FImportForm(t *testing.T) {
	t.Parallel()
	s := oldSite(t, nil)
	c := s.stored(0).Credential
	if len(c.PublicKey) != 65 || c.PublicKey[0] != 4 || c.AttestationFormat != "fido-u2f" || s.stored(0).AppID != appID {
		t.Errorf("state = %+v", s.stored(0))
	}
	s.prove(s.key)
}

func TestRandomnessIsTheCalls(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	challenge := bytes.Repeat([]byte{7}, challengeSize)
	s.call.Rand = bytes.NewReader(challenge)
	prompt, _ := s.challenge()
	if !bytes.Equal(challengeOf(t, prompt), challenge) {
		t.Error("the challenge is not of the call's randomness")
	}
	s.call.Rand = io.LimitReader(seeded(1), challengeSize-1)
	if _, _, err := s.f.Challenge(t.Context(), s.call, nil); err == nil || errors.Is(err, factor.ErrRefused) {
		t.Errorf("with too little randomness: %v", err)
	}
}
