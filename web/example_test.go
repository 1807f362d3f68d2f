package web_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing/fstest"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"
)

// exampleUsers are an application's users: everybody exists.
type exampleUsers struct{}

func (exampleUsers) FindUser(_ context.Context, id string) (nightlatch.User, error) {
	return nightlatch.User{ID: id, Name: id}, nil
}

// newExample is a service, as the example of nightlatch.New makes it.
func newExample() (svc *nightlatch.Service, end func()) {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	store, err := sqlstore.OpenDir(context.Background(), "sqlite", dir, rand.Reader, time.Now())
	if err != nil {
		panic(err)
	}
	svc, err = nightlatch.New(nightlatch.Config{
		Users: exampleUsers{}, Store: store, Key: store.Key, Factors: []factor.Factor{totp.New(totp.Options{})},
	})
	if err != nil {
		panic(err)
	}
	return svc, func() {
		svc.Close()
		_ = store.Close()
		_ = os.RemoveAll(dir)
	}
}

// signedIn is what an application knows of a request: here everybody is ada, who signed in just now.
func signedIn(*http.Request) (web.Login, bool) {
	return web.Login{User: "ada", Session: "the application's session", At: time.Now()}, true
}

func show(h http.Handler, method, path string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), method, "https://example.com"+path, nil))
	if w.Code >= http.StatusMultipleChoices {
		fmt.Println(w.Code, w.Header().Get("Location"))
		return
	}
	fmt.Println(w.Code, w.Body)
}

// The gate in front of a mux: whoever is signed in needs a second factor.
func ExampleGate_Require() {
	svc, end := newExample()
	defer end()
	gate, err := web.New(svc, web.Options{
		PublicURL: "https://example.com", Prefix: "/2fa", CurrentUser: signedIn, SignIn: "/login", SignOut: "/logout",
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/2fa/", gate.Handler())
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "your orders") })
	show(gate.Require(nightlatch.Level2, mux), http.MethodGet, "/orders")
	// Output: 303 /2fa/verify?to=%2Forders
}

// A proof of its own before something dangerous, which is then done once.
func ExampleGate_Confirm() {
	svc, end := newExample()
	defer end()
	gate, err := web.New(svc, web.Options{PublicURL: "https://example.com", Prefix: "/2fa", CurrentUser: signedIn, SignIn: "/login"})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/2fa/", gate.Handler())
	mux.HandleFunc("POST /shop/close", func(w http.ResponseWriter, r *http.Request) {
		const what = "Close the shop example.com for good"
		switch err := gate.TakeConfirmation(w, r, what); {
		case errors.Is(err, nightlatch.ErrUnauthenticated):
			gate.Confirm(w, r, what, "/shop")
		case err != nil:
			http.Error(w, "Try again later.", http.StatusServiceUnavailable)
		default:
			fmt.Fprint(w, "closed")
		}
	})
	show(mux, http.MethodPost, "/shop/close") // ada holds no second factor yet
	// Output: 303 /2fa/account/authenticators/new?to=%2Fshop
}

// A page of the application's own in our layout, and one of our sentences in its words.
func ExampleGate_Page() {
	svc, end := newExample()
	defer end()
	look := fstest.MapFS{ // os.DirFS("look"), or an embed.FS
		"page/layout.html": {Data: []byte(`{{template "title" .View}} at {{.Service}}: {{template "main" .View}} {{t "Sign out"}}`)},
		"page/orders.html": {Data: []byte(`{{define "title"}}Orders{{end}}{{define "main"}}{{.}} of them.{{end}}`)},
		"text/en.json":     {Data: []byte(`{"Sign out": "Leave"}`)},
	}
	gate, err := web.New(svc, web.Options{
		PublicURL: "https://example.com", Prefix: "/2fa", CurrentUser: signedIn, SignIn: "/login", Overlay: look, Service: "Acme",
	})
	if err != nil {
		panic(err)
	}
	orders := func(w http.ResponseWriter, r *http.Request) { gate.Page(w, r, http.StatusOK, "orders", 3) }
	show(http.HandlerFunc(orders), http.MethodGet, "/orders")
	// Output: 200 Orders at Acme: 3 of them. Leave
}
