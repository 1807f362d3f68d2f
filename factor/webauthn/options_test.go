package webauthn

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	sound := Options{RPID: "example.com", Origins: []string{origin}}
	for name, tc := range map[string]struct {
		change func(*Options)
		want   string // part of the error
	}{
		"no RP ID":             {func(o *Options) { o.RPID = "" }, "no RP ID"},
		"IPv4 as RP ID":        {func(o *Options) { o.RPID, o.Origins = "192.0.2.7", []string{"https://192.0.2.7"} }, "IP address"},
		"loopback as RP ID":    {func(o *Options) { o.RPID, o.Origins = "127.0.0.1", []string{"http://127.0.0.1:8080"} }, "IP address"},
		"IPv6 as RP ID":        {func(o *Options) { o.RPID = "[2001:db8::1]" }, "IP address"},
		"RP ID with scheme":    {func(o *Options) { o.RPID = origin }, "no domain name"},
		"RP ID with port":      {func(o *Options) { o.RPID = "example.com:8443" }, "no domain name"},
		"RP ID in capitals":    {func(o *Options) { o.RPID = "Example.com" }, "lower case"},
		"RP ID with dot":       {func(o *Options) { o.RPID = "example.com." }, "no domain name"},
		"no origin":            {func(o *Options) { o.Origins = nil }, "no origin"},
		"origin elsewhere":     {func(o *Options) { o.Origins = []string{"https://example.org"} }, `not at the RP ID "example.com"`},
		"origin above":         {func(o *Options) { o.RPID = "login.example.com" }, "not at the RP ID"},
		"look-alike":           {func(o *Options) { o.Origins = []string{"https://badexample.com"} }, "not at the RP ID"},
		"http":                 {func(o *Options) { o.Origins = []string{"http://example.com"} }, "not https"},
		"http at fake local":   {func(o *Options) { o.Origins = []string{"http://localhost.example.com"} }, "not https"},
		"origin with path":     {func(o *Options) { o.Origins = []string{origin + "/"} }, "more than scheme, host and port"},
		"origin with user":     {func(o *Options) { o.Origins = []string{"https://a@example.com"} }, "more than scheme"},
		"origin with query":    {func(o *Options) { o.Origins = []string{origin + "?"} }, "more than scheme"},
		"origin with fragment": {func(o *Options) { o.Origins = []string{origin + "#"} }, "more than scheme"},
		"origin with wildcard": {func(o *Options) { o.Origins = []string{"https://*.example.com"} }, "as browsers send it"},
		"origin not ASCII":     {func(o *Options) { o.Origins = []string{"https://b\u00fccher.example.com"} }, "as browsers send it"},
		"no origin at all":     {func(o *Options) { o.Origins = []string{"example.com"} }, "no origin such as"},
		"empty origin":         {func(o *Options) { o.Origins = []string{""} }, "no origin such as"},
		"related with http":    {func(o *Options) { o.Related = []string{"http://localhost"} }, "not https with a domain name"},
		"related by address":   {func(o *Options) { o.Related = []string{"https://192.0.2.7"} }, "not https with a domain name"},
		"AppID with http":      {func(o *Options) { o.AppID = "http://example.com/app" }, `AppID "http://example.com/app" is not https`},
		"AppID no URL":         {func(o *Options) { o.AppID = "example.com" }, "no URL"},
		"AppID with fragment":  {func(o *Options) { o.AppID = origin + "#a" }, "no URL"},
		"AppID elsewhere":      {func(o *Options) { o.AppID = "https://example.org" }, "another site"},
		"user verification":    {func(o *Options) { o.UserVerification = "always" }, `"always"`},
		"timeout negative":     {func(o *Options) { o.Timeout = -time.Second }, "timeout"},
		"timeout too long":     {func(o *Options) { o.Timeout = time.Hour }, "timeout"},
		"all at once": {func(o *Options) { o.UserVerification, o.Timeout = "always", time.Hour }, `"always" is not preferred, ` +
			"discouraged or required; the timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := sound
			tc.change(&o)
			_, err := New(o)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("err = %v, want one line with %q", err, tc.want)
			}
		})
	}
}

func TestNewTakes(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"plain":             {RPID: "example.com", Origins: []string{origin}},
		"localhost":         {RPID: "localhost", Origins: []string{"http://localhost:8080"}},
		"below localhost":   {RPID: "app.localhost", Origins: []string{"http://app.localhost:8080"}},
		"below, with port":  {RPID: "example.com", Origins: []string{"https://login.example.com:8443"}},
		"punycode":          {RPID: "xn--bcher-kva.example", Origins: []string{"https://xn--bcher-kva.example"}},
		"AppID of parent":   {RPID: "login.example.com", Origins: []string{"https://login.example.com"}, AppID: "https://example.com/app-id.json"},
		"AppID at sibling":  {RPID: "login.example.com", Origins: []string{"https://login.example.com"}, AppID: "https://www.example.com"},
		"AppID, localhost":  {RPID: "localhost", Origins: []string{"http://localhost:8081"}, AppID: "http://localhost:8081"},
		"related":           {RPID: "example.com", Origins: []string{origin}, Related: []string{"https://example.co.uk"}},
		"longest timeout":   {RPID: "example.com", Origins: []string{origin}, Timeout: 10 * time.Minute},
		"required":          {RPID: "example.com", Origins: []string{origin}, UserVerification: "required"},
		"without preferred": {RPID: "example.com", Origins: []string{origin}, UserVerification: "discouraged"},
	} {
		f, err := New(o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if f.RPID() != o.RPID {
			t.Errorf("%s: RPID() = %q", name, f.RPID())
		}
	}
}

func TestRelatedOrigins(t *testing.T) {
	t.Parallel()
	one := newFactor(t, Options{RPID: "example.com", Origins: []string{origin}})
	if got := one.RelatedOrigins(); got != nil {
		t.Errorf("with one origin: %s, want nothing", got)
	}
	more := newFactor(t, Options{
		RPID: "example.com", Origins: []string{"https://Example.com:443"}, Related: []string{"https://example.co.uk:8443"},
	})
	want := `{"origins":["https://example.com","https://example.co.uk:8443"]}`
	if diff := cmp.Diff(want, string(more.RelatedOrigins())); diff != "" {
		t.Error(diff)
	}
}

func TestRelatedOriginMayAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.Related = []string{"https://example.co.uk"} })
	s.enroll(false)
	prompt, state := s.challenge()
	s.key.Origin = "https://example.co.uk"
	credential, err := s.key.Assert(s.key.Credentials[0], challengeOf(t, prompt), true, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.verify(state, response(credential)); err != nil {
		t.Errorf("%v: %v", err, s.why)
	}
}
