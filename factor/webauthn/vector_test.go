package webauthn

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

// vector is one of WebAuthn Level 3 §16.
type vector struct {
	ID           string `json:"id"`
	Registration struct {
		Challenge         hexBytes `json:"challenge"`
		CredentialID      hexBytes `json:"credential_id"`
		ClientDataJSON    hexBytes `json:"clientDataJSON"`
		AttestationObject hexBytes `json:"attestationObject"`
	} `json:"registration"`
	Authentication struct {
		Challenge         hexBytes `json:"challenge"`
		ClientDataJSON    hexBytes `json:"clientDataJSON"`
		AuthenticatorData hexBytes `json:"authenticatorData"`
		Signature         hexBytes `json:"signature"`
	} `json:"authentication"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/webauthn_l3_section16.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Vectors
}

func (v vector) response(t testing.TB, inner any) factor.Response {
	t.Helper()
	id := softkey.Bytes(v.Registration.CredentialID)
	text, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": struct{}{}, "response": inner})
	if err != nil {
		t.Fatal(err)
	}
	return response(text)
}

func (v vector) attestation(t testing.TB) factor.Response {
	r := v.Registration
	return v.response(t, softkey.Attestation{
		ClientDataJSON: softkey.Bytes(r.ClientDataJSON), AttestationObject: softkey.Bytes(r.AttestationObject),
	})
}

func (v vector) assertion(t testing.TB) factor.Response {
	r := v.Authentication
	return v.response(t, softkey.Assertion{
		ClientDataJSON: softkey.Bytes(r.ClientDataJSON), AuthenticatorData: softkey.Bytes(r.AuthenticatorData),
		Signature: softkey.Bytes(r.Signature),
	})
}

// TestSpecificationVectors: both ceremonies of §16.2 to §16.16.
func TestSpecificationVectors(t *testing.T) {
	t.Parallel()
	refusals := map[string]string{
		"none-es256-crossOrigin": "framed by another site", "none-es256-topOrigin": "framed by another site",
		"packed-es384": "algorithm not offered", "packed-es512": "algorithm not offered", "packed-ed448": "algorithm not offered",
		"tpm-es256": "root is none of a maker's", "android-key-es256": "root is none of a maker's", "apple-es256": "root is none of a maker's",
	}
	all := vectors(t)
	if len(all) != 15 {
		t.Fatalf("%d vectors", len(all))
	}
	for _, v := range all {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(o *Options) { o.RPID, o.Origins = "example.org", []string{"https://example.org"} })
			s.call.Rand = bytes.NewReader(slices.Concat(v.Registration.Challenge, v.Authentication.Challenge))
			_, state := s.begin(false)
			e, err := s.f.FinishEnrollment(t.Context(), s.enrollment(), state, v.attestation(t))
			if why, ok := refusals[v.ID]; ok {
				wantRefusal(t, err, factor.Wrong)
				t.Logf("%s: %v", why, s.why)
				return
			}
			if err != nil {
				t.Fatalf("%v: %v", err, s.why)
			}
			s.hold(e)
			_, state = s.challenge()
			right := v.assertion(t)
			for i := range v.Authentication.Signature[:8] {
				flipped := v
				flipped.Authentication.Signature = bytes.Clone(v.Authentication.Signature)
				flipped.Authentication.Signature[len(flipped.Authentication.Signature)-1-i] ^= 1 << i
				bad, err := s.verify(state, flipped.assertion(t))
				refused(t, bad, err, factor.Wrong)
			}
			if _, err := s.verify(state, right); err != nil {
				t.Errorf("%v: %v", err, s.why)
			}
		})
	}
}

// TestSpecificationVectorsFlipped: a flipped bit of an attestation's signature is found, where one is sent.
func TestSpecificationVectorsFlipped(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		if !slices.Contains([]string{"packed-self-es256", "packed-es256", "packed-rs256", "packed-eddsa", "fido-u2f-es256"}, v.ID) {
			continue
		}
		s := newSite(t, func(o *Options) { o.RPID, o.Origins = "example.org", []string{"https://example.org"} })
		s.call.Rand = bytes.NewReader(v.Registration.Challenge)
		_, state := s.begin(false)
		object := bytes.Clone(v.Registration.AttestationObject)
		at := bytes.Index(object, []byte("csig")) // the text "sig"; behind it the signature's head and bytes
		object[at+30] ^= 1
		v.Registration.AttestationObject = object
		_, err := s.f.FinishEnrollment(t.Context(), s.enrollment(), state, v.attestation(t))
		wantRefusal(t, err, factor.Wrong)
	}
}
