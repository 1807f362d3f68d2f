package nightlatchtest_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/nightlatchtest"
	"github.com/nightlatch/nightlatch/web"
)

// A user with an authenticator app signs in: in a test of an application's own, t is its *testing.T.
func ExampleNew() {
	t := &inExample{}
	defer t.end()
	kit := nightlatchtest.New(t, nightlatchtest.NewUsers(nightlatch.User{ID: "7", Name: "ada"}))
	phone := kit.EnrollPhone("7", "My phone")

	next := kit.FirstStep("7") // the application has checked the password
	fmt.Println(next.Step, next.Offers[0].Label)
	next, err := kit.Verify(t.Context(), next.Token, factor.Response{Kind: "totp", Code: phone.Next()}, nightlatchtest.Client())
	fmt.Println(next.Step, next.Session.Level, err)
	_, err = kit.Verify(t.Context(), kit.FirstStep("7").Token, factor.Response{Kind: "totp", Code: phone.Code()}, nightlatchtest.Client())
	fmt.Println(err)
	// Output:
	// verify My phone
	// done 2 <nil>
	// refused: used
}

// A browser goes through an application with the gate before it.
func ExampleKit_Browser() {
	t := &inExample{}
	defer t.end()
	kit := nightlatchtest.New(t, nightlatchtest.NewUsers(nightlatch.User{ID: "7", Name: "ada"}))
	gate, err := web.New(kit.Service, web.Options{
		PublicURL: nightlatchtest.Origin, Prefix: "/2fa", SignIn: "/login",
		CurrentUser: func(*http.Request) (web.Login, bool) { // in a test: the application's own
			return web.Login{User: "7", Session: "1", At: kit.Now()}, true
		},
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/2fa/", gate.Handler())
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the application") })

	b := kit.Browser(gate.Require(nightlatch.Level2, mux))
	fmt.Println(b.Get("/orders").Path)
	b.EnrollPhone("/2fa", "My phone")
	fmt.Println(b.Get("/orders").Body)
	// Output:
	// /2fa/account/authenticators/new?to=%2Forders
	// the application
}

// A message in the inbox, and the code in it.
func ExampleInbox_Code() {
	var inbox nightlatchtest.Inbox
	_ = inbox.Send(context.Background(), factor.Message{Kind: "sms", To: "+4915123456712", Text: "Acme: 123456 is your code to sign in."})
	fmt.Println(inbox.Code("+4915123456712"), len(inbox.Messages("")))
	// Output: 123456 1
}

// A security key answers what a page would hand to navigator.credentials.create.
func ExampleKey_Create() {
	key := nightlatchtest.NewKey()
	_, err := key.Create([]byte(`{"challenge": "AAAA", "rp": {"id": "another.example", "name": "x"}}`))
	fmt.Println(err)
	// Output: softkey: SecurityError: the RP ID or AppID is not of this origin
}

// The code of an app, from the secret that a set-up page shows.
func ExamplePhone_Code() {
	t := &inExample{}
	defer t.end()
	phone := nightlatchtest.NewPhone(t, nightlatchtest.NewClock(nightlatchtest.Start), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	fmt.Println(len(phone.Code()), phone.Code() != phone.Next())
	// Output: 6 true
}

// inExample is a testing.TB where there is no test.
type inExample struct {
	testing.TB
	cleanups []func()
}

func (*inExample) Helper()                   {}
func (*inExample) Context() context.Context  { return context.Background() }
func (*inExample) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (*inExample) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (t *inExample) Cleanup(f func())        { t.cleanups = append(t.cleanups, f) }

func (t *inExample) TempDir() string {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (t *inExample) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
