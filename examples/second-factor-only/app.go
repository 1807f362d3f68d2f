// Command second-factor-only is an application that keeps its sessions and its sign-in as they are, and asks for a
// second factor in one place: a payment is made once its payer has confirmed that very payment.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"net/http"
	"sync"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"
)

// app keeps everything in memory: what is of interest is the payment.
type app struct {
	now  func() time.Time
	gate *web.Gate

	mutex    sync.Mutex
	sessions map[string]web.Login // by the cookie's value
	payments map[string]*payment
}

type payment struct {
	id, payer, payee, amount string
	paid                     bool
}

// what is the payment in words. All that counts is in it: a payment that was changed is another one.
func (p *payment) what() string {
	return "Pay " + p.amount + " to " + p.payee + " (payment " + p.id + ")"
}

// FindUser makes the application's users Nightlatch's. Here everybody exists.
func (a *app) FindUser(_ context.Context, id string) (nightlatch.User, error) {
	return nightlatch.User{ID: id, Name: id}, nil
}

func open(ctx context.Context, dir, origin string, now func() time.Time) (*app, func(), error) {
	store, err := sqlstore.OpenDir(ctx, "sqlite", dir, rand.Reader, now())
	if err != nil {
		return nil, nil, err
	}
	a := &app{now: now, sessions: map[string]web.Login{}, payments: map[string]*payment{}}
	svc, err := nightlatch.New(nightlatch.Config{
		Users: a, Store: store, Key: store.Key, Origin: origin, Now: now,
		Factors: []factor.Factor{totp.New(totp.Options{}), recovery.New(recovery.Options{})},
	})
	if err == nil {
		a.gate, err = web.New(svc, web.Options{
			PublicURL: origin, Prefix: "/2fa", CurrentUser: a.currentUser, SignIn: "/login", SignOut: "/logout",
		})
	}
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return a, func() { svc.Close(); _ = store.Close() }, nil
}

func (a *app) currentUser(r *http.Request) (web.Login, bool) {
	c, err := r.Cookie("session")
	if err != nil {
		return web.Login{}, false
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	login, ok := a.sessions[c.Value]
	return login, ok
}

// handler has no gate.Require: only the payment asks for more.
func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/2fa/", a.gate.Handler())
	mux.HandleFunc("GET /{$}", a.loginPage)
	mux.HandleFunc("GET /login", a.loginPage)
	mux.HandleFunc("POST /login", a.login)
	mux.HandleFunc("GET /payments/{id}", a.show)
	mux.HandleFunc("POST /payments/{id}", a.pay)
	return mux
}

func (a *app) loginPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprint(w, "<!doctype html><html lang=en><title>Bank</title><link rel=icon href=data:,><form method=post action=/login><label>Name <input name=name></label> <button>Log in</button></form>\n")
}

// login stands for the application's own: it takes everybody's word.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	token := rand.Text()
	a.mutex.Lock()
	a.sessions[token] = web.Login{User: r.PostFormValue("name"), Session: token, At: a.now()}
	a.mutex.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "session", Value: token, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/payments/1", http.StatusSeeOther)
}

// find is a payment of whoever is signed in.
func (a *app) find(r *http.Request) (payment, bool) {
	login, ok := a.currentUser(r)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	p := a.payments[r.PathValue("id")]
	if !ok || p == nil || p.payer != login.User {
		return payment{}, false
	}
	return *p, true
}

func (a *app) show(w http.ResponseWriter, r *http.Request) {
	p, ok := a.find(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p.paid {
		_, _ = fmt.Fprintf(w, "<!doctype html><html lang=en><title>Bank</title><link rel=icon href=data:,><p>Done: %s\n", html.EscapeString(p.what()))
		return
	}
	_, _ = fmt.Fprintf(w, "<!doctype html><html lang=en><title>Bank</title><link rel=icon href=data:,><form method=post><p>%s <button>Pay</button></form>\n", html.EscapeString(p.what()))
}

// pay asks for a confirmation where there is none, and pays where there is one.
func (a *app) pay(w http.ResponseWriter, r *http.Request) {
	p, ok := a.find(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	switch err := a.gate.TakeConfirmation(w, r, p.what()); {
	case errors.Is(err, nightlatch.ErrUnauthenticated):
		a.gate.Confirm(w, r, p.what(), "/payments/"+p.id)
		return
	case err != nil:
		http.Error(w, "Try again later.", http.StatusServiceUnavailable)
		return
	}
	a.mutex.Lock()
	a.payments[p.id].paid = true
	a.mutex.Unlock()
	http.Redirect(w, r, "/payments/"+p.id, http.StatusSeeOther)
}
