package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/web"
)

// state is where a client may stand, and the routes that it may have then.
type state struct {
	name   string
	who    []string
	arrive func(h *house, byToken bool) *client
	// lacks is why a session may not have the routes of administrators, and leads where a page leads then, or "".
	lacks, leads string
}

// walkers are people who can be brought into each state again and again.
func walkers(h *house) []state {
	one, two, admin := h.add("one"), h.add("two"), h.add("admin")
	h.setAdmin("admin", true)
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
	inSession := []string{"anyone", "step", "start", "enrolling", "session"}
	return []state{
		{name: "nobody", who: []string{"anyone"}, arrive: func(h *house, _ bool) *client { return h.client() }},
		{name: "must verify", who: []string{"anyone", "unfinished", "step", "start"}, arrive: in(two, "verify")},
		{name: "must enroll", who: []string{"anyone", "unfinished", "step", "start", "enrolling"}, arrive: in(admin, "enroll")},
		{name: "level 1", who: inSession, arrive: in(one, "done"), lacks: "forbidden"},
		{name: "level 2", who: inSession, arrive: verified, lacks: "forbidden"},
		{
			name: "administrator, level 1", who: inSession, arrive: promoted(h),
			lacks: "enrollment_needed", leads: "/account/authenticators/new",
		},
		{
			name: "administrator, stale", who: inSession, arrive: administrator(h, "stale", 11*time.Minute),
			lacks: "fresh_proof_needed", leads: "/verify",
		},
		{name: "administrator", who: append(inSession, "administrator"), arrive: administrator(h, "fresh", 0)},
	}
}

// promoted has proven the password alone, and is made an administrator then.
func promoted(h *house) func(h *house, byToken bool) *client {
	p := h.add("promoted")
	return func(h *house, byToken bool) *client {
		h.setAdmin("promoted", false)
		p.signIn(byToken).is("next", "done")
		h.setAdmin("promoted", true)
		return p.client
	}
}

// administrator has proven a second factor, some time ago.
func administrator(h *house, name string, ago time.Duration) func(h *house, byToken bool) *client {
	p := h.add(name)
	p.signIn(false)
	p.enroll()
	h.setAdmin(name, true)
	return func(h *house, byToken bool) *client {
		p.signIn(byToken)
		p.verify("totp", p.nextCode()).want(http.StatusOK).is("next", "done")
		h.clock.move(ago)
		p.get("/session").want(http.StatusOK)
		h.isTouched(name)
		return p.client
	}
}

// isTouched waits until the last use of a person's newest session is written, which no request waits for.
func (h *house) isTouched(name string) {
	h.t.Helper()
	account, err := h.all.Accounts.Find(h.t.Context(), name)
	for range 1000 {
		var list []nightlatch.Session
		if err == nil {
			list, err = h.all.Service.SessionsOf(h.t.Context(), account.ID)
		}
		if err != nil {
			h.t.Fatal(err)
		}
		if h.clock.now().Sub(list[0].LastUsedAt) < time.Minute {
			return
		}
		time.Sleep(time.Millisecond)
	}
	h.t.Fatal("the last use of a session is not written")
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
				if r.Method == http.MethodDelete && r.Path == "/api/v1/account" {
					continue // nobody would be left to go on with
				}
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
	path := strings.NewReplacer("{id}", "nothing", "{kind}", "totp", "{name}", "nightlatch.css", "{$}", "", "{act}", "disabled").Replace(r.Path)
	header := http.Header{}
	body := ""
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodDelete:
	case r.API:
		header.Set("Content-Type", "application/json")
		body = "{}"
	case r.Who == "administrator": // what is typed waits for a fresh proof, and that is kept
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		body = url.Values{"code": {"123456"}}.Encode()
	default:
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		body = url.Values{"code": {"123456"}, "label": {"x"}, "kind": {"totp"}}.Encode()
	}
	return c.send(r.Method, path, header, strings.NewReader(body))
}

func (s state) isRefused(t *testing.T, c *client, r web.Route) {
	t.Helper()
	a := c.walk(r)
	if r.Who == "administrator" && s.lacks != "" {
		s.isNoAdministrator(t, a, r)
		return
	}
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

// isNoAdministrator: a session that lacks something to be an administrator's is told what.
func (s state) isNoAdministrator(t *testing.T, a answer, r web.Route) {
	t.Helper()
	if r.API {
		if a.status != http.StatusForbidden || a.at("code") != s.lacks {
			t.Errorf("%s: %s answered %d: %.200s, want %s", s.name, a.path, a.status, a.body, s.lacks)
		}
		return
	}
	to, _, _ := strings.Cut(a.header.Get("Location"), "?")
	if s.leads == "" && a.status != http.StatusForbidden || s.leads != to {
		t.Errorf("%s: %s answered %d to %q, want %q", s.name, a.path, a.status, a.header.Get("Location"), s.leads)
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
