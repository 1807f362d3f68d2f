package server

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/internal/softkey"
)

// rounds is how often two nodes are sent the same at once, for each kind.
var rounds = flag.Int("rounds", 20, "how often two nodes are sent the same code at once")

// nodes are two servers on one database, as two processes would be.
type nodes struct {
	*site
	a, b   *Server
	served map[*Server]http.Handler
}

// eachDatabase runs a test on two nodes on one SQLite file, and on one PostgreSQL.
func eachDatabase(t *testing.T, test func(t *testing.T, n nodes), env ...string) {
	t.Helper()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			p := newFileSite(t)
			if database == "postgres" {
				p.url = newURL(t)
			}
			test(t, p.two(env...))
		})
	}
}

// two starts two nodes of the same settings.
func (p *site) two(env ...string) nodes {
	p.t.Helper()
	n := nodes{site: p, served: map[*Server]http.Handler{}}
	for _, s := range []**Server{&n.a, &n.b} {
		started, err := p.start(p.settings(env...))
		if err != nil {
			p.t.Fatal(err)
		}
		*s = started
	}
	return n
}

// client is one of a node. What serves it is made once a node: that takes longer than most of what is asked.
func (n nodes) client(s *Server) *client {
	n.t.Helper()
	if n.served[s] == nil {
		n.served[s] = newClient(n.t, s).http
	}
	return &client{t: n.t, http: n.served[s]}
}

// at is a client of a node who goes on where another is.
func (n nodes) at(s *Server, c *client) *client {
	n.t.Helper()
	other := n.client(s)
	other.token = c.token
	return other
}

// outcome is what one of several who ask at once is answered.
type outcome struct {
	status int
	answer object
}

// atOnce runs all at the same time.
func atOnce(requests ...func() (int, object)) []outcome {
	all := make([]outcome, len(requests))
	var ready, done sync.WaitGroup
	ready.Add(len(requests))
	for i, ask := range requests {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			all[i].status, all[i].answer = ask()
		})
	}
	done.Wait()
	return all
}

// posting is a request that is still to be sent.
func (c *client) posting(path string, body object) func() (int, object) {
	return func() (int, object) { return c.send("POST", path, body) }
}

// oneWins demands that one of several got through, and that the others were told no, and not of a fault.
func oneWins(t *testing.T, all []outcome) {
	t.Helper()
	good := 0
	for _, o := range all {
		switch {
		case o.status < 300:
			good++
		case o.status >= 500 || o.status == http.StatusTooManyRequests:
			t.Errorf("the loser is told of a fault: %d %v", o.status, o.answer)
		}
	}
	if good != 1 {
		t.Errorf("%d of %d got through, want one: %v", good, len(all), all)
	}
}

var (
	aCode        = regexp.MustCompile(`\b[0-9]{6}\b`)
	aRecoverLink = regexp.MustCompile(`/recover\?token=([A-Za-z0-9_-]+)`)
	aResetLink   = regexp.MustCompile(`/password/reset\?token=([A-Za-z0-9_-]+)`)
)

// mailed is what the newest mail with it has that fits: of all that the nodes have sent, after so many mails.
func (n nodes) mailed(what *regexp.Regexp, after int) (found string, mails int) {
	n.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := n.a.Service.SendNotices(n.t.Context()); err != nil {
			n.t.Fatal(err)
		}
		lines := n.outbox()
		for i := len(lines) - 1; i >= after; i-- {
			if m := what.FindStringSubmatch(lines[i]); m != nil {
				return m[len(m)-1], len(lines)
			}
		}
	}
	n.t.Fatalf("no mail fits %v:\n%s", what, strings.Join(n.outbox(), "\n"))
	return "", 0
}

