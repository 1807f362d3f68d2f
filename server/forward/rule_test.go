package forward

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/server/settings"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) // a Friday

func TestFirstRuleThatFits(t *testing.T) {
	t.Parallel()
	berlin, err := settings.ParseHours("Mon-Fri 08:00-18:00 Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	rs, err := NewRules("nightlatch.toml", []settings.Rule{
		{Path: "/public/**", Level: 0},
		{Host: "*.example.com", Path: "/api/*/status", Methods: []string{"GET"}, Level: 0},
		{Host: "app.example.com", Networks: []netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")}, Hours: []settings.Hours{berlin}, Level: 1},
		{Host: "app.example.com", Level: 2, Groups: []string{"ops"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	home := netip.MustParseAddr("::ffff:192.168.3.4")
	for _, c := range []struct {
		r    Request
		now  time.Time
		want int
	}{
		{Request{Host: "other.org", Path: "/public"}, noon, 0},
		{Request{Host: "other.org", Path: "/public/a/b"}, noon, 0},
		{Request{Host: "other.org", Path: "/publicly"}, noon, -1},
		{Request{Host: "other.org", Path: "/a/public/"}, noon, -1},
		{Request{Host: "x.example.com:8443", Path: "/api/v1/status", Method: "GET"}, noon, 1},
		{Request{Host: "x.example.com", Path: "/api/v1/status", Method: "POST"}, noon, -1},
		{Request{Host: "x.example.com", Path: "/api/v1/x/status", Method: "GET"}, noon, -1},
		{Request{Host: "example.com", Path: "/api/v1/status", Method: "GET"}, noon, -1},
		{Request{Host: "notexample.com", Path: "/api/v1/status", Method: "GET"}, noon, -1},
		{Request{Host: "app.example.com", Path: "/", Addr: home}, noon, 2},
		{Request{Host: "app.example.com.", Path: "/", Addr: home}, noon, 2},
		{Request{Host: "app.example.com", Path: "/", Addr: netip.MustParseAddr("10.0.0.1")}, noon, 3},
		{Request{Host: "app.example.com", Path: "/"}, noon, 3},
		{Request{Host: "app.example.com", Path: "/", Addr: home}, noon.Add(6 * time.Hour), 3},
		{Request{Host: "app.example.com", Path: "/", Addr: home}, noon.Add(24 * time.Hour), 3},
	} {
		if got := rs.Judge(c.r, nil, nil, c.now).Index; got != c.want {
			t.Errorf("%+v at %s: rule %d, want %d", c.r, c.now, got, c.want)
		}
	}
	if r := rs.Judge(Request{Host: "nowhere"}, nil, nil, noon).Rule; r.Level != 2 {
		t.Errorf("where no rule fits the level is %d, want 2", r.Level)
	}
}

func TestHoursOfTheNight(t *testing.T) {
	t.Parallel()
	night, err := settings.ParseHours("Fri 22:00-06:00 UTC")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{
		"2026-11-20T21:59:59Z": false, "2026-11-20T22:00:00Z": true, "2026-11-21T05:59:00Z": true, "2026-11-21T06:00:00Z": false,
		"2026-11-20T03:00:00Z": false, "2026-11-21T23:00:00Z": false,
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := within(night, when); got != want {
			t.Errorf("%s: %v, want %v", at, got, want)
		}
	}
}

func TestRulesNeverReached(t *testing.T) {
	t.Parallel()
	net := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	for name, c := range map[string]struct {
		a, b    settings.Rule
		reached bool
	}{
		"all":               {settings.Rule{}, settings.Rule{Path: "/a"}, false},
		"the same":          {settings.Rule{Path: "/a"}, settings.Rule{Path: "/a"}, false},
		"below":             {settings.Rule{Path: "/a/**"}, settings.Rule{Path: "/a/b/*"}, false},
		"itself":            {settings.Rule{Path: "/a/**"}, settings.Rule{Path: "/a"}, false},
		"one of many":       {settings.Rule{Path: "/*/b"}, settings.Rule{Path: "/a/b"}, false},
		"another host":      {settings.Rule{Host: "a.org"}, settings.Rule{Host: "b.org"}, true},
		"any host":          {settings.Rule{Host: "a.org"}, settings.Rule{}, true},
		"a host below":      {settings.Rule{Host: "*.a.org"}, settings.Rule{Host: "x.a.org"}, false},
		"hosts below":       {settings.Rule{Host: "*.a.org"}, settings.Rule{Host: "*.x.a.org"}, false},
		"hosts above":       {settings.Rule{Host: "*.x.a.org"}, settings.Rule{Host: "*.a.org"}, true},
		"wider":             {settings.Rule{Path: "/a/b"}, settings.Rule{Path: "/a/**"}, true},
		"methods":           {settings.Rule{Methods: []string{"GET"}}, settings.Rule{}, true},
		"fewer methods":     {settings.Rule{Methods: []string{"GET", "HEAD"}}, settings.Rule{Methods: []string{"GET"}}, false},
		"a network within":  {settings.Rule{Networks: net("10.0.0.0/8")}, settings.Rule{Networks: net("10.1.0.0/16")}, false},
		"a network without": {settings.Rule{Networks: net("10.1.0.0/16")}, settings.Rule{Networks: net("10.0.0.0/8")}, true},
		"hours":             {settings.Rule{Hours: []settings.Hours{{}}}, settings.Rule{}, true},
	} {
		_, err := NewRules("nightlatch.toml", []settings.Rule{c.a, c.b})
		if (err == nil) != c.reached {
			t.Errorf("%s: %v, want reached: %v", name, err, c.reached)
		}
		if err != nil && !strings.Contains(err.Error(), "rule[2]") {
			t.Errorf("%s: %v does not name the rule", name, err)
		}
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	know := factor.Proof{Kind: "password", Classes: []factor.Class{factor.Knowledge}, At: noon.Add(-time.Minute)}
	have := factor.Proof{Kind: "totp", Classes: []factor.Class{factor.Possession}, At: noon.Add(-time.Hour)}
	one := &nightlatch.Session{Level: 1, Proofs: []factor.Proof{know}}
	two := &nightlatch.Session{Level: 2, Proofs: []factor.Proof{have, know}}
	for name, c := range map[string]struct {
		r      settings.Rule
		ses    *nightlatch.Session
		groups []string
		want   Answer
	}{
		"anyone":                    {settings.Rule{}, nil, nil, Pass},
		"nobody":                    {settings.Rule{Level: 1}, nil, nil, SignIn},
		"level 1":                   {settings.Rule{Level: 1}, one, nil, Pass},
		"level 1 is not 2":          {settings.Rule{Level: 2}, one, nil, Verify},
		"level 2":                   {settings.Rule{Level: 2}, two, nil, Pass},
		"no group":                  {settings.Rule{Level: 1, Groups: []string{"ops"}}, two, []string{"dev"}, Forbid},
		"group before level":        {settings.Rule{Level: 2, Groups: []string{"ops"}}, one, nil, Forbid},
		"one of the groups":         {settings.Rule{Level: 2, Groups: []string{"ops", "dev"}}, two, []string{"dev"}, Pass},
		"another kind":              {settings.Rule{Level: 2, Kinds: []string{"webauthn"}}, two, nil, Verify},
		"one of the kinds":          {settings.Rule{Level: 2, Kinds: []string{"webauthn", "totp"}}, two, nil, Pass},
		"old second proof":          {settings.Rule{Level: 2, MaxAge: 30 * time.Minute}, two, nil, Verify},
		"as old as it may not be":   {settings.Rule{Level: 2, MaxAge: time.Hour}, two, nil, Verify},
		"young enough":              {settings.Rule{Level: 2, MaxAge: time.Hour + 1}, two, nil, Pass},
		"any proof will do":         {settings.Rule{Level: 1, MaxAge: 30 * time.Minute}, two, nil, Pass},
		"the password is too old":   {settings.Rule{Level: 1, MaxAge: 30 * time.Second}, one, nil, Verify},
		"the password does not age": {settings.Rule{Level: 1}, one, nil, Pass},
	} {
		if got, why := answer(c.r, c.ses, c.groups, noon); got != c.want || why == "" {
			t.Errorf("%s: %s (%s), want %s", name, got, why, c.want)
		}
	}
}
