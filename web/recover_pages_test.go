package web

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/notice"
)

// rescue is a site with every way back, and alice, whose address is confirmed.
func rescue(t *testing.T, change func(*nightlatch.Config, *Options)) (*full, *visitor) {
	t.Helper()
	f := newFull(t, func(c *nightlatch.Config, o *Options) {
		c.Recovery = nightlatch.Recovery{Email: true, AdminEmail: "ops@example.net"}
		c.Notices = notice.Writer{Service: "Example", Links: c.Origin}
		if change != nil {
			change(c, o)
		}
	})
	v := f.visitor()
	v.get("/sign-up")
	v.press("Create account", "", map[string]string{"Username": "alice", "Email": "alice@example.com", "Password": phrase, "Confirm password": phrase})
	return f, v
}

// confirm makes an address a confirmed one.
func (f *full) confirm(name string) {
	f.people.mu.Lock()
	defer f.people.mu.Unlock()
	for id, u := range f.people.byID {
		if u.Name == name {
			u.EmailConfirmedAt = f.clock.Now()
			f.people.byID[id] = u
		}
	}
}

// mail sends what is due and returns the newest mail whose subject has some words.
func (f *full) mail(subject string) factor.Message {
	f.t.Helper()
	for range 4 {
		if _, err := f.svc.SendNotices(f.t.Context()); err != nil {
			f.t.Fatal(err)
		}
	}
	f.post.mu.Lock()
	defer f.post.mu.Unlock()
	for i := len(f.post.sent) - 1; i >= 0; i-- {
		if strings.Contains(f.post.sent[i].Subject, subject) {
			return f.post.sent[i]
		}
	}
	return factor.Message{}
}

// link is the path of the link to a page in a mail.
func (f *full) link(m factor.Message, page string) string {
	f.t.Helper()
	found := regexp.MustCompile(regexp.QuoteMeta(f.url) + `(` + page + `\?token=\S+)`).FindStringSubmatch(m.Text)
	if found == nil {
		f.t.Fatalf("no link to %s in %q", page, m.Text)
	}
	return found[1]
}

// A person who has lost everything comes back with the mailbox, a wait and the password.
func TestRecoverByMailOnPages(t *testing.T) {
	t.Parallel()
	f, v := rescue(t, nil)
	v.enroll("My phone")
	f.confirm("alice")
	other := f.visitor() // a session elsewhere
	other.client.Jar = v.client.Jar
	v = f.visitor()
	v.signIn("alice")
	v.follow("Lost your device?")
	v.want(200, "/recover")
	v.says("10 codes left", "We mail a link to a•••@example.com.", "Mail the administrators", "After 24 hours")
	v.press("Mail the administrators", "", nil)
	v.want(200, "/recover")
	v.announced("status", "The administrators were told. Whoever helps you will want to know that it is you.")
	if m := f.mail("help"); m.To != "ops@example.net" || strings.Contains(m.Text, "token") {
		t.Errorf("the administrators read %+v", m)
	}
	v.press("Recover by email", "", nil)
	v.want(200, "/recover")
	v.announced("status", "We have mailed you a link. It is good for one hour.")
	link := f.link(f.mail("asked to recover"), "/recover")

	away := f.visitor() // another browser, where nobody has signed in
	before := f.store.written()
	away.get(link)
	away.want(200, link)
	away.says("Go on only if you have lost every authenticator")
	if f.store.written() != before {
		t.Error("looking at the page has written")
	}
	away.press("Begin the recovery", "", nil)
	away.want(200, "/recover/confirm")
	away.says("The recovery has begun", "In 24 hours we mail you a code.")
	away.get(link)
	away.want(401, link)
	away.announced("alert", "This link was used already, or is good for nothing any more.")
	away.get("/recover?token=nonsense")
	away.want(401, "/recover?token=nonsense")
	away.announced("alert", "This link is not complete, or is none of ours. Open it as it stands in the mail.")

	for _, page := range []string{"/account", "/", "/recover"} {
		other.get(page)
		other.says("A recovery of this account by mail was begun.", "Cancel the recovery")
	}
	v.get("/recover")
	v.says("A recovery of this account by mail was begun.")
	if strings.Contains(v.body, "Recover by email") {
		t.Error("another one may be begun")
	}
	f.clock.advance(24 * time.Hour)
	code := regexp.MustCompile(`\b[0-9a-z]{4}(-[0-9a-z]{4}){3}\b`).FindString(f.mail("Your code").Text)
	other.get("/account")
	other.says("A recovery of this account by mail is over, and a code was mailed.")
	v.signIn("alice")
	v.follow("Lost your device?")
	v.press("Enter the code that was mailed", "", nil)
	v.press("Continue", "", map[string]string{"Recovery code": code})
	v.want(200, "/account/authenticators/new")
	v.enroll("My phone")
	v.press("Continue", "", nil)
	v.want(200, "/account")
	v.says("My phone", "The account was recovered")
	other.get("/account")
	other.want(200, "/sign-in?to=%2Faccount")
}