// outbox are the texts of all mails so far, the oldest first.
func (n nodes) outbox() (texts []string) {
	n.t.Helper()
	text, err := os.ReadFile(filepath.Join(n.dir, "data", outboxFile))
	if err != nil && !os.IsNotExist(err) {
		n.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var m struct{ Text string }
		if err := json.Unmarshal([]byte(line), &m); err == nil { // else it is being written
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// TestBegunOnOneEndsOnTheOther: each step of a sign-in, of an enrollment and of a session may be on another node.
func TestBegunOnOneEndsOnTheOther(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, n nodes) {
		add(t, n.a, Account{Username: "anna", Email: "anna@example.com"})
		c := n.client(n.a)
		c.mustSignIn("anna", secret, "done")
		key := keyAtHost(7)
		for _, kind := range []string{"totp", "email", "webauthn"} {
			mails := len(n.outbox())
			begun := c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": kind, "email": map[bool]any{true: "anna@example.com"}[kind == "email"]})
			finish := object{"enrollment": begun["enrollment"]}
			switch kind {
			case "totp":
				finish["code"] = codeOf(t, generator(t, begun["totp"].(object)["secret"].(string)), n.clock.now())
			case "email":
				finish["code"], _ = n.mailed(aCode, mails)
			default:
				finish["credential"] = credentialOf(t, begun["public_key"], key.Create)
			}
			other := n.at(n.b, c)
			other.want(http.StatusCreated, "POST", "/authenticators/finish", finish)
			c = n.at(n.a, other)
			c.want(http.StatusOK, "GET", "/session", nil)
		}
		n.signInAcross(key)
	}, "MAIL_URL=outbox:", "POLICY_FACTORS=totp,email,webauthn,recovery", "SENT_CODE_RESEND_AFTER=0s")
}

// signInAcross begins on one node, asks for a challenge on the other, and answers it on the first.
func (n nodes) signInAcross(key *softkey.Key) {
	t := n.t
	t.Helper()
	for _, kind := range []string{"email", "webauthn"} {
		mails := len(n.outbox())
		c := n.client(n.a)
		c.mustSignIn("anna", secret, "verify")
		b := n.at(n.b, c)
		asked := b.want(http.StatusOK, "POST", "/challenges", object{"kind": kind})
		response := object{"kind": kind}
		if kind == "email" {
			response["code"], _ = n.mailed(aCode, mails)
		} else {
			response["credential"] = credentialOf(t, asked["public_key"], key.Get)
		}
		a := n.at(n.a, b)
		if done := a.want(http.StatusOK, "POST", "/verifications", response); done["next"] != "done" {
			t.Errorf("%s: %v", kind, done)
		}
		n.at(n.b, a).want(http.StatusOK, "GET", "/session", nil)
	}
}

// credentialOf is what a key answers to options of an answer.
func credentialOf(t *testing.T, options any, answer func(json.RawMessage) (json.RawMessage, error)) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := answer(text)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

// seenWithin is how long a test waits for what the contract says is seen within a second: a busy machine gets more.
const seenWithin = 20 * time.Second

// seen waits until something is so.
func seen(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(seenWithin); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Errorf("%s is not seen by the other node", what)
}

// TestEndedOnOneIsRefusedByTheOther: sessions that each node keeps in memory, and remembered devices.
func TestEndedOnOneIsRefusedByTheOther(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, n nodes) {
		anna := add(t, n.a, Account{Username: "anna"})
		for what, end := range map[string]func(in *client){
			"a sign-out":          func(in *client) { in.want(http.StatusNoContent, "DELETE", "/session", nil) },
			"the end of all":      func(in *client) { n.at(n.a, in).endOthersFrom("anna") },
			"a password set":      func(*client) { mustDo(t, n.a.SetPassword(t.Context(), anna, secret, "test")) },
			"an account disabled": func(*client) { mustDo(t, n.a.SetDisabled(t.Context(), anna, true, "test")) },
		} {
			mustDo(t, n.a.SetDisabled(t.Context(), find(t, n.a, "anna"), false, "test"))
			in := n.client(n.a)
			in.mustSignIn("anna", secret, "done")
			other := n.at(n.b, in)
			other.want(http.StatusOK, "GET", "/session", nil) // now the other node keeps it
			other.want(http.StatusOK, "GET", "/session", nil)
			end(in)
			seen(t, what, func() bool { status, _ := other.send("GET", "/session", nil); return status == http.StatusUnauthorized })
		}
	})
}

// endOthersFrom signs in anew and ends all other sessions.
func (c *client) endOthersFrom(name string) {
	c.t.Helper()
	c.mustSignIn(name, secret, "done")
	c.want(http.StatusNoContent, "DELETE", "/sessions", nil)
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDeviceEndedOnOne: a browser that is remembered is so on each node, and on none once it is ended on one.
func TestDeviceEndedOnOne(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, n nodes) {
		add(t, n.a, Account{Username: "anna"})
		in := n.client(n.a)
		in.mustSignIn("anna", secret, "done")
		app, _ := in.enroll(n.clock)
		n.clock.move(30 * time.Second)

		kept := map[string]string{}
		web := newKeeping(t, n.a, kept)
		web.want(http.StatusOK, "POST", "/sign-in", object{"identifier": "anna", "password": secret})
		web.want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": codeOf(t, app, n.clock.now()), "remember_device": true})
		web.want(http.StatusNoContent, "DELETE", "/session", nil)
		again := func(s *Server) any {
			return newKeeping(t, s, kept).want(http.StatusOK, "POST", "/sign-in", object{"identifier": "anna", "password": secret})["next"]
		}
		if next := again(n.b); next != "done" {
			t.Fatalf("the other node does not remember the browser: %v", next)
		}
		devices := in.list("/devices")
		if len(devices) != 1 {
			t.Fatalf("devices: %v", devices)
		}
		in.want(http.StatusNoContent, "DELETE", "/devices/"+devices[0].(object)["id"].(string), nil)
		for _, s := range []*Server{n.a, n.b} {
			if next := again(s); next != "verify" {
				t.Errorf("a device that was ended spares the second factor: %v", next)
			}
		}
	})
}

// newKeeping is a client that keeps cookies in place of a token.
func newKeeping(t *testing.T, s *Server, kept map[string]string) *client {
	t.Helper()
	c := newClient(t, s)
	h := c.http
	c.http = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range kept {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		h.ServeHTTP(w, r)
		for _, set := range (&http.Response{Header: w.Header()}).Cookies() {
			if kept[set.Name] = set.Value; set.MaxAge < 0 {
				delete(kept, set.Name)
			}
		}
	})
	return c
}
