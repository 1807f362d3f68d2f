package web_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server"
)

// withMail are the settings of a house whose mails go to the outbox.
var withMail = []string{"MAIL_URL=outbox:", "MAIL_FROM=id@example.com"}

// mail is one that was sent.
type mail struct{ To, Subject, Text string }

// mails sends what waits and returns all mails so far, the oldest first.
func (h *house) mails() (list []mail) {
	h.t.Helper()
	if _, err := h.all.Service.SendNotices(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(h.dir, "outbox.jsonl"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var m mail
		if err := json.Unmarshal(s.Bytes(), &m); err != nil {
			h.t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// mailsTo are those to an address.
func (h *house) mailsTo(address string) []mail {
	h.t.Helper()
	return slices.DeleteFunc(h.mails(), func(m mail) bool { return m.To != address })
}

var mailedLink = regexp.MustCompile(`http://localhost:8080(/[a-z/-]+)\?token=([A-Za-z0-9_-]+)`)

// token is that of the newest link to a page that an address was sent.
func (h *house) token(address, page string) string {
	h.t.Helper()
	tokens := h.tokens(address, page)
	if len(tokens) == 0 {
		h.t.Fatalf("no link to %s was mailed to %s: %v", page, address, h.mails())
	}
	return tokens[len(tokens)-1]
}

func (h *house) tokens(address, page string) (tokens []string) {
	h.t.Helper()
	for _, m := range h.mailsTo(address) {
		for _, l := range mailedLink.FindAllStringSubmatch(m.Text, -1) {
			if l[1] == page {
				tokens = append(tokens, l[2])
			}
		}
	}
	return tokens
}

// notMe is the token of **This was not me** in the mail to an address about something.
func (h *house) notMe(address, about string) string {
	h.t.Helper()
	for _, m := range slices.Backward(h.mailsTo(address)) {
		for _, l := range mailedLink.FindAllStringSubmatch(m.Text, -1) {
			if l[1] == "/not-me" && strings.Contains(m.Subject, about) {
				return l[2]
			}
		}
	}
	h.t.Fatalf("%s was not told of %q: %v", address, about, h.mailsTo(address))
	return ""
}

// addWith makes an account with an address beside the API.
func (h *house) addWith(name, email string) *person {
	h.t.Helper()
	account := server.Account{Username: name, Email: email}
	if _, err := h.all.Add(h.t.Context(), account, secret, "test", nightlatch.Client{}); err != nil {
		h.t.Fatal(err)
	}
	return &person{client: h.client(), name: name}
}

// account is the account of a name.
func (h *house) account(name string) server.Account {
	h.t.Helper()
	a, err := h.all.Accounts.Find(h.t.Context(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// names are those of the events of an account, the newest first.
func (h *house) names(id string) (names []string) {
	h.t.Helper()
	events, err := h.all.Service.EventsOf(h.t.Context(), id, 0, 200)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range events {
		names = append(names, e.Name)
	}
	return names
}

func (c *client) put(path string, body any) answer { c.t.Helper(); return c.api("PUT", path, body) }

// tries says how a password fares.
func (h *house) tries(name, password string) int {
	h.t.Helper()
	return h.client().post("/sign-in", map[string]any{"identifier": name, "password": password}).status
}

// holdsNone fails where one of the secrets stands in what is stored or was logged.
func (h *house) holdsNone(t *testing.T, secrets ...string) {
	t.Helper()
	kept := h.dump() + h.log.String()
	for _, s := range secrets {
		if strings.Contains(kept, s) || strings.Contains(kept, hexOf(s)) {
			t.Errorf("%.12s… is stored or was logged", s)
		}
	}
}

func hexOf(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(digits[s[i]>>4])
		b.WriteByte(digits[s[i]&15])
	}
	return b.String()
}

// form sends a form of a page and follows no redirect.
func (c *client) form(path string, fields ...string) answer {
	c.t.Helper()
	pairs := make([]string, 0, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		pairs = append(pairs, fields[i]+"="+url.QueryEscape(fields[i+1]))
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	return c.send("POST", path, header, strings.NewReader(strings.Join(pairs, "&")))
}

// page asks for a page.
func (c *client) page(path string) answer { c.t.Helper(); return c.send("GET", path, nil, nil) }

// leads fails unless the answer leads to a page.
func (a answer) leads(to string) answer {
	a.t.Helper()
	if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != to {
		a.t.Fatalf("%s answered %d to %q, want 303 to %q: %.600s", a.path, a.status, got, to, a.body)
	}
	return a
}

// says fails unless the page has the words.
func (a answer) says(words string) answer {
	a.t.Helper()
	if !strings.Contains(string(a.body), words) {
		a.t.Errorf("%s does not say %q: %s", a.path, words, a.body)
	}
	return a
}

const (
	newSecret   = "seven blue boats by night"
	thirdSecret = "nine red kites at noon today"
	hour        = time.Hour
)

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// cookie is the value of a cookie that the client holds.
func (c *client) cookie(t *testing.T, name string) string {
	t.Helper()
	for _, k := range c.http.Jar.Cookies(mustURL(t, c.h.http.URL)) {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// signInWith proves another password than everybody's.
func (p *person) signInWith(password string, byToken bool) answer {
	p.t.Helper()
	p.client = p.h.client()
	body := map[string]any{"identifier": p.name, "password": password}
	if byToken {
		body["transport"] = "token"
	}
	return p.post("/sign-in", body).want(http.StatusOK)
}
