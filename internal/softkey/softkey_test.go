package softkey_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/internal/softkey"
)

const (
	creation = `{"rp":{"id":"example.com","name":"Example"},"user":{"id":"AQ","name":"ada","displayName":"Ada"},"challenge":"AAAA",
		"pubKeyCredParams":[{"type":"public-key","alg":-7}],"authenticatorSelection":{"residentKey":"required","userVerification":"required"}}`
	request = `{"challenge":"AAAA","rpId":"example.com","userVerification":"required"}`
)

func newKey() *softkey.Key { return softkey.New(rand.NewChaCha8([32]byte{1})) }

func TestCreateAndGet(t *testing.T) {
	t.Parallel()
	k := newKey()
	if _, err := k.Get(json.RawMessage(request)); !errors.Is(err, softkey.ErrNotAllowed) {
		t.Errorf("an empty key answered: %v", err)
	}
	made, err := k.Create(json.RawMessage(creation))
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.Get(json.RawMessage(request))
	if err != nil {
		t.Fatal(err)
	}
	for text, members := range map[string][]string{
		string(made): {`"id"`, `"rawId"`, `"type":"public-key"`, `"attestationObject"`, `"clientDataJSON"`, `"transports":["usb"]`},
		string(got):  {`"id"`, `"rawId"`, `"type":"public-key"`, `"signature"`, `"authenticatorData"`, `"userHandle":"AQ"`},
	} {
		for _, m := range members {
			if !strings.Contains(text, m) {
				t.Errorf("%s lacks %s", text, m)
			}
		}
	}
	again := newKey()
	if same, err := again.Create(json.RawMessage(creation)); err != nil || string(same) != string(made) {
		t.Errorf("equal randomness made another credential: %v", err)
	}
}

func TestBrowserRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change   func(*softkey.Key)
		from, to string
		want     error
	}{
		"other origin":      {func(k *softkey.Key) { k.Origin = "https://example.org" }, "", "", softkey.ErrSecurity},
		"look-alike":        {func(k *softkey.Key) { k.Origin = "https://badexample.com" }, "", "", softkey.ErrSecurity},
		"no PIN":            {func(k *softkey.Key) { k.Verifies = false }, "", "", softkey.ErrConstraint},
		"no resident keys":  {func(k *softkey.Key) { k.Resident = false }, "", "", softkey.ErrConstraint},
		"U2F":               {func(k *softkey.Key) { k.U2F = true }, "", "", softkey.ErrConstraint},
		"unknown algorithm": {nil, `"alg":-7`, `"alg":-8`, softkey.ErrUnsupported},
		"no display name":   {nil, `,"displayName":"Ada"`, ``, softkey.ErrConstraint},
	} {
		k := newKey()
		if tc.change != nil {
			tc.change(k)
		}
		if _, err := k.Create(json.RawMessage(strings.Replace(creation, tc.from, tc.to, 1))); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	k := newKey()
	if _, err := k.Create(json.RawMessage(creation)); err != nil {
		t.Fatal(err)
	}
	id, _ := json.Marshal(softkey.Bytes(k.Credentials[0].ID))
	excluding := strings.Replace(creation, `"challenge"`, `"excludeCredentials":[{"type":"public-key","id":`+string(id)+`}],"challenge"`, 1)
	if _, err := k.Create(json.RawMessage(excluding)); !errors.Is(err, softkey.ErrExcluded) {
		t.Errorf("excluded: %v", err)
	}
	k.Origin = "https://example.org"
	if _, err := k.Get(json.RawMessage(request)); !errors.Is(err, softkey.ErrSecurity) {
		t.Errorf("at another origin: %v", err)
	}
}
