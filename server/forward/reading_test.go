package forward

import (
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server/settings"
)

// TestEveryReading: what an application may read as a path of a stricter rule passes by that rule only.
func TestEveryReading(t *testing.T) {
	t.Parallel()
	rules := func(list ...settings.Rule) Rules {
		rs, err := NewRules("nightlatch.toml", list)
		if err != nil {
			t.Fatal(err)
		}
		return rs
	}
	plain := rules(
		settings.Rule{Path: "/admin/**", Level: 1, Groups: []string{"ops"}},
		settings.Rule{Path: "/orders", Methods: []string{"DELETE"}, Level: 2},
		settings.Rule{Path: "/public/**"},
		settings.Rule{Level: 1},
	)
	cased := rules(settings.Rule{Path: "/Admin/**", Level: 2}, settings.Rule{Path: "/a/**", Level: 1}, settings.Rule{})
	known := rules(settings.Rule{Path: "/a;v=2/**", Level: 1}, settings.Rule{Path: "/**", Level: 2})
	another := rules(settings.Rule{Path: "/a;v=2/**", Level: 1}, settings.Rule{Path: "/b/**", Level: 2}, settings.Rule{Path: "/top*", Level: 2}, settings.Rule{Level: 1})
	ends := rules(
		settings.Rule{Path: "/keys", Level: 2}, settings.Rule{Path: "/of/*/keys", Level: 2}, settings.Rule{Path: "/logs/", Level: 2},
		settings.Rule{Path: "/each/*", Level: 2}, settings.Rule{Path: "/open/*"}, settings.Rule{Path: "/open/**", Level: 2}, settings.Rule{Level: 1},
	)
	for _, c := range []struct {
		rs          Rules
		method, uri string
		want        Answer
		index       int
	}{
		{plain, "GET", "/admin/x", Forbid, 0},
		{plain, "GET", "/admin;a=b/x", Forbid, 0},
		{plain, "GET", "/admin%3Bjsessionid=1/x", Forbid, 0},
		{plain, "GET", "/admin%253Ba/x", Forbid, 0},
		{plain, "GET", "/%2561dmin/x", Forbid, 0},
		{plain, "GET", "/Admin/x", Forbid, 0},
		{plain, "GET", "/%41dmin;x", Forbid, 0},
		{plain, "GET", "/admin./x", Forbid, 0},
		{plain, "GET", "/admin%20/x", Forbid, 0},
		{plain, "GET", "/admin.%20;a/x", Forbid, 0},
		{plain, "delete", "/orders", Verify, 1},
		{plain, "GET", "/orders;a", Pass, 3},
		{plain, "GET", "/admins;a=b/x", Pass, 3},
		{plain, "GET", "/café/;v=1", "", 0}, // refused before: a segment that is a parameter alone
		{plain, "GET", "/caf%C3%A9;v=1/100%25/Z.", Pass, 3},
		{plain, "GET", "/public/a;b/C%2541/x.", Pass, 2},
		{plain, "GET", "/public;a/x", Pass, 3},
		{cased, "GET", "/admin/x", Verify, 0},
		{cased, "GET", "/Admin/x", Verify, 0},
		{cased, "GET", "/A/x", Pass, 2},
		{cased, "GET", "/", Pass, 2},
		{known, "GET", "/a;v=2/x", Pass, 0},
		{known, "GET", "/a/x", Verify, 1},
		{another, "GET", "/a;v=2/x;y", Pass, 0},
		{another, "GET", "/b;v=1/x", Verify, 1}, // what one rule knows of parameters, others do not
		{plain, "GET", "/ſonder", Pass, 3},
		{another, "GET", "/topics/", Verify, 2},
		{another, "GET", "/topics/x", Pass, 3},
		{ends, "GET", "/keys/", Verify, 0},
		{ends, "GET", "/Keys/", Verify, 0},
		{ends, "GET", "/keys/%20", Verify, 0},
		{ends, "GET", "/of/me/keys/", Verify, 1},
		{ends, "GET", "/logs", Verify, 2},
		{ends, "GET", "/each", Pass, 6},
		{ends, "GET", "/open/", Pass, 4},
		{ends, "GET", "/open/A", Pass, 4},
		{ends, "GET", "/other/", Pass, 6},
		{ends, "GET", "/", Pass, 6},
		{ends, "GET", "/Keys", Verify, 0},
		{ends, "GET", "/keyſ", Verify, 0},
	} {
		r, err := NewRequest(c.method, "https", "app.example.com", c.uri)
		if err != nil {
			if c.want != "" {
				t.Errorf("%s: %v", c.uri, err)
			}
			continue
		}
		f := c.rs.Judge(r, &nightlatch.Session{Level: 1}, nil, noon)
		if f.Answer != c.want || f.Index != c.index || len(f.Misses(noon)) != c.index {
			t.Errorf("%s %s: %s by rule %d (%v), want %s by %d", c.method, c.uri, f.Answer, f.Index, f.Misses(noon), c.want, c.index)
		}
		if written := c.rs.list[c.index].Path; f.Rule.Path != written {
			t.Errorf("%s: the rule is for %q, and was written for %q", c.uri, f.Rule.Path, written)
		}
		if (f.As == "") != (!strings.Contains(f.Why, "may read")) {
			t.Errorf("%s: %q, %q", c.uri, f.As, f.Why)
		}
	}
	// Who may pass by both passes.
	r, err := NewRequest("GET", "https", "app.example.com", "/admin;a=b/x")
	if f := plain.Judge(r, &nightlatch.Session{Level: 1}, []string{"ops"}, noon); err != nil || f.Answer != Pass {
		t.Errorf("%+v, %v", f, err)
	}
}
