package webauthn

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

const appID = "https://example.com/app-id.json"

func containsText(b []byte, text string) bool { return bytes.Contains(b, []byte(text)) }

// point is the public key of some old U2F key.
func point(t *testing.T) []byte {
	t.Helper()
	_, public, err := softkey.New(seeded(4)).Registered(appID)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// oldSite is a site whose user has an old U2F key.
func oldSite(t *testing.T, change func(*Options)) *site {
	t.Helper()
	s := newSite(t, func(o *Options) {
		o.AppID = appID
		if change != nil {
			change(o)
		}
	})
	s.key.U2F = true
	handle, public, err := s.key.Registered(appID)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Imported(U2F{KeyHandle: handle, PublicKey: public, AppID: appID, Transports: []string{"usb-internal", "bt", "nfc"}})
	if err != nil {
		t.Fatal(err)
	}
	if e.Label != "Security key" || e.Lookup != lookup(appID, handle) {
		t.Errorf("imported = %+v", e)
	}
	s.hold(e)
	return s
}

func TestImportedKeyAnswers(t *testing.T) {
	t.Parallel()
	s := oldSite(t, nil)
	prompt, _ := s.challenge()
	got := options(t, prompt)
	if ext, _ := got["extensions"].(map[string]any); ext["appid"] != appID {
		t.Errorf("extensions = %v", ext)
	}
	list := got["allowCredentials"].([]any)
	if list[0].(map[string]any)["id"] != s.stored(0).id() || len(list[0].(map[string]any)["transports"].([]any)) != 3 {
		t.Errorf("allowCredentials = %v", list)
	}
	for range 2 {
		if v := s.prove(s.key); !slices.Equal(v.Proof.Classes, []factor.Class{factor.Possession}) || len(v.Warnings) > 0 {
			t.Errorf("verdict = %+v", v)
		}
	}
	if got := s.stored(0).Credential.Authenticator.SignCount; got != 2 {
		t.Errorf("stored count = %d", got)
	}
	// A UV bit of such a key says nothing.
	s.key.Forge.AuthData = func(d *softkey.AuthData) { d.Flags |= softkey.FlagUV }
	if v := s.prove(s.key); !slices.Equal(v.Proof.Classes, []factor.Class{factor.Possession}) {
		t.Errorf("classes = %q", v.Proof.Classes)
	}
}

func TestForgedImportedKeyIsRefused(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]softkey.Forge{
		"no presence":     {AuthData: func(d *softkey.AuthData) { d.Flags = 0 }},
		"RP ID hash":      {AuthData: func(d *softkey.AuthData) { d.RPIDHash = scopeHash("example.com") }},
		"other AppID":     {AuthData: func(d *softkey.AuthData) { d.RPIDHash = scopeHash("https://example.com/other") }},
		"appid false":     {Response: func(r *softkey.Response) { r.Extensions["appid"] = false }},
		"appid missing":   {Response: func(r *softkey.Response) { delete(r.Extensions, "appid") }},
		"appid a text":    {Response: func(r *softkey.Response) { r.Extensions["appid"] = "true" }},
		"signature":       {Response: func(r *softkey.Response) { r.Assertion.Signature[12] ^= 1 }},
		"backup eligible": {AuthData: func(d *softkey.AuthData) { d.Flags |= softkey.FlagBE }},
		"origin":          {ClientData: func(c *softkey.ClientData) { c.Origin = "https://example.org" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := oldSite(t, nil)
			s.key.Forge = forge
			v, err := s.tryProve(s.key)
			refused(t, v, err, factor.Wrong)
		})
	}
}

func scopeHash(scope string) []byte {
	sum := sha256.Sum256([]byte(scope))
	return sum[:]
}

func TestAppIDIsGoodForImportedKeysOnly(t *testing.T) {
	t.Parallel()
	s := oldSite(t, nil)
	fresh := softkey.New(seeded(6))
	fresh.U2F, fresh.Attest = true, true // fido-u2f too, but through WebAuthn
	e, err := s.tryEnroll(fresh, false)
	if err != nil {
		t.Fatal(err)
	}
	s.hold(e)
	s.prove(fresh)
	s.prove(s.key)
	fresh.Forge.AuthData = func(d *softkey.AuthData) { d.RPIDHash = scopeHash(appID) }
	fresh.Forge.Response = func(r *softkey.Response) { r.Extensions["appid"] = true }
	v, err := s.tryProve(fresh)
	refused(t, v, err, factor.Wrong)
}

func TestImportedKeyOfOtherSettings(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"other AppID":                func(o *Options) { o.AppID = "https://example.com" },
		"no AppID":                   func(o *Options) { o.AppID = "" },
		"user verification required": func(o *Options) { o.UserVerification = "required" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := oldSite(t, nil)
			prompt, state := s.challenge()
			right := s.get(s.key, prompt)
			o := Options{RPID: "example.com", Origins: []string{origin}, AppID: appID}
			change(&o)
			s.f = newFactor(t, o)
			_, _, err := s.f.Challenge(t.Context(), s.call, nil)
			wantRefusal(t, err, factor.Wrong)
			v, err := s.verify(state, right)
			refused(t, v, err, factor.Wrong)
			// Beside one that works, it is not offered.
			works := softkey.New(seeded(6))
			e, err := s.tryEnroll(works, false)
			if err != nil {
				t.Fatal(err)
			}
			s.hold(e)
			got, _ := s.challenge()
			if list := options(t, got)["allowCredentials"].([]any); len(list) != 1 || options(t, got)["extensions"] != nil {
				t.Errorf("options = %s", got.Options)
			}
			s.prove(works)
		})
	}
}

