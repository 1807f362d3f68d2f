package web_test

import (
	"net/http"
	"testing"

	"github.com/nightlatch/nightlatch/web"
)

// FuzzCookieNamed: it finds what net/http finds.
func FuzzCookieNamed(f *testing.F) {
	for _, line := range []string{
		"", ";", "a=1", "a=1; b=2", "b=2;a=1", "a=1; a=2", "a", "a=", "a;a", " a = 1 ", "\ta\t=\t1\t", `a="1"`, `a="`, `a=""`, `a="1`, `a=1"`, `a="1 2"`,
		"a=1=2", "a==", "=a", "A=1", "a=1\x00", "a=\x7f", `a=\`, "a=é", "a=1, b=2", "aa=1; a=2", "x a=1", "a=1\r\n; a=2", "a=1;; ;a=\x80", "__Host-a=1; a=2",
	} {
		f.Add(line, "")
		f.Add("theme=dark", line)
		f.Add(line, line)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		r := &http.Request{Header: http.Header{"Cookie": {one, two}}}
		all := r.Cookies()
		if len(all) == 0 && len(one)+len(two) > 5000 {
			return // net/http looks at no more than 3000 cookies
		}
		for _, name := range []string{"a", "theme", "__Host-a"} {
			want := r.CookiesNamed(name)
			value, came := web.CookieNamed(r, name)
			if came != len(want) || came > 0 && value != want[0].Value {
				t.Errorf("%s of %q and %q: %q, %d, want %v", name, one, two, value, came, want)
			}
		}
	})
}

// TestCookieNamedAllocates holds that looking for a cookie among others costs no memory.
func TestCookieNamedAllocates(t *testing.T) { //nolint:paralleltest // others allocate
	r := &http.Request{Header: http.Header{"Cookie": {"theme=dark; nightlatch_session=nl_s_1; wiki=5f2e"}}}
	if n := testing.AllocsPerRun(100, func() { web.CookieNamed(r, "nightlatch_session") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
