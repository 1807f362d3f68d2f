// Command chi shows the second factor in an application that is made with chi.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"

	_ "modernc.org/sqlite"
)

// sessions are the application's own, in memory: the cookie's value and whose it is.
type sessions struct {
	mutex sync.Mutex
	all   map[string]web.Login
	now   func() time.Time
}

// currentUser is what Nightlatch asks the application.
func (s *sessions) currentUser(r *http.Request) (web.Login, bool) {
	c, err := r.Cookie("session")
	if err != nil {
		return web.Login{}, false
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	login, ok := s.all[c.Value]
	return login, ok
}

// loginPage stands for the application's own, too.
func loginPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte("<!doctype html><title>Orders</title><form method=post><label>Name <input name=name></label> <button>Log in</button></form>\n"))
}

// login stands for the application's own: it takes everybody's word.
func (s *sessions) login(w http.ResponseWriter, r *http.Request) {
	token := rand.Text()
	s.mutex.Lock()
	s.all[token] = web.Login{User: r.PostFormValue("name"), Session: token, At: s.now()}
	s.mutex.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "session", Value: token, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/orders", http.StatusSeeOther)
}

// users are the application's: here everybody exists.
type users struct{}

// FindUser is as in nightlatch.Users.
func (users) FindUser(_ context.Context, id string) (nightlatch.User, error) {
	return nightlatch.User{ID: id, Name: id}, nil
}

// handler is the application: an open page, its own sign-in, and pages behind the second factor.
func handler(svc *nightlatch.Service, origin string) (http.Handler, error) {
	s := &sessions{all: map[string]web.Login{}, now: svc.Now}
	gate, err := web.New(svc, web.Options{PublicURL: origin, Prefix: "/2fa", CurrentUser: s.currentUser, SignIn: "/login"})
	if err != nil {
		return nil, err
	}
	router := chi.NewRouter()
	router.Handle("/2fa/*", gate.Handler())
	router.Get("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("open to all")) })
	router.Get("/login", loginPage)
	router.Post("/login", s.login)
	router.Group(func(router chi.Router) {
		router.Use(func(next http.Handler) http.Handler { return gate.Require(nightlatch.Level2, next) })
		router.Get("/orders", func(w http.ResponseWriter, r *http.Request) {
			if login, ok := s.currentUser(r); ok {
				_, _ = w.Write([]byte("the orders of " + login.User))
				return
			}
			w.WriteHeader(http.StatusUnauthorized)
		})
	})
	return router, nil
}

func main() { os.Exit(run()) }

func run() int {
	const listen = "localhost:3000"
	store, err := sqlstore.OpenDir(context.Background(), "sqlite", "chi-data", rand.Reader, time.Now())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer store.Close()
	svc, err := nightlatch.New(nightlatch.Config{
		Users: users{}, Store: store, Key: store.Key, Origin: "http://" + listen,
		Factors: []factor.Factor{totp.New(totp.Options{}), recovery.New(recovery.Options{})},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer svc.Close()
	h, err := handler(svc, "http://"+listen)
	if err == nil {
		fmt.Fprintf(os.Stderr, "log in on http://%s/login\n", listen)
		err = (&http.Server{Addr: listen, Handler: h, ReadHeaderTimeout: 10 * time.Second}).ListenAndServe()
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}
