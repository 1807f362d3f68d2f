package nightlatchtest_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/nightlatchtest"
	"github.com/nightlatch/nightlatch/web"
)

var ada = nightlatch.User{ID: "7", Name: "ada", Email: "ada@example.org"}

func TestPhoneAndKey(t *testing.T) {
	t.Parallel()
	kit := nightlatchtest.New(t, nightlatchtest.NewUsers(ada))
	if next := kit.SignIn("7"); next.Step != nightlatch.StepDone || next.Session.Level != nightlatch.Level1 {
		t.Errorf("without an authenticator: %s at level %d", next.Step, next.Session.Level)
	}
	phone := kit.EnrollPhone("7", "My phone")
	if len(phone.Codes) != 10 || phone.ID == "" {
		t.Errorf("the phone has %d recovery codes and the id %q", len(phone.Codes), phone.ID)
	}
	key := kit.EnrollKey("7", "Blue key")
	if len(key.Codes) != 0 || key.ID == "" {
		t.Errorf("the key has %d recovery codes and the id %q", len(key.Codes), key.ID)
	}
	if next := kit.SignIn("7"); next.Session.Level != nightlatch.Level2 {
		t.Errorf("with the phone: level %d", next.Session.Level)
	}
	used := phone.Next()
	for i, want := range []error{nil, factor.ErrRefused} {
		_, err := kit.Verify(t.Context(), kit.FirstStep("7").Token, factor.Response{Kind: "totp", Code: used}, nightlatchtest.Client())
		if !errors.Is(err, want) {
			t.Errorf("use %d: %v", i+1, err)
		}
	}
	if _, err := kit.Verify(t.Context(), kit.FirstStep("7").Token, factor.Response{Kind: "totp", Code: phone.Wrong()}, nightlatchtest.Client()); !errors.Is(err, factor.ErrRefused) {
		t.Errorf("a wrong code: %v", err)
	}
}

func TestKeyAlone(t *testing.T) {
	t.Parallel()
	kit := nightlatchtest.New(t, nightlatchtest.NewUsers(ada))
	key := kit.EnrollKey("7", "Blue key")
	if len(key.Codes) != 10 {
		t.Errorf("%d recovery codes", len(key.Codes))
	}
	if next := kit.SignIn("7"); next.Session.Level != nightlatch.Level2 {
		t.Errorf("level %d", next.Session.Level)
	}
}

func TestInbox(t *testing.T) {
	t.Parallel()
	kit := nightlatchtest.New(t, nightlatchtest.NewUsers(ada))
	tok := kit.SignIn("7").Token
	begin := func() error {
		n := nightlatch.NewEnrollment{Kind: sentcode.SMS, Response: factor.Response{Phone: "+4915123456712"}}
		_, err := kit.BeginEnrollment(t.Context(), tok, n, nightlatchtest.Client())
		return err
	}
	kit.Inbox.Fail(errors.New("the provider is down"))
	if err := begin(); !errors.Is(err, nightlatch.ErrDeliveryFailed) || kit.Inbox.Code("+4915123456712") != "" {
		t.Errorf("while it fails: %v", err)
	}
	kit.Inbox.Fail(nil)
	kit.Clock.Pass(time.Minute)
	if err := begin(); err != nil {
		t.Fatal(err)
	}
	if got := kit.Inbox.Code("+4915123456712"); len(got) != 6 {
		t.Errorf("the code is %q of %+v", got, kit.Inbox.Messages(""))
	}
	if kit.Inbox.Code("+4915123456713") != "" || len(kit.Inbox.Messages("+4915123456713")) != 0 {
		t.Error("another number got a message")
	}
}

// application signs in whoever asks it to, by a cookie.
func application(t *testing.T, kit *nightlatchtest.Kit) http.Handler {
	t.Helper()
	gate, err := web.New(kit.Service, web.Options{
		PublicURL: nightlatchtest.Origin, Prefix: "/2fa", SignIn: "/login",
		CurrentUser: func(r *http.Request) (web.Login, bool) {
			c, err := r.Cookie("user")
			if err != nil {
				return web.Login{}, false
			}
			return web.Login{User: c.Value, Session: "1", At: kit.Clock.Now()}, true
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/2fa/", gate.Handler())
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "user", Value: r.FormValue("id"), Path: "/", Secure: true})
		http.Redirect(w, r, "/orders", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("your orders")) })
	return gate.Require(nightlatch.Level2, mux)
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	kit := nightlatchtest.New(t, nightlatchtest.NewUsers(ada))
	app := application(t, kit)
	b := kit.Browser(app)
	if p := b.Post("/login", url.Values{"id": {"7"}}); p.Status != http.StatusOK || !strings.HasPrefix(p.Path, "/2fa/account/authenticators/new") {
		t.Errorf("a first sign-in led to %d %s", p.Status, p.Path)
	}
	phone := b.EnrollPhone("/2fa", "My phone")
	if p := b.Get("/orders"); p.Status != http.StatusOK || p.Body != "your orders" {
		t.Errorf("after the enrollment: %d %s", p.Status, p.Body)
	}
	key := b.EnrollKey("/2fa", "Blue key")

	b = kit.Browser(app)
	if p := b.Post("/login", url.Values{"id": {"7"}}); p.Path != "/2fa/verify?to=%2Forders" {
		t.Errorf("a second sign-in led to %s", p.Path)
	}
	if p := b.Verify("/2fa", phone); p.Path != "/orders" || p.Body != "your orders" {
		t.Errorf("the code led to %s %s", p.Path, p.Body)
	}
	b = kit.Browser(app)
	b.Post("/login", url.Values{"id": {"7"}})
	b.VerifyKey("/2fa", key)
	var session struct {
		Level int `json:"level"`
	}
	if p := b.JSON(http.MethodGet, "/2fa/api/v1/session", nil, &session); p.Status != http.StatusOK || session.Level != 2 {
		t.Errorf("with the key: %d, level %d", p.Status, session.Level)
	}
	if p := b.JSON(http.MethodGet, "/2fa/api/v1/nothing", nil, &session); p.Status != http.StatusNotFound {
		t.Errorf("nothing is there: %d", p.Status)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	users := nightlatchtest.NewUsers(ada)
	if _, err := users.FindUser(t.Context(), "8"); !errors.Is(err, nightlatch.ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
	users.Put(nightlatch.User{ID: "7", Disabled: true})
	if u, err := users.FindUser(t.Context(), "7"); err != nil || !u.Disabled {
		t.Errorf("%+v, %v", u, err)
	}
}
