package forward

import (
	"errors"
	"net/http"
	"testing"
)

// forwarded is what Caddy and Traefik send, original what nginx sends.
func forwarded(method, scheme, host, uri string) http.Header {
	return http.Header{
		"X-Forwarded-Method": {method}, "X-Forwarded-Proto": {scheme}, "X-Forwarded-Host": {host}, "X-Forwarded-Uri": {uri},
	}
}

func original(method, url string) http.Header {
	return http.Header{"X-Original-Method": {method}, "X-Original-Url": {url}}
}

func TestReadRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		h    http.Header
		want Request
	}{
		{
			forwarded("GET", "https", "App.Example.com", "/a%20b?x=%2F..%2F"),
			Request{Method: "GET", Scheme: "https", Host: "app.example.com", Path: "/a b", URI: "/a%20b?x=%2F..%2F"},
		},
		{
			forwarded("POST", "wss", "app.example.com:8443", "/"),
			Request{Method: "POST", Scheme: "https", Host: "app.example.com:8443", Path: "/", URI: "/"},
		},
		{
			forwarded("GET", "ws", "[2001:db8::1]:80", "/100%25/"),
			Request{Method: "GET", Scheme: "http", Host: "[2001:db8::1]:80", Path: "/100%/", URI: "/100%25/"},
		},
		{
			original("PROPFIND", "http://localhost:3000/caf%C3%A9;v=1?q"),
			Request{Method: "PROPFIND", Scheme: "http", Host: "localhost:3000", Path: "/café;v=1", URI: "/caf%C3%A9;v=1?q"},
		},
		{original("GET", "https://example.com"), Request{Method: "GET", Scheme: "https", Host: "example.com", Path: "/", URI: "/"}},
	} {
		got, err := ReadRequest(c.h)
		if err != nil || got != c.want {
			t.Errorf("%v:\n got %+v, %v\nwant %+v", c.h, got, err, c.want)
		}
	}
}

func TestReadRequestRefuses(t *testing.T) {
	t.Parallel()
	with := func(h http.Header, name string, values ...string) http.Header {
		h = h.Clone()
		if values == nil {
			delete(h, name)
		} else {
			h[name] = values
		}
		return h
	}
	good := forwarded("GET", "https", "example.com", "/")
	bad := map[string]struct {
		h    http.Header
		want error
	}{
		"nothing":             {http.Header{}, errMissing},
		"no method":           {with(good, "X-Forwarded-Method"), errMissing},
		"no scheme":           {with(good, "X-Forwarded-Proto"), errMissing},
		"no host":             {with(good, "X-Forwarded-Host"), errMissing},
		"no address":          {with(good, "X-Forwarded-Uri"), errMissing},
		"an empty address":    {with(good, "X-Forwarded-Uri", ""), errMissing},
		"two methods":         {with(good, "X-Forwarded-Method", "GET", "GET"), errDoubled},
		"two hosts":           {with(good, "X-Forwarded-Host", "example.com", "evil.example"), errDoubled},
		"two addresses":       {with(good, "X-Forwarded-Uri", "/", "/"), errDoubled},
		"two URLs":            {with(original("GET", "https://a/"), "X-Original-Url", "https://a/", "https://b/"), errDoubled},
		"no original method":  {with(original("GET", "https://a/"), "X-Original-Method"), errMissing},
		"both families":       {with(good, "X-Original-Url", "https://example.com/"), errBoth},
		"one of the other":    {with(original("GET", "https://a/"), "X-Forwarded-Host", "a"), errBoth},
		"a comma in a method": {with(good, "X-Forwarded-Method", "GET, POST"), errMethod},
		"a method with space": {with(good, "X-Forwarded-Method", "GET "), errMethod},
		"a comma in a scheme": {with(good, "X-Forwarded-Proto", "https,http"), errScheme},
		"another scheme":      {with(good, "X-Forwarded-Proto", "ftp"), errScheme},
		"a comma in a host":   {with(good, "X-Forwarded-Host", "example.com,evil.example"), errHost},
		"a user in a host":    {with(good, "X-Forwarded-Host", "example.com@evil.example"), errHost},
		"a space in a host":   {with(good, "X-Forwarded-Host", "example.com evil"), errHost},
		"a path in a host":    {with(good, "X-Forwarded-Host", "example.com/evil"), errHost},
		"two ports":           {with(good, "X-Forwarded-Host", "example.com:1:2"), errHost},
		"a port alone":        {with(good, "X-Forwarded-Host", ":80"), errHost},
		"no URL":              {original("GET", "/path"), errURI},
		"a URL with a user":   {original("GET", "https://user@example.com/"), errHost},
		"absolute form":       {with(good, "X-Forwarded-Uri", "http://evil.example/"), errURI},
		"a fragment":          {with(good, "X-Forwarded-Uri", "/a#b"), errPath},
		"a fragment later":    {with(good, "X-Forwarded-Uri", "/a?b#c"), errURI},
		"a line in the query": {with(good, "X-Forwarded-Uri", "/a?b\nc"), errURI},
	}
	for name, c := range bad {
		if got, err := ReadRequest(c.h); !errors.Is(err, c.want) {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, c.want)
		}
	}
}

func TestCleanPath(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"/": "/", "/a/b": "/a/b", "/a/": "/a/", "/a..b/...": "/a..b/...", "/%41": "/A", "/a;x=1/b": "/a;x=1/b", "/%25": "/%", "/%2541": "/%41", "/💡": "/💡",
	} {
		if got, err := CleanPath(raw); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", raw, got, err, want)
		}
	}
	for _, raw := range []string{
		"", "a", "/..", "/.", "/a/../b", "/a/./b", "/a/..;/b", "/..;x=1", "/.;", "/a//b", "//", "//a", "/a/;/b", "/a/;x", `/a\b`, "/a%5Cb", "/a%5cb", "/a%255cb",
		"/%2e%2e/", "/%2E%2e", "/%252e%252e/", "/.%2e/", "/a%2Fb", "/a%2fb", "/a%252Fb", "/%2f", "/a%00b", "/a\x00b", "/a%0ab", "/a%250ab", "/a\x7fb", "/a%7f",
		"/%ff", "/\xff", "/%c0%ae%c0%ae/", "/%25c0%25ae/", "/a%", "/a%4", "/a%zz", "/a?b", "/%3b/%2e%2e", "/a/%2e%2e%3bx/b", "/a/%252e%252e%253bx/b",
	} {
		if got, err := CleanPath(raw); err == nil {
			t.Errorf("%q: got %q, want a refusal", raw, got)
		}
	}
}

// FuzzCleanPath: what is let through is the same path to whoever tidies or decodes it once more.
func FuzzCleanPath(f *testing.F) {
	for _, s := range []string{"/", "/a/b", "/%2e%2e/", "/%252e", "/a;x/..;/b", "/a%2fb", "/\xff", "/a%5cb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		path, err := CleanPath(raw)
		if err != nil {
			return
		}
		again, ok := unescape(path, false)
		if !ok || ambiguous(path) || ambiguous(again) {
			t.Errorf("%q is let through as %q", raw, path)
		}
	})
}
