package server

import (
	"errors"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/web"
)

func TestUsernameProblem(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                             "missing",
		"a":                            "",
		"Anna":                         "",
		"anna lena":                    "",
		"Ünal-Ó.Brien_7":               "",
		"田中太郎":                         "",
		"a:b":                          "",
		"..":                           "",
		strings.Repeat("a", 64):        "",
		strings.Repeat("ß", 64):        "",
		strings.Repeat("田", 64):        "",
		strings.Repeat("a", 65):        "too_long",
		strings.Repeat("a", 1_000_000): "too_long",
		strings.Repeat("ﷺ", 64):        "too_long", // 18 characters each where names are compared
		"anna@example.com":             "invalid",
		"@":                            "invalid",
		"anna＠example.com":             "invalid", // U+FF20
		"anna﹫example.com":             "invalid", // U+FE6B
		" anna":                        "invalid",
		"anna ":                        "invalid",
		" ":                            "invalid",
		"anna\u00a0":                   "invalid",
		"an\u3000na":                   "invalid",
		"an\tna":                       "invalid",
		"an\nna":                       "invalid",
		"an\r\nna":                     "invalid",
		"an\x00na":                     "invalid",
		"an\x7fna":                     "invalid",
		"an\u0085na":                   "invalid",
		"an\u200bna":                   "invalid", // zero width space
		"an\u202ena":                   "invalid", // right-to-left override
		"an\u00adna":                   "invalid", // soft hyphen
		"anna\ufe0f":                   "invalid", // variation selector
		"anna\u3164":                   "invalid", // Hangul filler
		"anna\u034f":                   "invalid", // combining grapheme joiner
		"anna\u2800":                   "invalid", // blank Braille pattern
		"an\xffna":                     "invalid",
	}
	for name, want := range tests {
		if got := usernameProblem(name); got != want {
			t.Errorf("%.40q: %q, want %q", name, got, want)
		}
	}
}

func TestEmailProblem(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 60) + "@" + strings.Repeat(strings.Repeat("b", 60)+".", 3)
	tests := map[string]string{
		"":                                  "missing",
		"anna@example.com":                  "",
		"Anna.O'Brien+tag@Mail.Example.com": "",
		"änna@exämple.com":                  "",
		"anna@localhost":                    "",
		long + strings.Repeat("c", 254-len(long)):       "",
		long + strings.Repeat("c", 255-len(long)):       "too_long",
		strings.Repeat("a", 1_000_000) + "@example.com": "too_long",
		"anna":                             "invalid",
		"@example.com":                     "invalid",
		"anna@":                            "invalid",
		"anna@@example.com":                "invalid",
		"anna@b@example.com":               "invalid",
		`"anna"@example.com`:               "invalid",
		`"a b"@example.com`:                "invalid",
		"Anna <anna@example.com>":          "invalid",
		"<anna@example.com>":               "invalid",
		"anna@example.com (Anna)":          "invalid",
		"anna@example.com, eve@eve.com":    "invalid",
		"anna@example.com;eve@eve.com":     "invalid",
		"anna@[127.0.0.1]":                 "invalid",
		"anna@example.com.":                "invalid",
		"an..na@example.com":               "invalid",
		".anna@example.com":                "invalid",
		"anna@example.com\n":               "invalid",
		"anna@example.com\r\nBcc: e@e.com": "invalid",
		"an\r\nna@example.com":             "invalid",
		" anna@example.com":                "invalid",
		"an na@example.com":                "invalid",
		"anna@exam\x00ple.com":             "invalid",
		"anna@exam\u0085ple.com":           "invalid",
		"anna@exam\u202eple.com":           "invalid",
		"an\u200bna@example.com":           "invalid",
		"anna\xff@example.com":             "invalid",
		"anna＠example.com":                 "invalid",
		"anna＠eve.com@example.com":         "invalid",
		"anna，eve@example.com":             "invalid",
		"＂anna＂@example.com":               "invalid",
	}
	for address, want := range tests {
		if got := emailProblem(address); got != want {
			t.Errorf("%.60q: %q, want %q", address, got, want)
		}
	}
}

func TestGroupProblem(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"": "missing", "a": "", "ops-team_2.eu": "", strings.Repeat("a", 64): "",
		strings.Repeat("a", 65): "too_long",
		"Ops":                   "invalid", "a,b": "invalid", "a b": "invalid", "ä": "invalid", "a\n": "invalid", "ａ": "invalid",
	}
	for name, want := range tests {
		if got := groupProblem(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// TestSpellings: however a name or an address is spelled, it is the same one at every door, and kept as typed.
func TestSpellings(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna := add(t, s, Account{Username: "Anna Straße", Email: "Anna@Example.com"})
	if anna.ID == "" {
		t.Fatal("the account has no id")
	}
	names := []string{"Anna Straße", "anna straße", "ANNA STRASSE", "ａｎｎａ　straße", "Ａnna strasse"}
	addresses := []string{"Anna@Example.com", "anna@example.com", "ANNA@EXAMPLE.COM", "ａnna@example.com"}
	for _, as := range append(names, addresses...) {
		a := find(t, s, as)
		if a.ID != anna.ID || a.Username != "Anna Straße" || a.Email != "Anna@Example.com" {
			t.Errorf("%q finds %+v", as, a)
		}
		user, key, err := signUps{s}.FindAccount(t.Context(), as)
		if err != nil || user != anna.ID || key != nameKey(as) {
			t.Errorf("FindAccount(%q) = %q, %q, %v", as, user, key, err)
		}
		newClient(t, s).mustSignIn(as, secret, "done")
	}
	for _, name := range names {
		want := web.FieldsError{"username": "taken"}
		if strings.Contains(name, "\u3000") {
			want["username"] = "invalid" // to sign in with, not to be called
		}
		wantFields(t, s, Account{Username: name}, secret, want)
	}
	for _, address := range addresses {
		wantFields(t, s, Account{Email: address}, secret, web.FieldsError{"email": "taken"})
	}
}

// TestFindNobody: what nobody is called is no error, and is told apart by how it is compared.
func TestFindNobody(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	add(t, s, Account{Username: "anna"})           // without an address
	add(t, s, Account{Email: "berta@example.com"}) // without a name
	for _, name := range []string{"", "nobody", "@", "anna\x00", "%", "an_a", "' OR 1=1 --", strings.Repeat("x", 320)} {
		user, key, err := signUps{s}.FindAccount(t.Context(), name)
		if user != "" || key != nameKey(name) || err != nil {
			t.Errorf("FindAccount(%q) = %q, %q, %v", name, user, key, err)
		}
		if _, err := s.Accounts.Find(t.Context(), name); !errors.Is(err, nightlatch.ErrNotFound) {
			t.Errorf("Find(%q): %v, want ErrNotFound", name, err)
		}
	}
	if _, err := s.Accounts.FindUser(t.Context(), "anna"); !errors.Is(err, nightlatch.ErrNotFound) {
		t.Errorf("a name is no id: %v", err)
	}
}
