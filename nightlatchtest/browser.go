package nightlatchtest

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/factor/webauthn"
)

// Browser goes through an application's handler at Origin as a person's browser does: it keeps cookies, follows
// redirects, and says where its requests come from. There is no network. It is used by one goroutine at a time.
type Browser struct {
	t      testing.TB
	clock  *Clock
	client *http.Client
}

// Page is what a Browser got, after redirects.
type Page struct {
	Status int
	Path   string // with its query, where the browser is now
	Body   string
}

// Browser is NewBrowser with the kit's clock.
func (k *Kit) Browser(h http.Handler) *Browser {
	k.t.Helper()
	return NewBrowser(k.t, k.Clock, h)
}

// NewBrowser opens a browser without cookies before a handler: the application's own, with the gate in it. The phones
// that it enrolls go by clock.
func NewBrowser(t testing.TB, clock *Clock, h http.Handler) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{t: t, clock: clock, client: &http.Client{Jar: jar, Transport: direct{h}}}
}

// direct calls a handler in the place of a server.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr, in.TLS = r.URL.RequestURI(), Client().Addr+":4711", &tls.ConnectionState{}
	in.Host, in.URL = r.URL.Host, &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, in)
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// Get opens a page.
func (b *Browser) Get(path string) Page {
	b.t.Helper()
	return b.send(http.MethodGet, path, "", nil)
}

// Post sends a form of a page of the application's, or of ours.
func (b *Browser) Post(path string, form url.Values) Page {
	b.t.Helper()
	return b.send(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// JSON sends a value as JSON (nil: no body) and reads the answer into out (nil: not at all), as a script of a page does.
func (b *Browser) JSON(method, path string, in, out any) Page {
	b.t.Helper()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			b.t.Fatal(err)
		}
		body = bytes.NewReader(text)
	}
	p := b.send(method, path, "application/json", body)
	if out == nil || p.Status >= http.StatusBadRequest {
		return p
	}
	if err := json.Unmarshal([]byte(p.Body), out); err != nil {
		b.t.Fatalf("%s %s: %v: %s", method, path, err, p.Body)
	}
	return p
}

func (b *Browser) send(method, path, kind string, body io.Reader) Page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, Origin+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("User-Agent", Client().Agent)
	r.Header.Set("Accept-Language", Client().Lang)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if kind == "application/json" {
		r.Header.Set("Accept", kind)
		r.Header.Set("Sec-Fetch-Mode", "cors")
	}
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return Page{Status: answer.StatusCode, Path: answer.Request.URL.RequestURI(), Body: string(text)}
}

// Verify takes the second step of a sign-in, or gives a fresh proof, with an app's next code on our page; prefix is
// web.Options.Prefix. What it returns is where that led to.
func (b *Browser) Verify(prefix string, p *Phone) Page {
	b.t.Helper()
	return b.Post(prefix+"/verify", url.Values{"kind": {string(totp.ByTime)}, "code": {p.Next()}})
}

// VerifyKey is Verify with a security key, as the page's script does it. The test ends where it is refused.
func (b *Browser) VerifyKey(prefix string, k *Key) {
	b.t.Helper()
	api := prefix + "/api/v1"
	var challenge struct {
		PublicKey json.RawMessage `json:"public_key"`
	}
	b.must(b.JSON(http.MethodPost, api+"/challenges", map[string]any{"kind": webauthn.Kind}, &challenge))
	credential, err := k.Get(challenge.PublicKey)
	if err != nil {
		b.t.Fatal(err)
	}
	b.must(b.JSON(http.MethodPost, api+"/verifications", map[string]any{"kind": webauthn.Kind, "credential": credential}, nil))
}

// enrolled is the answer to a finished enrollment.
type enrolled struct {
	Authenticator struct {
		ID string `json:"id"`
	} `json:"authenticator"`
	Codes []string `json:"recovery_codes"`
}

// EnrollPhone sets up an authenticator app for whoever is signed in. The test ends where that is refused: without a
// sign-in, or without a fresh proof where a second factor is held.
func (b *Browser) EnrollPhone(prefix, label string) *Phone {
	b.t.Helper()
	api := prefix + "/api/v1/authenticators"
	var begun struct {
		Enrollment string `json:"enrollment"`
		TOTP       struct {
			Secret string `json:"secret"`
		} `json:"totp"`
	}
	b.must(b.JSON(http.MethodPost, api, map[string]any{"kind": totp.ByTime, "label": label}, &begun))
	p := NewPhone(b.t, b.clock, begun.TOTP.Secret)
	var done enrolled
	b.must(b.JSON(http.MethodPost, api+"/finish", map[string]any{"enrollment": begun.Enrollment, "code": p.Code()}, &done))
	p.ID, p.Codes = done.Authenticator.ID, done.Codes
	return p
}

// EnrollKey is EnrollPhone for a security key.
func (b *Browser) EnrollKey(prefix, label string) *Key {
	b.t.Helper()
	api := prefix + "/api/v1/authenticators"
	var begun struct {
		Enrollment string          `json:"enrollment"`
		PublicKey  json.RawMessage `json:"public_key"`
	}
	b.must(b.JSON(http.MethodPost, api, map[string]any{"kind": webauthn.Kind, "label": label, "passkey": true}, &begun))
	k := NewKey()
	credential, err := k.Create(begun.PublicKey)
	if err != nil {
		b.t.Fatal(err)
	}
	var done enrolled
	b.must(b.JSON(http.MethodPost, api+"/finish", map[string]any{"enrollment": begun.Enrollment, "credential": credential}, &done))
	k.ID, k.Codes = done.Authenticator.ID, done.Codes
	return k
}

func (b *Browser) must(p Page) {
	b.t.Helper()
	if p.Status >= http.StatusBadRequest {
		b.t.Fatalf("%s: %d: %s", p.Path, p.Status, p.Body)
	}
}
