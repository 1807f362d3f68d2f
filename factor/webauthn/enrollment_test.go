package webauthn

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	library "github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

func TestCreationOptions(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		passkey   bool
		change    func(*Options)
		selection map[string]any
	}{
		"security key": {false, nil, map[string]any{
			"residentKey": "discouraged", "requireResidentKey": false, "userVerification": "preferred",
		}},
		"security key without PIN": {false, func(o *Options) { o.UserVerification = "discouraged" }, map[string]any{
			"residentKey": "discouraged", "requireResidentKey": false, "userVerification": "discouraged",
		}},
		"passkey": {true, func(o *Options) { o.UserVerification = "discouraged" }, map[string]any{
			"residentKey": "required", "requireResidentKey": true, "userVerification": "required",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tc.change)
			prompt, _ := s.begin(tc.passkey)
			got := options(t, prompt)
			if challenge, _ := got["challenge"].(string); len(challenge) != 43 {
				t.Errorf("challenge = %q, want 32 bytes in base64url", challenge)
			}
			delete(got, "challenge")
			want := map[string]any{
				"rp": map[string]any{"id": "example.com", "name": "Example"},
				"user": map[string]any{
					"id": base64.RawURLEncoding.EncodeToString(s.call.User.Handle), "name": "ada@example.com", "displayName": "ada",
				},
				"pubKeyCredParams": []any{
					map[string]any{"type": "public-key", "alg": -8.0},
					map[string]any{"type": "public-key", "alg": -7.0},
					map[string]any{"type": "public-key", "alg": -257.0},
				},
				"timeout": 300000.0, "authenticatorSelection": tc.selection, "attestation": "none",
				"extensions": map[string]any{"credProps": true},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if !prompt.Create || !prompt.ExpiresAt.Equal(noon.Add(enrollmentLife)) {
				t.Errorf("Create %v, ExpiresAt %v", prompt.Create, prompt.ExpiresAt)
			}
		})
	}
}

func TestEnrolled(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.key.AAGUID = [16]byte{0xfd, 0xb1, 0x41, 0xb2, 0x5d, 0x84, 0x44, 0x3e, 0x8a, 0x35, 0x46, 0x98, 0xc2, 0x05, 0xa5, 0x02}
	s.key.Transports = []string{"internal", "from-the-future", "internal", "", strings.Repeat("x", 33)}
	s.key.BackupEligible, s.key.BackedUp = true, true
	passkey := s.enroll(true)
	if passkey.Label != "Passkey" || passkey.Model != "KeePassXC" || passkey.Hint != "" {
		t.Errorf("a passkey: %+v", passkey)
	}
	got := s.stored(0)
	if !got.Passkey || got.RPID != "example.com" || got.Credential.AttestationType != "" || attestationOf(t, got).Object == nil {
		t.Errorf("state = %+v", got)
	}
	if f := got.Credential.Flags; !f.BackupEligible || !f.BackupState || !f.UserVerified {
		t.Errorf("flags = %+v", f)
	}
	if diff := cmp.Diff([]string{"internal", "from-the-future"}, textsOf(got.Credential.Transport)); diff != "" {
		t.Error(diff)
	}
	plain := softkey.New(seeded(3))
	e, err := s.tryEnroll(plain, false)
	if err != nil {
		t.Fatal(err)
	}
	if e.Label != "Security key" || e.Model != "" || e.Lookup == passkey.Lookup || e.Lookup == "" {
		t.Errorf("a security key: %+v", e)
	}
	if id := plain.Credentials[0].ID; e.Lookup != lookup("example.com", id) || e.Lookup == lookup("example.co", append([]byte("m"), id...)) {
		t.Error("the lookup is not of RP ID and credential id")
	}
}

// attestationOf is the raw attestation of a state.
func attestationOf(t *testing.T, s stored) library.CredentialAttestation {
	t.Helper()
	var a library.CredentialAttestation
	if err := json.Unmarshal(s.attestation, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func textsOf[T ~string](list []T) (texts []string) {
	for _, s := range list {
		texts = append(texts, string(s))
	}
	return texts
}

func TestForgedEnrollmentIsRefused(t *testing.T) {
	t.Parallel()
	for name, forge := range enrollmentForgeries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.key.Forge = forge
			e, err := s.tryEnroll(s.key, true)
			wantRefusal(t, err, factor.Wrong)
			if !cmp.Equal(e, factor.Enrolled{}) {
				t.Errorf("a refused enrollment gave %+v", e)
			}
			if s.why == nil || errors.Is(s.why, errPanic) {
				t.Errorf("the cause is %v", s.why)
			}
		})
	}
}

func TestHonestEnrollments(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]func(*softkey.Key){
		"EdDSA":            func(k *softkey.Key) { k.Algorithms = []int{softkey.EdDSA} },
		"ES256":            func(k *softkey.Key) { k.Algorithms = []int{softkey.ES256} },
		"RS256":            func(k *softkey.Key) { k.Algorithms = []int{softkey.RS256} },
		"self attestation": func(k *softkey.Key) { k.Attest = true },
		"U2F":              func(k *softkey.Key) { k.U2F = true },
		"U2F attestation":  func(k *softkey.Key) { k.U2F, k.Attest = true, true },
		"unrequested outputs": func(k *softkey.Key) {
			k.Forge.Response = func(r *softkey.Response) { r.Extensions["prf"] = map[string]any{"enabled": true} }
		},
		"no outputs": func(k *softkey.Key) { k.Forge.Response = func(r *softkey.Response) { clear(r.Extensions) } },
		"longest id": func(k *softkey.Key) { longID(k) },
		"unknown client data": func(k *softkey.Key) {
			k.Forge.ClientJSON = func(b []byte) []byte { return append([]byte(`{"new":{"a":[1]},`), b[1:]...) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			shape(s.key)
			s.enroll(false)
			s.key.Forge = softkey.Forge{}
			s.prove(s.key)
		})
	}
}

func TestRSAKeySizes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]bool{255: false, 256: true, 512: true, 1024: false} {
		if err := soundKey(rsaKey(n)); (err == nil) != want {
			t.Errorf("%d bits: %v", 8*n, err)
		}
	}
}

// longID makes the next credential's id as long as can be.
func longID(k *softkey.Key) {
	id := make([]byte, maxCredential)
	k.Forge.AuthData = func(d *softkey.AuthData) { d.CredentialID = id }
	k.Forge.Response = func(r *softkey.Response) {
		r.ID, r.RawID = id, id
		k.Credentials[len(k.Credentials)-1].ID = id
	}
}

func TestPasskeyNeedsUserVerification(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.key.Forge.AuthData = func(d *softkey.AuthData) { d.Flags &^= softkey.FlagUV }
	_, err := s.tryEnroll(s.key, true)
	wantRefusal(t, err, factor.Wrong)
	if _, err := s.tryEnroll(s.key, false); err != nil {
		t.Errorf("as a security key: %v", err)
	}
}
