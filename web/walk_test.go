package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/web"
)

// state is where a client may stand, and the routes that it may have then.
type state struct {
	name   string
	who    []string
	arrive func(h *house, byToken bool) *client
}

// walkers are people who can be brought into each state again and again.
func walkers(h *house) []state {
	one, two, admin := h.add("one"), h.add("two"), h.add("admin")
	account, err := h.all.Accounts.Find(h.t.Context(), "admin")
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.all.SetAdmin(h.t.Context(), account, true, "test"); err != nil {
		h.t.Fatal(err)
	}
	two.signIn(false)
	two.enroll()
	in := func(p *person, next string) func(h *house, byToken bool) *client {
		return func(_ *house, byToken bool) *client {
			p.signIn(byToken).is("next", next)
			return p.client
		}
	}
	verified := func(_ *house, byToken bool) *client {
		two.signIn(byToken)
		two.verify("totp", two.nextCode()).want(http.StatusOK).is("next", "done")
		return two.client
	}
	return []state{
		{"nobody", []string{"anyone"}, func(h *house, _ bool) *client { return h.client() }},
		{"must verify", []string{"anyone", "unfinished", "step", "start"}, in(two, "verify")},
		{"must enroll", []string{"anyone", "unfinished", "step", "start", "enrolling"}, in(admin, "enroll")},
		{"level 1", []string{"anyone", "step", "start", "enrolling", "session"}, in(one, "done")},
		{"level 2", []string{"anyone", "step", "start", "enrolling", "session"}, verified},
	}
}

// TestEveryRouteInEveryState: an unfinished sign-in has what is listed for it and nothing else, a stranger less.
func TestEveryRouteInEveryState(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "POLICY_REQUIRE=admins")
	for _, s := range walkers(h) {
		for _, byToken := range []bool{false, true} {
			c := s.arrive(h, byToken)
			before := h.dump()
			for _, r := range web.Routes() {
				if !slices.Contains(s.who, r.Who) && (r.API || !byToken) {
					s.isRefused(t, c, r)
				}
			}
			if h.dump() != before {
				t.Errorf("%s: a refused request changed something", s.name)
			}
			for _, r := range web.Routes() {
				if r.API && slices.Contains(s.who, r.Who) {
					s.isServed(t, c, r)
					if r.Method != http.MethodGet {
						c = s.arrive(h, byToken)
					}
				}
			}
		}
	}
}

// walk sends a request to a route, with a body that its kind of route can read.
func (c *client) walk(r web.Route) answer {
	path := strings.NewReplacer("{id}", "nothing", "{kind}", "totp", "{name}", "nightlatch.css", "{$}", "").Replace(r.Path)
	header := http.Header{}
	body := ""
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodDelete:
	case r.API:
		header.Set("Content-Type", "application/json")
		body = "{}"
	default:
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		body = url.Values{"code": {"123456"}, "label": {"x"}, "kind": {"totp"}}.Encode()
	}
	return c.send(r.Method, path, header, strings.NewReader(body))
}

func (s state) isRefused(t *testing.T, c *client, r web.Route) {
	t.Helper()
	a := c.walk(r)
	if r.API {
		if a.status != http.StatusUnauthorized || a.at("code") != "unauthenticated" {
			t.Errorf("%s: %s answered %d: %.200s", s.name, a.path, a.status, a.body)
		}
		return
	}
	want := "/sign-in"
	if s.name != "nobody" {
		want = "/verify"
	}
	to, _, _ := strings.Cut(a.header.Get("Location"), "?")
	if a.status != http.StatusSeeOther || to != want {
		t.Errorf("%s: %s answered %d to %q, want 303 to %s", s.name, a.path, a.status, a.header.Get("Location"), want)
	}
}

func (s state) isServed(t *testing.T, c *client, r web.Route) {
	t.Helper()
	if a := c.walk(r); a.at("code") == "unauthenticated" || a.status >= 500 {
		t.Errorf("%s: %s answered %d: %.200s", s.name, a.path, a.status, a.body)
	}
}

// TestNeitherInTheOthersPlace: a sign-in's token is no session's, in whatever it comes, and the other way round.
func TestNeitherInTheOthersPlace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(true)
	p.enroll()
	h.clock.move(60e9)
	session := p.token
	p.signIn(true)
	signIn := p.token

	stranger := h.client()
	with := func(cookie, token string) http.Header { return http.Header{"Cookie": {cookie + "=" + token}} }
	for _, path := range []string{"/session", "/sessions", "/authenticators", "/factors", "/events", "/recovery-codes"} {
		for _, header := range []http.Header{
			with("nightlatch_session", signIn), with("nightlatch_sign_in", signIn), with("nightlatch_sign_in", session),
			{"Authorization": {"Bearer " + signIn}},
			with("nightlatch_session", session+"; nightlatch_session="+session),
		} {
			stranger.send("GET", "/api/v1"+path, header, nil).refuses(http.StatusUnauthorized, "unauthenticated")
		}
	}
	for _, header := range []http.Header{
		with("nightlatch_session", signIn), with("nightlatch_session", session), with("nightlatch_sign_in", session),
		{"Authorization": {"Bearer " + session}},
	} {
		stranger.send("GET", "/api/v1/sign-in", header, nil).refuses(http.StatusUnauthorized, "unauthenticated")
		stranger.send("DELETE", "/api/v1/sign-in", header, nil).refuses(http.StatusUnauthorized, "unauthenticated")
	}
	stranger.send("GET", "/api/v1/session", with("nightlatch_session", session), nil).want(http.StatusOK)
	stranger.send("GET", "/api/v1/sign-in", with("nightlatch_sign_in", signIn), nil).want(http.StatusOK)

	// Where both are sent, a step serves the sign-in and all else the session.
	both := with("nightlatch_session", session+"; nightlatch_sign_in="+signIn)
	both.Set("Content-Type", "application/json")
	stranger.send("GET", "/api/v1/session", both, nil).want(http.StatusOK)
	body := `{"kind":"totp","code":"` + p.code() + `"}`
	done := stranger.send("POST", "/api/v1/verifications", both, strings.NewReader(body)).want(http.StatusOK)
	if n := len(done.list("session", "proofs")); n != 2 {
		t.Errorf("%d proofs: the session was served, not the sign-in", n)
	}
}
