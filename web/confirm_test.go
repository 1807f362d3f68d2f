package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/nightlatchtest"
	"github.com/nightlatch/nightlatch/web"
)

const what = `Pay 100.00 EUR to <ACME> & "sons"`

// newPayments is a shop with a payment to confirm; what TakeConfirmation said goes to taken.
func newPayments(t *testing.T) (kit *nightlatchtest.Kit, b *nightlatchtest.Browser, h http.Handler, taken *[]error) {
	t.Helper()
	kit, gate, shop := newShop(t, nil)
	taken = &[]error{}
	mux := http.NewServeMux()
	mux.Handle("/", shop)
	mux.HandleFunc("POST /pay", func(w http.ResponseWriter, r *http.Request) {
		err := gate.TakeConfirmation(w, r, what)
		*taken = append(*taken, err)
		if errors.Is(err, nightlatch.ErrUnauthenticated) {
			gate.Confirm(w, r, what, "/orders")
		}
	})
	b = kit.Browser(mux)
	b.Post("/login", url.Values{"session": {"1"}})
	return kit, b, mux, taken
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	kit, b, _, taken := newPayments(t)
	phone := b.EnrollPhone("/2fa", "My phone")
	p := b.Post("/pay", nil)
	for _, words := range []string{"Please confirm", "Pay 100.00 EUR to &lt;ACME&gt; &amp; &#34;sons&#34;"} {
		if !strings.Contains(p.Body, words) {
			t.Errorf("%s does not say %q:\n%s", p.Path, words, p.Body)
		}
	}
	if p := b.Verify("/2fa", phone); p.Path != "/orders" || p.Body != "the shop" {
		t.Errorf("the code leads to %s", p.Path)
	}
	b.Post("/pay", nil)
	b.Post("/pay", nil)
	if got := *taken; len(got) != 3 || got[0] == nil || got[1] != nil || !errors.Is(got[2], nightlatch.ErrUnauthenticated) {
		t.Errorf("taken: %v", got)
	}
	sessions, err := kit.SessionsOf(t.Context(), "7")
	if err != nil || len(sessions) != 1 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
}

// TestConfirmByScript: a page of the application's own may ask by the API.
func TestConfirmByScript(t *testing.T) {
	t.Parallel()
	_, b, _, taken := newPayments(t)
	phone := b.EnrollPhone("/2fa", "My phone")
	b.Post("/pay", nil)
	var where struct {
		Next     string `json:"next"`
		Confirms string `json:"confirms"`
		Session  any    `json:"session"`
	}
	b.JSON(http.MethodGet, "/2fa/api/v1/sign-in", nil, &where)
	if where.Next != "verify" || where.Confirms != what {
		t.Errorf("it stands at %+v", where)
	}
	p := b.JSON(http.MethodPost, "/2fa/api/v1/verifications", map[string]string{"kind": "totp", "code": phone.Next()}, &where)
	if p.Status != http.StatusOK || where.Next != "done" || where.Confirms != what || where.Session != nil {
		t.Errorf("it ends with %d: %s", p.Status, p.Body)
	}
	b.Post("/pay", nil)
	if got := *taken; got[len(got)-1] != nil {
		t.Errorf("taken: %v", got)
	}
}

// TestConfirmFromElsewhere: another site neither asks for a confirmation nor uses one.
func TestConfirmFromElsewhere(t *testing.T) {
	t.Parallel()
	kit, b, h, taken := newPayments(t)
	b.EnrollPhone("/2fa", "My phone")
	before := events(t, kit)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, nightlatchtest.Origin+"/pay", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.AddCookie(&http.Cookie{Name: "shop", Value: "1"})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := *taken; len(got) != 1 || got[0] == nil || errors.Is(got[0], nightlatch.ErrUnauthenticated) {
		t.Errorf("taken: %v", got)
	}
	_, gate, _ := newShop(t, nil)
	w = httptest.NewRecorder()
	gate.Confirm(w, r, what, "/orders")
	if w.Code != http.StatusForbidden || len(w.Result().Cookies()) > 0 {
		t.Errorf("Confirm: %d", w.Code)
	}
	if events(t, kit) != before {
		t.Error("something happened")
	}
}

func events(t *testing.T, kit *nightlatchtest.Kit) int {
	t.Helper()
	all, err := kit.EventsOf(t.Context(), "7", 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestConfirmWhereTo: whoever cannot confirm is led on, and nothing leads to another host.
func TestConfirmWhereTo(t *testing.T) {
	t.Parallel()
	_, gate, _ := newShop(t, nil)
	ask := func(cookie, what, back string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, nightlatchtest.Origin+"/pay", nil)
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "shop", Value: cookie})
		}
		w := httptest.NewRecorder()
		gate.Confirm(w, r, what, back)
		return w.Code, w.Header().Get("Location")
	}
	for _, test := range []struct {
		cookie, what, back string
		code               int
		to                 string
	}{
		{"", what, "/orders", http.StatusSeeOther, "/login?again=1"},
		{"1", what, "/orders", http.StatusSeeOther, "/2fa/account/authenticators/new?to=%2Forders"},
		{"1", what, "https://evil.example/", http.StatusSeeOther, "/2fa/account/authenticators/new"},
		{"1", what, "//evil.example/", http.StatusSeeOther, "/2fa/account/authenticators/new"},
		{"1", "two\nlines", "/orders", http.StatusBadRequest, ""},
	} {
		if code, to := ask(test.cookie, test.what, test.back); code != test.code || to != test.to {
			t.Errorf("%+v: %d to %q", test, code, to)
		}
	}
}

// TestConfirmInTheServersManner: where this package does the sign-in, the session takes the place of the application's.
func TestConfirmInTheServersManner(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gate, err := web.New(h.all.Service, web.Options{PublicURL: "http://localhost:8080", Accounts: asked{&[]string{}}})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := h.all.Handler()
	if err != nil {
		t.Fatal(err)
	}
	var taken error
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.HandleFunc("POST /pay", func(w http.ResponseWriter, r *http.Request) {
		if taken = gate.TakeConfirmation(w, r, what); taken != nil {
			gate.Confirm(w, r, what, "/orders")
		}
	})
	h.http.Close()
	h.http = httptest.NewServer(mux)
	t.Cleanup(h.http.Close)
	stranger := h.client().send("POST", "/pay", nil, nil)
	if to := stranger.header.Get("Location"); to != "/sign-in?to=%2Forders" {
		t.Errorf("a stranger is led to %q", to)
	}
	p := h.signUp("anna", false)
	p.enroll()
	p.send("POST", "/pay", nil, nil).want(http.StatusSeeOther)
	p.post("/verifications", map[string]any{"kind": "totp", "code": p.nextCode()}).want(http.StatusOK)
	p.get("/session").want(http.StatusOK)
	p.send("POST", "/pay", nil, nil)
	if taken != nil {
		t.Errorf("taken: %v", taken)
	}
}
