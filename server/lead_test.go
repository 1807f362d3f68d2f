package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// proxied is what people reach of a portal: our own pages, and applications behind a proxy, which asks for a decision
// about every request and tells who asks.
func proxied(o *portal) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "localhost:8080" {
			o.h.ServeHTTP(w, r)
			return
		}
		asked := o.ask("http://"+r.Host+r.RequestURI, "", func(q *http.Request) {
			q.Header["Cookie"] = r.Header["Cookie"]
			navigation(q)
		})
		if asked.StatusCode != http.StatusOK {
			w.Header().Set("Location", asked.Header.Get("Location"))
			w.WriteHeader(asked.StatusCode)
			return
		}
		fmt.Fprintf(w, "the application of %s", asked.Header.Get("Remote-User"))
	})
}

// leading are the two ways in which rules lead people to our pages. app is the application's address.
type leading struct {
	app, pages string
	s          *Server
	clock      *clock
	h          http.Handler
}

// eachLead runs a test with rules by forward-auth, and by --protect.
func eachLead(t *testing.T, rules string, test func(t *testing.T, l leading)) {
	t.Helper()
	t.Run("forward-auth", func(t *testing.T) {
		t.Parallel()
		o := newPortal(t, "trusted_proxies = [\"192.0.2.0/24\"]\n"+
			strings.ReplaceAll(rules, "[[rule]]", "[[rule]]\nhost = \"app.localhost\""))
		test(t, leading{app: "http://app.localhost", s: o.s, clock: o.p.clock, h: proxied(o)})
	})
	t.Run("protect", func(t *testing.T) {
		t.Parallel()
		o := newProtected(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "the application of %s", r.Header.Get("Remote-User"))
		}), rules)
		test(t, leading{pages: "/.nightlatch", s: o.s, clock: o.p.clock, h: o.http.Config.Handler})
	})
}

func (l leading) browser(t *testing.T) *browser { t.Helper(); return newBrowser(t, l.h, l.clock) }

// arrived demands that the application has answered.
func (l leading) arrived(b *browser, path, user string) {
	b.t.Helper()
	b.want(200, l.app+path)
	if want := "the application of " + user; b.body != want {
		b.t.Fatalf("%s says %q, want %q", b.at, b.body, want)
	}
}

// Who holds no second factor and needs one is led to set one up and then to what was asked for, by one proof, with a
// wrong code in between.
func TestLedToTheFirstEnrollment(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		eachLead(t, "[[rule]]\nlevel = 2\n", func(t *testing.T, l leading) {
			add(t, l.s, Account{Username: "ada"})
			b := l.browser(t)
			b.get(l.app + "/page?a=b")
			b.want(200, l.pages+"/sign-in")
			b.signIn("ada")
			b.want(200, l.pages+"/account/authenticators/new")
			if !strings.Contains(b.body, "To go on you need a second factor") {
				t.Errorf("it is not said why:\n%s", textOf(b.body))
			}
			l.clock.move(time.Second)
			if late {
				l.clock.move(11 * time.Minute)
			}
			b.get(l.pages + "/account/authenticators/new/totp?to=" + url.QueryEscape(l.app+"/page?a=b"))
			if late || l.pages != "" { // beside an application the proof of the sign-in serves no change
				b.want(200, l.pages+"/verify")
				b.send("/verify", map[string]string{"password": secret})
			}
			b.want(200, l.pages+"/account/authenticators/new/totp")
			app := b.scan()
			l.clock.move(2 * time.Minute) // as long as it takes to find the telephone
			b.send("/finish/totp", map[string]string{"code": "000000"})
			b.want(401, l.pages+"/account/authenticators/finish/totp")
			if l.pages == "" {
				if again := b.scan(); again.Secret.Base32() != app.Secret.Base32() {
					t.Fatal("after a wrong code it is another secret")
				}
			} else if aURI.MatchString(b.body) {
				t.Fatal("beside an application the secret is shown twice")
			}
			b.send("/finish/totp", map[string]string{"code": codeOf(t, app, l.clock.now())})
			b.want(200, l.pages+"/account/authenticators/finish/totp")
			if !strings.Contains(b.body, "Your recovery codes") {
				t.Fatalf("no recovery codes:\n%s", textOf(b.body))
			}
			b.send("/sign-in", nil)
			l.arrived(b, "/page", "ada")
		})
	}
}

