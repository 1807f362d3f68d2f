// An application with users, passwords and sessions of its own: in ../before as it was, in ../after with a second factor.
// ../price_test.go counts the difference.
package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"html"
	"net/http"
	"path/filepath"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"
	"golang.org/x/crypto/bcrypt"

	_ "modernc.org/sqlite"
)

const schema = `
CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users (id), at INTEGER NOT NULL);`

var errNoUser = nightlatch.ErrNotFound

// app is the application: who works here, and what they ordered.
type app struct {
	db     *sql.DB
	origin string // "https://example.com"
	now    func() time.Time
	cost   int    // of a password's hash
	nobody []byte // a hash of no password, so that an unknown name takes as long as a known one
}

type user struct {
	id, name string
	hash     []byte
}

type session struct {
	token, user string
	at          time.Time
}

// open makes the application, with what it keeps in a directory.
func open(dir, origin string, now func() time.Time, cost int) *app {
	db := must(sql.Open("sqlite", filepath.Join(dir, "app.db")+"?_pragma=busy_timeout(5000)"))
	must(db.Exec(schema))
	return &app{db: db, origin: origin, now: now, cost: cost, nobody: must(bcrypt.GenerateFromPassword([]byte(rand.Text()), cost))}
}

// must is for what cannot fail but at the start.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (a *app) handler(dir string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", a.loginPage)
	mux.HandleFunc("POST /login", a.login)
	mux.HandleFunc("POST /logout", a.logout)
	mux.HandleFunc("GET /{$}", a.orders)
	store := must(sqlstore.OpenDir(context.Background(), "sqlite", filepath.Join(dir, "2fa"), rand.Reader, a.now()))
	factors := []factor.Factor{totp.New(totp.Options{}), recovery.New(recovery.Options{})}
	svc := must(nightlatch.New(nightlatch.Config{Users: a, Store: store, Key: store.Key, Factors: factors, Origin: a.origin, Now: a.now}))
	gate := must(web.New(svc, web.Options{PublicURL: a.origin, Prefix: "/2fa", CurrentUser: a.currentUser, SignIn: "/login", SignOut: "/logout"}))
	mux.Handle("/2fa/", gate.Handler())
	return gate.Require(nightlatch.Level2, mux)
}

// FindUser makes the application's users Nightlatch's.
func (a *app) FindUser(ctx context.Context, id string) (nightlatch.User, error) {
	u, err := a.userBy(ctx, "id", id)
	return nightlatch.User{ID: u.id, Name: u.name}, err
}

func (a *app) currentUser(r *http.Request) (web.Login, bool) {
	s, ok := a.session(r)
	return web.Login{User: s.user, Session: s.token, At: s.at}, ok
}

// addUser is for the first users; a real application has a page for it.
func (a *app) addUser(ctx context.Context, name, password string) error {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), a.cost)
	if err != nil {
		return err
	}
	_, err = a.db.ExecContext(ctx, `INSERT INTO users (id, name, hash) VALUES ($1, $2, $3)`, rand.Text(), name, hash)
	return err
}

// userBy finds a user by "id" or "name". It returns errNoUser where there is none.
func (a *app) userBy(ctx context.Context, column, value string) (user, error) {
	var u user
	row := a.db.QueryRowContext(ctx, `SELECT id, name, hash FROM users WHERE `+column+` = $1`, value)
	err := row.Scan(&u.id, &u.name, &u.hash)
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoUser
	}
	return u, err
}

// session is the one that the request's cookie names.
func (a *app) session(r *http.Request) (session, bool) {
	c, err := r.Cookie("session")
	if err != nil {
		return session{}, false
	}
	s, at := session{token: c.Value}, int64(0)
	row := a.db.QueryRowContext(r.Context(), `SELECT user, at FROM sessions WHERE token = $1`, c.Value)
	err = row.Scan(&s.user, &at)
	s.at = time.Unix(at, 0)
	return s, err == nil
}

func (a *app) loginPage(w http.ResponseWriter, _ *http.Request) {
	page(w, http.StatusOK, `<form method="post"><label>Name <input name="name" autocomplete="username"></label> <label>Password <input name="password" type="password" autocomplete="current-password"></label> <button>Log in</button></form>`)
}

func (a *app) login(w http.ResponseWriter, r *http.Request) {
	u, err := a.userBy(r.Context(), "name", r.PostFormValue("name"))
	if err != nil {
		u.hash = a.nobody
	}
	if bcrypt.CompareHashAndPassword(u.hash, []byte(r.PostFormValue("password"))) != nil || err != nil {
		page(w, http.StatusUnauthorized, "Wrong name or password.")
		return
	}
	token := rand.Text()
	if _, err := a.db.ExecContext(r.Context(), `INSERT INTO sessions (token, user, at) VALUES ($1, $2, $3)`,
		token, u.id, a.now().Unix()); err != nil {
		page(w, http.StatusInternalServerError, "Try again later.")
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "session", Value: token, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	if s, ok := a.session(r); ok {
		if _, err := a.db.ExecContext(r.Context(), `DELETE FROM sessions WHERE token = $1`, s.token); err != nil {
			page(w, http.StatusInternalServerError, "Try again later.")
			return
		}
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func (a *app) orders(w http.ResponseWriter, r *http.Request) {
	s, ok := a.session(r)
	if !ok {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	u, err := a.userBy(r.Context(), "id", s.user)
	if err != nil {
		page(w, http.StatusInternalServerError, "Try again later.")
		return
	}
	page(w, http.StatusOK, "The orders of "+html.EscapeString(u.name)+`. <form method="post" action="/logout"><button>Log out</button></form>`)
}

func page(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!doctype html><html lang=en><title>Orders</title><link rel=icon href=data:,><p>%s\n", body)
}
