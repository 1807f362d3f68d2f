package webauthn

import (
	"bytes"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

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
					map[string]any{"type": "public-key", "alg": -8.0}, map[string]any{"type": "public-key", "alg": -7.0},
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
	if !got.Passkey || got.RPID != "example.com" || got.Credential.AttestationType != "" || len(got.Credential.Attestation.Object) == 0 {
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

func textsOf[T ~string](list []T) (texts []string) {
	for _, s := range list {
		texts = append(texts, string(s))
	}
	return texts
}

// enrollmentForgeries are lies of a new key, each of which must be refused.
func enrollmentForgeries() map[string]softkey.Forge {
	forged := map[string]softkey.Forge{
		"no user present": {AuthData: func(d *softkey.AuthData) { d.Flags &^= softkey.FlagUP }},
		"RP ID hash":      {AuthData: func(d *softkey.AuthData) { d.RPIDHash[0] ^= 1 }},
		"backed up only":  {AuthData: func(d *softkey.AuthData) { d.Flags = d.Flags&^softkey.FlagBE | softkey.FlagBS }},
		"no credential":   {AuthData: func(d *softkey.AuthData) { d.Flags &^= softkey.FlagAT }},
		"trailing CBOR":   {AuthData: func(d *softkey.AuthData) { d.Trailing = []byte{0xa0} }},
		"extensions gone": {AuthData: func(d *softkey.AuthData) { d.Flags |= softkey.FlagED }},
		"long id":         {AuthData: func(d *softkey.AuthData) { d.CredentialID = make([]byte, 1024) }},
		"other id":        {AuthData: func(d *softkey.AuthData) { d.CredentialID = []byte("another") }},
		"no key":          {AuthData: func(d *softkey.AuthData) { d.PublicKey = []byte{0xa0} }},
		"key of one int":  {AuthData: func(d *softkey.AuthData) { d.PublicKey = []byte{0x01} }},
		"algorithm ES384": {AuthData: func(d *softkey.AuthData) { d.PublicKey[4], d.PublicKey = 0x38, slices.Insert(d.PublicKey, 5, 34) }},
		"point off curve": {AuthData: func(d *softkey.AuthData) { d.PublicKey[20] ^= 1 }},
		"trailing object": {Response: func(r *softkey.Response) {
			r.Attestation.AttestationObject = append(r.Attestation.AttestationObject, 0)
		}},
		"cut object":       {Response: func(r *softkey.Response) { r.Attestation.AttestationObject = r.Attestation.AttestationObject[:60] }},
		"empty object":     {Response: func(r *softkey.Response) { r.Attestation.AttestationObject = nil }},
		"format":           {Response: func(r *softkey.Response) { r.Attestation.AttestationObject[6] = 'N' }},
		"statement filled": {Response: func(r *softkey.Response) { r.Attestation.AttestationObject[18] = 0xa1 }},
		"assertion":        {Response: func(r *softkey.Response) { r.Attestation, r.Assertion = nil, &softkey.Assertion{} }},
		"not discoverable": {Response: func(r *softkey.Response) { r.Extensions["credProps"] = map[string]any{"rk": false} }},
	}
	for name, n := range map[string]int{"RSA of 1024 bits": 128, "RSA of 64 kbit": 8192} {
		forged[name] = softkey.Forge{AuthData: func(d *softkey.AuthData) { d.PublicKey = rsaKey(n) }}
	}
	maps.Copy(forged, commonForgeries("webauthn.get"))
	return forged
}

// rsaKey is the COSE form of an RSA key with a modulus of n bytes.
func rsaKey(n int) []byte {
	head := []byte{0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, byte(n >> 8), byte(n)}
	return slices.Concat(head, bytes.Repeat([]byte{0xc1}, n), []byte{0x21, 0x43, 0x01, 0x00, 0x01})
}

// commonForgeries are lies that both ceremonies know.
func commonForgeries(otherType string) map[string]softkey.Forge {
	from := func(origin string) softkey.Forge {
		return softkey.Forge{ClientData: func(c *softkey.ClientData) { c.Origin = origin }}
	}
	return map[string]softkey.Forge{
		"type":              {ClientData: func(c *softkey.ClientData) { c.Type = otherType }},
		"no type":           {ClientData: func(c *softkey.ClientData) { c.Type = "" }},
		"challenge":         {ClientData: func(c *softkey.ClientData) { c.Challenge[0] ^= 1 }},
		"no challenge":      {ClientData: func(c *softkey.ClientData) { c.Challenge = nil }},
		"origin":            from("https://example.org"),
		"origin below":      from("https://www.example.com"),
		"origin look-alike": from("https://example.com.evil.example"),
		"origin http":       from("http://example.com"),
		"origin port":       from("https://example.com:8443"),
		"origin path":       from("https://example.com/"),
		"origin user":       from("https://evil@example.com"),
		"origin capitals":   from("https://EXAMPLE.com"),
		"origin null":       from("null"),
		"no origin":         from(""),
		"cross origin":      {ClientData: func(c *softkey.ClientData) { c.CrossOrigin = true }},
		"framed":            {ClientData: func(c *softkey.ClientData) { c.CrossOrigin, c.TopOrigin = true, "https://example.org" }},
		"framed by us":      {ClientData: func(c *softkey.ClientData) { c.CrossOrigin, c.TopOrigin = true, origin }},
		"top origin alone":  {ClientData: func(c *softkey.ClientData) { c.TopOrigin = origin }},
		"BOM":               {ClientJSON: func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) }},
		"client data twice": {ClientJSON: func(b []byte) []byte { return append(b, b...) }},
		"no client data":    {ClientJSON: func([]byte) []byte { return nil }},
		"null client data":  {ClientJSON: func([]byte) []byte { return []byte("null") }},
		"credential id":     {Response: func(r *softkey.Response) { r.ID, r.RawID = []byte("other"), []byte("other") }},
		"raw id":            {Response: func(r *softkey.Response) { r.RawID = []byte("other") }},
		"no id":             {Response: func(r *softkey.Response) { r.ID, r.RawID = nil, nil }},
		"credential type":   {Response: func(r *softkey.Response) { r.Type = "password" }},
		"deep extensions": {Response: func(r *softkey.Response) {
			var deep any
			for range maxDepth {
				deep = []any{deep}
			}
			r.Extensions["x"] = deep
		}},
		"64 KiB": {Response: func(r *softkey.Response) { r.Extensions["x"] = strings.Repeat("x", maxResponse) }},
	}
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

func TestEnrollmentIsBound(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*site, *factor.Call)
		want   factor.Reason
	}{
		"another user":    {func(_ *site, c *factor.Call) { c.User.ID = "u2" }, factor.Wrong},
		"another handle":  {func(_ *site, c *factor.Call) { c.User.Handle = make([]byte, 64) }, factor.Wrong},
		"no handle":       {func(_ *site, c *factor.Call) { c.User.Handle = nil }, factor.Wrong},
		"another purpose": {func(_ *site, c *factor.Call) { c.Purpose = factor.ForSignIn }, factor.Wrong},
		"too late":        {func(_ *site, c *factor.Call) { c.Now = noon.Add(enrollmentLife) }, factor.Expired},
		"another origin": {func(s *site, _ *factor.Call) {
			s.f = newFactor(s.t, Options{RPID: "example.com", Origins: []string{origin, "https://login.example.com"}})
		}, factor.Wrong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			prompt, state := s.begin(false)
			credential, err := s.key.Create(prompt.Options)
			if err != nil {
				t.Fatal(err)
			}
			c := s.enrollment()
			tc.change(s, &c)
			_, err = s.f.FinishEnrollment(t.Context(), c, state, response(credential))
			wantRefusal(t, err, tc.want)
		})
	}
}

func TestEnrollmentNeedsAHandle(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, n := range []int{0, 65} {
		c := s.enrollment()
		c.User.Handle = make([]byte, n)
		if _, _, err := s.f.BeginEnrollment(t.Context(), c, factor.Response{}); err == nil || errors.Is(err, factor.ErrRefused) {
			t.Errorf("a handle of %d bytes: %v, want a fault", n, err)
		}
	}
}

func TestEnrollmentIsGoodUntilItExpires(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	prompt, state := s.begin(false)
	credential, err := s.key.Create(prompt.Options)
	if err != nil {
		t.Fatal(err)
	}
	c := s.enrollment()
	c.Now = prompt.ExpiresAt.Add(-time.Millisecond)
	if _, err := s.f.FinishEnrollment(t.Context(), c, state, response(credential)); err != nil {
		t.Errorf("%v: %v", err, s.why)
	}
}