// A hold is canceled in a session, in a sign-in, and by the link of its mail.
func TestCancelHoldOnPages(t *testing.T) {
	t.Parallel()
	f, v := rescue(t, nil)
	v.enroll("My phone")
	f.confirm("alice")
	session := v
	v = f.visitor()
	v.signIn("alice")
	begin := func() {
		t.Helper()
		v.get("/recover")
		v.press("Recover by email", "", nil)
		away := f.visitor()
		away.get(f.link(f.mail("asked to recover"), "/recover"))
		away.press("Begin the recovery", "", nil)
	}
	begin()
	session.get("/account")
	session.press("Cancel the recovery", "", nil)
	session.want(200, "/account")
	session.announced("status", "There is no recovery any more.")
	begin()
	v.get("/recover")
	v.press("Cancel the recovery", "", nil)
	v.want(200, "/recover")
	v.announced("status", "There is no recovery any more.")
	begin()
	notMe := strings.TrimPrefix(f.link(f.mail("has begun"), "/not-me"), "/not-me?token=")
	if _, err := f.svc.NotMe(t.Context(), notMe, nightlatch.Client{}); err != nil {
		t.Fatal(err)
	}
	session.get("/account")
	session.want(200, "/sign-in?to=%2Faccount")
	v.signIn("alice")
	v.get("/recover")
	if strings.Contains(v.body, "Cancel the recovery") {
		t.Error("the link of the mail has not stopped it")
	}
	f.clock.advance(time.Hour)
	v.signIn("alice")
	begin()
	// Too often, and no way.
	v.get("/recover")
	v.press("Cancel the recovery", "", nil)
	for range 2 {
		v.press("Recover by email", "", nil)
	}
	v.press("Recover by email", "", nil)
	v.want(429, "/recover")
	v.announced("alert", "That was asked for several times already. Please wait 60 minutes.")
	v.request("POST", "/recover", url.Values{"way": {"sms"}})
	v.want(400, "/recover")
	f.people.mu.Lock()
	for id, u := range f.people.byID {
		u.Admin = true
		f.people.byID[id] = u
	}
	f.people.mu.Unlock()
	v.request("POST", "/recover", url.Values{"way": {"email"}})
	v.want(403, "/recover")
	v.announced("alert", "This way is not open to your account now.")
}

// What a stranger may have of these pages: what a mailed link leads to.
func TestRecoverOfStrangers(t *testing.T) {
	t.Parallel()
	f, _ := rescue(t, nil)
	v := f.visitor()
	if to := v.once("GET", "/recover", nil); v.status != 303 || to != "/sign-in?to=%2Frecover" {
		t.Errorf("%d %s", v.status, to)
	}
	for _, form := range []string{"/recover", "/recover/cancel"} {
		if to := v.once("POST", form, url.Values{"way": {"email"}}); v.status != 303 || !strings.HasPrefix(to, "/sign-in") {
			t.Errorf("%s: %d %s", form, v.status, to)
		}
	}
	v.request("POST", "/recover/confirm", url.Values{"token": {"x"}})
	v.want(401, "/recover/confirm")
	v.header.Set("Sec-Fetch-Site", "cross-site")
	v.request("POST", "/recover/confirm", url.Values{"token": {"x"}})
	if v.status != http.StatusForbidden {
		t.Errorf("from another site: %d", v.status)
	}
}

// withAddress mails a code to the address before a first enrollment.
func withAddress(c *nightlatch.Config, _ *Options) {
	c.Address = func(u nightlatch.User) (factor.Enrolled, bool) {
		e, err := sentcode.NewEmail(sentcode.Options{}).NewState(u.Email)
		return e, err == nil
	}
}

// In a session the page asks for the mailed code, and comes back to the set-up.
func TestFirstEnrollmentOnPages(t *testing.T) {
	t.Parallel()
	f, v := rescue(t, withAddress)
	f.confirm("alice")
	v.get("/account/authenticators/new/totp")
	v.want(200, "/verify?to=%2Faccount%2Fauthenticators%2Fnew%2Ftotp")
	v.says("we make sure that the mailbox of this account is yours", "We send a code to a•••@example.com.")
	if f.post.count() != 0 {
		t.Error("looking has sent a code")
	}
	v.press("Send code", "", nil)
	v.announced("status", "Code sent to a•••@example.com.")
	v.press("Continue", "", map[string]string{"Code": "000000"})
	v.want(401, "/verify")
	v.press("Continue", "", map[string]string{"Code": f.post.code(t)})
	v.want(200, "/account/authenticators/new/totp")
	v.enroll("My phone")
}

// In a sign-in that must enroll the code is mailed with the password.
func TestForcedFirstEnrollmentOnPages(t *testing.T) {
	t.Parallel()
	f, _ := rescue(t, func(c *nightlatch.Config, o *Options) {
		withAddress(c, o)
		c.Policy.Require = nightlatch.Required
	})
	f.confirm("alice")
	v := f.visitor()
	v.signIn("alice")
	v.want(200, "/verify")
	v.says("we make sure that the mailbox of this account is yours")
	v.announced("status", "Code sent to a•••@example.com.")
	v.press("Continue", "", map[string]string{"Code": f.post.code(t)})
	v.want(200, "/account/authenticators/new")
	v.enroll("My phone")
	v.press("Continue", "", nil)
	v.want(200, "/account")
}

// A mailed password and a mailed code are one proof: the page says so, and where to go.
func TestOneMailboxOnPages(t *testing.T) {
	t.Parallel()
	f, v := rescue(t, nil)
	v.addEmail(f, "alice@example.com")
	codes := v.codes()
	err := f.svc.Change(t.Context(), "id-0", nightlatch.Event{Name: "password_reset"}, func(ctx context.Context) error {
		return f.svc.NotePasswordReset(ctx, "id-0", "alice@example.com")
	})
	if err != nil {
		t.Fatal(err)
	}
	v = f.visitor()
	before := f.post.count()
	v.signIn("alice")
	v.want(200, "/verify")
	v.says("A code mailed to the same mailbox proves nothing more")
	if f.post.count() != before {
		t.Error("a code was sent")
	}
	v.follow("Lost your device?")
	v.want(200, "/recover")
	v.press("Use a recovery code", "", nil)
	v.press("Continue", "", map[string]string{"Recovery code": codes[0]})
	v.want(200, "/account")
	v.says("Until you change it here, codes mailed to the same mailbox are not asked for.")
}
