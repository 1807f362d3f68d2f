package webauthn

import (
	"testing"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/factortest"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

// pocket holds the keys of the suite's people, one each.
type pocket struct {
	t     *testing.T
	shape func(*softkey.Key)
	keys  map[int]*softkey.Key
}

func (p *pocket) response(credential []byte, err error) factor.Response {
	p.t.Helper()
	if err != nil {
		p.t.Error(err)
	}
	return factor.Response{Credential: credential}
}

func (p *pocket) enroll(a factortest.Asked) factor.Response {
	k := softkey.New(seeded(byte(10 + a.Number)))
	k.Origin = a.Origin
	if p.shape != nil {
		p.shape(k)
	}
	p.keys[a.Number] = k
	return p.response(k.Create(a.Prompt.(factor.PublicKey).Options))
}

func (p *pocket) answer(a factortest.Asked) factor.Response {
	return p.response(p.keys[a.Number].Get(a.Prompt.(factor.PublicKey).Options))
}

// wrong is signed by another key than the one that it names.
func (p *pocket) wrong(a factortest.Asked) factor.Response {
	forger := softkey.New(seeded(99))
	forger.Origin = a.Origin
	forger.Forge.AuthData = func(d *softkey.AuthData) { d.RPIDHash[0] ^= 1 }
	if a.Enrolling {
		return p.response(forger.Create(a.Prompt.(factor.PublicKey).Options))
	}
	k := *p.keys[a.Number]
	k.Forge.Response = func(r *softkey.Response) { r.Assertion.Signature[9] ^= 1 }
	return p.response(k.Get(a.Prompt.(factor.PublicKey).Options))
}

func TestFactor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		passkey bool
		shape   func(*softkey.Key)
		options func(*Options)
	}{
		"security key":  {},
		"passkey":       {passkey: true, options: func(o *Options) { o.UserVerification = "required" }},
		"U2F key":       {shape: func(k *softkey.Key) { k.U2F = true }},
		"no counter":    {shape: func(k *softkey.Key) { k.Step = 0 }},
		"no PIN":        {shape: func(k *softkey.Key) { k.Verifies = false }, options: func(o *Options) { o.UserVerification = "discouraged" }},
		"strict, EdDSA": {shape: func(k *softkey.Key) { k.Algorithms = []int{softkey.EdDSA} }, options: func(o *Options) { o.RefuseCounter = true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{RPID: "example.com", Origins: []string{origin}}
			if tc.options != nil {
				tc.options(&o)
			}
			p := &pocket{t: t, shape: tc.shape, keys: map[int]*softkey.Key{}}
			factortest.Run(t, factortest.Fixture{
				Factor: newFactor(t, o), Begin: factor.Response{Passkey: tc.passkey},
				Enroll: p.enroll, Answer: p.answer, Wrong: p.wrong,
			})
		})
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	got := newSite(t, nil).f.Info()
	want := factor.Info{Kind: "webauthn", Name: "Security key", Class: factor.Possession, PhishingResistant: true, Unguessable: true}
	if got != want {
		t.Errorf("Info() = %+v, want %+v", got, want)
	}
}