func TestImportedKeyIsExcluded(t *testing.T) {
	t.Parallel()
	s := oldSite(t, nil)
	prompt, _ := s.begin(false)
	if ext := options(t, prompt)["extensions"].(map[string]any); ext["appidExclude"] != appID {
		t.Errorf("extensions = %v", ext)
	}
	if _, err := s.key.Create(prompt.Options); !errors.Is(err, softkey.ErrExcluded) {
		t.Errorf("err = %v", err)
	}
}

func TestImportedKeyIsNoPasskey(t *testing.T) {
	t.Parallel()
	s := oldSite(t, nil)
	prompt, state := s.anonymous()
	credential, err := s.key.Assert(s.key.Credentials[0], challengeOf(t, prompt), true, appID)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := s.f.Lookup(response(credential)); err != nil || found == lookup(appID, s.key.Credentials[0].ID) {
		t.Errorf("Lookup = %q, %v", found, err)
	}
	v, err := s.verify(state, response(credential))
	refused(t, v, err, factor.Wrong)
}

func TestImportedRefuses(t *testing.T) {
	t.Parallel()
	sound := U2F{KeyHandle: []byte("handle"), PublicKey: point(t), AppID: appID}
	off := bytes.Clone(sound.PublicKey)
	off[40] ^= 1
	for name, change := range map[string]func(*U2F){
		"no handle":        func(u *U2F) { u.KeyHandle = nil },
		"long handle":      func(u *U2F) { u.KeyHandle = make([]byte, 1024) },
		"no key":           func(u *U2F) { u.PublicKey = nil },
		"short key":        func(u *U2F) { u.PublicKey = u.PublicKey[:64] },
		"compressed key":   func(u *U2F) { u.PublicKey = append([]byte{2}, u.PublicKey[1:33]...) },
		"COSE key":         func(u *U2F) { u.PublicKey = decoy(nil).Credential.PublicKey },
		"point off curve":  func(u *U2F) { u.PublicKey = off },
		"no AppID":         func(u *U2F) { u.AppID = "" },
		"AppID no URL":     func(u *U2F) { u.AppID = "example.com" },
		"AppID of an app":  func(u *U2F) { u.AppID = "android:apk-key-hash:x" },
		"AppID not parsed": func(u *U2F) { u.AppID = "https://\x7f" },
	} {
		u := sound
		change(&u)
		if _, err := Imported(u); err == nil {
			t.Errorf("%s: imported", name)
		}
	}
	if _, err := Imported(sound); err != nil {
		t.Error(err)
	}
}

// TestRealU2FKeys imports what a library of the old API stored of real keys.
func TestRealU2FKeys(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/u2f_legacy_import.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Registration struct {
			AppID  string
			Data   softkey.Bytes `json:"registrationData_b64url"`
			Parsed struct {
				PublicKey hexBytes `json:"public_key_raw_x962"`
				KeyHandle hexBytes `json:"key_handle"`
			}
		}
		Authentication struct {
			AppID     string
			KeyHandle softkey.Bytes `json:"keyHandle_b64url"`
			PublicKey softkey.Bytes `json:"publicKey_b64url"`
		}
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	// FIDO U2F raw message formats §4.3: 5, the point, the handle after its length, and what does not matter here.
	raw := v.Registration.Data
	point, handle := raw[1:66], raw[67:67+int(raw[66])]
	if !bytes.Equal(point, v.Registration.Parsed.PublicKey) || !bytes.Equal(handle, v.Registration.Parsed.KeyHandle) {
		t.Fatal("the vector is read wrongly")
	}
	for _, u := range []U2F{
		{KeyHandle: handle, PublicKey: point, AppID: v.Registration.AppID, Counter: 3},
		{KeyHandle: v.Authentication.KeyHandle, PublicKey: v.Authentication.PublicKey, AppID: v.Authentication.AppID},
	} {
		e, err := Imported(u)
		if err != nil {
			t.Errorf("%s: %v", u.AppID, err)
			continue
		}
		s, err := decodeStored(e.State)
		if err != nil {
			t.Fatal(err)
		}
		c := s.Credential
		if !bytes.Equal(c.PublicKey, u.PublicKey) || !bytes.Equal(c.ID, u.KeyHandle) || c.AttestationFormat != "fido-u2f" ||
			c.Authenticator.SignCount != u.Counter || s.AppID != u.AppID || s.RPID != "" {
			t.Errorf("%s: state = %+v", u.AppID, s)
		}
	}
}

type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}
