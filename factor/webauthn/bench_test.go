package webauthn

import (
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	library "github.com/go-webauthn/webauthn/webauthn"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

// BenchmarkVerify is a right ES256 assertion: ours from sealed states to the new state, and the library's own parsing
// and ValidateLogin on records that are in memory already. Ours should cost at most 1.3 times the library's.
func BenchmarkVerify(b *testing.B) {
	f := newFactor(b, Options{RPID: "example.com", Origins: []string{origin}})
	call := factor.Call{
		User: factor.User{ID: "u1", Name: "ada", Handle: make([]byte, 64)}, Purpose: factor.ForSignIn, Now: noon, Rand: seeded(2),
	}
	key := softkey.New(seeded(1))
	must := func(v []byte, err error) []byte {
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
	prompt, state, err := f.BeginEnrollment(b.Context(), call, factor.Response{})
	must(nil, err)
	created := must(key.Create(prompt.(factor.PublicKey).Options))
	e, err := f.FinishEnrollment(b.Context(), call, state, response(created))
	must(nil, err)
	call.Held = []factor.Held{{ID: "a1", State: e.State}}
	prompt, state, err = f.Challenge(b.Context(), call, nil)
	must(nil, err)
	r := response(must(key.Get(prompt.(factor.PublicKey).Options)))
	s, err := decodeStored(e.State)
	must(nil, err)
	p, err := f.open(call, state, useGet)
	must(nil, err)

	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Verify(b.Context(), call, state, r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		session := library.SessionData{
			Challenge: p.Challenge.String(), RelyingPartyID: p.RPID, UserID: call.User.Handle,
			AllowedCredentialIDs: [][]byte{s.Credential.ID}, UserVerification: p.Verification,
		}
		who := person{handle: call.User.Handle, credentials: []library.Credential{library.Credential(s.Credential)}}
		for b.Loop() {
			parsed, err := protocol.ParseCredentialRequestResponseBytes(r.Credential)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := f.lib.ValidateLogin(who, session, parsed); err != nil {
				b.Fatal(err)
			}
		}
	})
}