// A rule for some kinds leads to a page that asks for one of these, and else to set one up.
func TestLedToAKind(t *testing.T) {
	t.Parallel()
	eachLead(t, "[[rule]]\npath = \"/vault\"\nkinds = [\"hotp\"]\n[[rule]]\nlevel = 1\n", func(t *testing.T, l leading) {
		add(t, l.s, Account{Username: "ada"})
		c := &client{t: t, http: pagesAt(l)}
		c.mustSignIn("ada", secret, "done")
		c.provePassword(l.clock)
		app, _ := c.enroll(l.clock)
		b := l.browser(t)
		b.get(l.app + "/")
		b.signIn("ada")
		l.clock.move(30 * time.Second)
		b.send("/verify", map[string]string{"code": codeOf(t, app, l.clock.now())})
		l.arrived(b, "/", "ada")

		b.get(l.app + "/vault")
		b.want(200, l.pages+"/account/authenticators/new")
		if strings.Contains(b.body, "new/totp") || !strings.Contains(b.body, "new/hotp") {
			t.Errorf("what does not help is offered:\n%s", b.body)
		}
		b.get(l.pages + "/account/authenticators/new/hotp?to=" + url.QueryEscape(l.app+"/vault"))
		if l.pages != "" { // beside an application the proof of the sign-in serves no change
			l.clock.move(30 * time.Second)
			b.send("/verify", map[string]string{"code": codeOf(t, app, l.clock.now())})
		}
		token := b.scan()
		code := func(counter uint64) string {
			text, err := token.Code(counter)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		b.send("/finish/hotp", map[string]string{"code": code(0)})
		l.arrived(b, "/vault", "ada")

		t.Log("in another sign-in the other kind was proven")
		b = l.browser(t)
		b.get(l.app + "/")
		b.signIn("ada")
		l.clock.move(30 * time.Second)
		b.get(l.pages + "/verify?kind=totp&to=" + url.QueryEscape(l.app+"/"))
		b.send("/verify", map[string]string{"code": codeOf(t, app, l.clock.now())})
		l.arrived(b, "/", "ada")
		b.get(l.app + "/vault")
		b.want(200, l.pages+"/verify")
		if !strings.Contains(b.body, `value="hotp"`) || strings.Contains(b.body, "Try another way") {
			t.Errorf("it asks for another kind:\n%s", b.body)
		}
		b.send("/verify", map[string]string{"code": code(1)})
		l.arrived(b, "/vault", "ada")
	})
}

// max_age asks for a proof though one is there that policy.fresh takes for fresh.
func TestLedToAYoungerProof(t *testing.T) {
	t.Parallel()
	eachLead(t, "[[rule]]\npath = \"/once\"\nlevel = 1\nmax_age = \"2m\"\n[[rule]]\npath = \"/vault\"\nmax_age = \"2m\"\n[[rule]]\nlevel = 1\n", func(t *testing.T, l leading) {
		add(t, l.s, Account{Username: "ada"})
		b := l.browser(t)
		b.get(l.app + "/once")
		b.signIn("ada")
		l.arrived(b, "/once", "ada")
		l.clock.move(3 * time.Minute)
		b.get(l.app + "/once")
		b.want(200, l.pages+"/verify")
		b.send("/verify", map[string]string{"password": secret})
		l.arrived(b, "/once", "ada")

		add(t, l.s, Account{Username: "bob"})
		c := &client{t: t, http: pagesAt(l)}
		c.mustSignIn("bob", secret, "done")
		c.provePassword(l.clock)
		app, _ := c.enroll(l.clock)
		b = l.browser(t)
		b.get(l.app + "/vault")
		b.signIn("bob")
		code := func() string { l.clock.move(30 * time.Second); return codeOf(t, app, l.clock.now()) }
		b.send("/verify", map[string]string{"code": code()})
		l.arrived(b, "/vault", "bob")
		l.clock.move(3 * time.Minute)
		b.get(l.app + "/")
		l.arrived(b, "/", "bob")
		b.get(l.app + "/vault")
		b.want(200, l.pages+"/verify")
		b.send("/verify", map[string]string{"code": code()})
		l.arrived(b, "/vault", "bob")
	})
}

// pagesAt is the API below where the pages are.
func pagesAt(l leading) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = l.pages + r.URL.Path
		r.RequestURI = r.URL.RequestURI()
		l.h.ServeHTTP(w, r)
	})
}

// A rule for a password alone asks who has proven it too long ago, and holds a second factor, to sign in again: nothing
// else proves it, and nothing can be added that does.
func TestLedToSignInAgain(t *testing.T) {
	t.Parallel()
	rules := "[[rule]]\npath = \"/vault\"\nlevel = 1\nkinds = [\"password\"]\nmax_age = \"2m\"\n[[rule]]\nlevel = 1\n"
	eachLead(t, rules, func(t *testing.T, l leading) {
		add(t, l.s, Account{Username: "ada"})
		c := &client{t: t, http: pagesAt(l)}
		c.mustSignIn("ada", secret, "done")
		c.provePassword(l.clock)
		app, _ := c.enroll(l.clock)
		b := l.browser(t)
		signIn := func() {
			b.signIn("ada")
			l.clock.move(30 * time.Second)
			b.send("/verify", map[string]string{"code": codeOf(t, app, l.clock.now())})
			l.arrived(b, "/vault", "ada")
		}
		b.get(l.app + "/vault")
		signIn()
		l.clock.move(3 * time.Minute)
		b.get(l.app + "/vault")
		b.want(200, l.pages+"/verify")
		const words = "Sign in again, and this time use the password."
		if !strings.Contains(b.body, words) {
			t.Fatalf("it is not said what to do:\n%s", textOf(b.body))
		}
		b.get(l.pages + "/account/authenticators/new?to=" + url.QueryEscape(l.app+"/vault"))
		if b.want(200, l.pages+"/verify"); !strings.Contains(b.body, words) {
			t.Fatalf("an authenticator is to be added:\n%s", textOf(b.body))
		}
		b.send("/sign-out", nil)
		signIn()
	})
}
