package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/web"
)

// newApplication is an application that signs people in by itself, by an Authorization header of its own, with the
// gate mounted at /2fa.
func newApplication(t *testing.T) (h *house, user string) {
	t.Helper()
	h = newHouse(t)
	h.add("anna")
	account, err := h.all.Accounts.Find(t.Context(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := web.New(h.all.Service, web.Options{
		PublicURL: "http://localhost:8080", Prefix: "/2fa", SignIn: "/enter",
		CurrentUser: func(r *http.Request) (web.Login, bool) {
			session, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer of-")
			return web.Login{User: account.ID, Session: session, At: h.clock.now()}, ok
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/2fa/", gate.Handler())
	h.http.Close()
	h.http = httptest.NewServer(mux)
	t.Cleanup(h.http.Close)
	return h, account.ID
}

// TestApplicationsOwnAuthorization: where an application signs in by itself, Authorization is its own and never ours.
func TestApplicationsOwnAuthorization(t *testing.T) {
	t.Parallel()
	h, user := newApplication(t)
	c := h.client()
	own := http.Header{"Authorization": {"Bearer of-the-application"}}
	a := c.send("GET", "/2fa/api/v1/session", own, nil).want(http.StatusOK)
	if !strings.Contains(string(a.body), `"id":"`+user+`"`) || strings.Contains(string(a.body), `"token"`) {
		t.Errorf("the session: %s", a.body)
	}
	cookie := a.header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "nightlatch_session=") {
		t.Fatalf("the cookie: %s", cookie)
	}
	again := c.send("GET", "/2fa/api/v1/session", own, nil).want(http.StatusOK)
	if again.header.Get("Set-Cookie") != "" {
		t.Error("the session did not hold")
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(cookie, "nightlatch_session="), ";")
	h.client().send("GET", "/2fa/api/v1/session", http.Header{"Authorization": {"Bearer " + token}}, nil).want(http.StatusUnauthorized)
	other := c.send("GET", "/2fa/api/v1/session", http.Header{"Authorization": {"Bearer of-another-sign-in"}}, nil).want(http.StatusOK)
	if other.header.Get("Set-Cookie") == "" {
		t.Error("the session outlived the application's")
	}
	for _, path := range []string{"/accounts", "/sign-in"} {
		header := http.Header{"Content-Type": asJSON, "Authorization": own["Authorization"]}
		c.send("POST", "/2fa/api/v1"+path, header, strings.NewReader(`{}`)).want(http.StatusNotFound)
	}
}

// TestFormsFromElsewhere: a page's form is refused from another site whatever the request says of itself.
func TestFormsFromElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := h.dump()
	for _, path := range []string{"/sign-in", "/sign-up", "/verify", "/sign-out"} {
		for _, header := range []http.Header{
			{"Origin": {"https://evil.example"}},
			{"Origin": {"https://evil.example"}, "Authorization": {"Bearer x"}},
			{"Sec-Fetch-Site": {"cross-site"}, "Authorization": {"Basic eDp5"}},
		} {
			header.Set("Content-Type", "application/x-www-form-urlencoded")
			body := strings.NewReader("username=zoe&password=" + secret + "&confirm=" + secret)
			h.client().send("POST", path, header, body).want(http.StatusForbidden)
		}
	}
	if h.dump() != before {
		t.Error("something changed")
	}
}

// asked is Accounts that notes what was looked for.
type asked struct{ names *[]string }

func (a asked) FindAccount(_ context.Context, identifier string) (user, key string, err error) {
	*a.names = append(*a.names, identifier)
	return "", identifier, nil
}

func (asked) CreateAccount(context.Context, web.NewAccount) (string, error) {
	return "", errors.New("asked for an account")
}

func (asked) CheckAccount(context.Context, web.NewAccount) error {
	return errors.New("asked for an account")
}

func (asked) MayCreate() bool { return false }

// TestWhatNobodyIsCalledIsNotLookedFor: what is longer than any name does not reach the database.
func TestWhatNobodyIsCalledIsNotLookedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var names []string
	gate, err := web.New(h.all.Service, web.Options{PublicURL: "http://localhost:8080", Accounts: asked{&names}})
	if err != nil {
		t.Fatal(err)
	}
	h.http.Close()
	h.http = httptest.NewServer(gate.Handler())
	t.Cleanup(h.http.Close)
	c := h.client()
	longest := strings.Repeat("x", 320)
	for _, name := range []string{longest, longest + "x"} {
		c.post("/sign-in", map[string]any{"identifier": name, "password": secret}).refuses(http.StatusUnauthorized, "wrong_credentials")
	}
	if len(names) != 1 || names[0] != longest {
		t.Errorf("%d names were looked for", len(names))
	}
	c.post("/accounts", map[string]any{"username": "zoe", "password": secret}).refuses(http.StatusForbidden, "forbidden")
	c.get("/openapi.json").refuses(http.StatusNotFound, "not_found")
}
