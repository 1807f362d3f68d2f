// Package server is the stand-alone server: its accounts, the factors that it brings, and the handler that serves
// all of it. It uses of the engine and of web only what any application could.
package server

import (
	"context"
	"crypto/rand"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/deliver/outbox"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/factor/webauthn"
	"github.com/nightlatch/nightlatch/server/forward"
	"github.com/nightlatch/nightlatch/server/metrics"
	"github.com/nightlatch/nightlatch/server/settings"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"
)

//go:embed schema
var schema embed.FS

// Config is what a Server is made of. Settings, Store and Key must be set.
type Config struct {
	Settings *settings.Settings
	Store    *sqlstore.Store
	Key      *nightlatch.KeyRing
	Log      *slog.Logger     // default: discards
	Now      func() time.Time // default: time.Now
	Rand     io.Reader        // default: crypto/rand
	Cost     password.Cost    // of a password's hash; default password.DefaultCost
	// Tool: this is a command beside the server, maybe with other settings. It takes in accounts that settings
	// define, and disables none that they do not.
	Tool bool
	// Look: the database is left as it is, which is up to date. Nothing is taken in.
	Look bool
	// Hashes is called before each slow hash, from many goroutines at once; nil: nobody is.
	Hashes func()
	// IDKey is as password.Options has it.
	IDKey password.IDKey
	// Tracer traces what the server does; nil: nobody does.
	Tracer Tracer
}

// Server is the stand-alone server.
type Server struct {
	Accounts *Accounts
	Service  *nightlatch.Service

	settings *settings.Settings
	store    *sqlstore.Store
	log      *slog.Logger
	now      func() time.Time
	rand     io.Reader
	cost     password.Cost
	password *password.Factor
	recovery *recovery.Factor
	keys     *webauthn.Factor // nil: keys and passkeys are off
	hashes   func()           // may be nil
	idKey    password.IDKey   // may be nil
	mails    *sentcode.Factor // nil: no codes by e-mail
	texts    *sentcode.Factor // nil: no codes by SMS
	outbox   *outbox.Outbox   // nil: messages are sent
	signer   *forward.Signer
	metrics  *metrics.Metrics // nil: metrics_listen is empty
	tracer   Tracer           // may be nil
	rules    forward.Rules
	lookedAt string // how far forgetForeign has come; Maintain's alone
	sentAway uint64 // how many hashes had been refused when that was looked at; Maintain's alone
	node     node   // Maintain's alone
	lost     lost
	schema   int // how many migrations the database had when it was brought up to date
}

// New brings the database up to date, checks that the key is the one that it was sealed with, takes in the accounts
// that settings define, and returns a Server. The error says which of these cannot be done, and why.
func New(ctx context.Context, c Config) (*Server, error) {
	s := &Server{
		settings: c.Settings, store: c.Store, log: c.Log, now: c.Now, rand: c.Rand, cost: c.Cost, tracer: c.Tracer, hashes: c.Hashes, idKey: c.IDKey,
		Accounts: &Accounts{store: c.Store},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.Accounts.now = s.now
	if s.rand == nil {
		s.rand = rand.Reader
	}
	if s.cost == (password.Cost{}) {
		s.cost = password.DefaultCost()
	}
	var err error
	if s.rules, err = forward.NewRules(c.Settings.File, c.Settings.Rules); err != nil {
		return nil, err
	}
	if !c.Look {
		if err := Migrate(ctx, c.Store, s.now()); err != nil {
			return nil, fmt.Errorf("database: %w", err)
		}
	}
	key, err := s.firstKey(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	s.signer = newSigner(c.Settings.PublicURL, key)
	if s.schema, err = migrations(ctx, c.Store); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	factors := s.factors(c.Settings)
	if c.Settings.MetricsListen != "" && !c.Tool && !c.Look {
		s.metrics = s.newMetrics()
	}
	senders, err := s.senders(c.Settings)
	if err != nil {
		return nil, err
	}
	s.Service, err = nightlatch.New(nightlatch.Config{
		Users: s.Accounts, Store: c.Store, Key: key, ReadKey: s.readKeyAnew, Factors: factors, Policy: policy(c.Settings, factors),
		Limits: limits(c.Settings), Issuer: c.Settings.TOTP.Issuer, Origin: c.Settings.PublicURL,
		Recovery: nightlatch.Recovery{
			Email: c.Settings.Recovery.Email, Hold: c.Settings.Recovery.Hold, AdminEmail: c.Settings.Recovery.AdminEmail,
		},
		Address: s.address, Senders: senders, Notices: s.noticeWriter(), Disowned: s.disowned,
		Observe: s.observer(), Log: s.log, Now: s.now, Rand: s.rand,
	})
	if err != nil {
		return nil, err
	}
	if c.Look {
		return s, nil
	}
	kept, err := s.defineAccounts(ctx, c.Settings.Accounts)
	if err == nil && !c.Tool {
		err = s.disableUndefined(ctx, kept)
	}
	if err != nil {
		return nil, fmt.Errorf("accounts of the settings: %w", err)
	}
	if !c.Tool {
		s.warn(ctx)
	}
	return s, nil
}

// warn says at start what an operator should know, and what stops nobody.
func (s *Server) warn(ctx context.Context) {
	if why := keyFileOpen(s.settings); why != "" {
		s.log.Warn(why)
	}
	shut, err := s.adminsShutOut(ctx)
	if err != nil {
		s.log.Warn("who administers was not read", "error", err)
	}
	if shut {
		s.log.Warn(adminsShutOut)
	}
}

// Migrate brings a database up to date: the engine's tables and the server's.
func Migrate(ctx context.Context, store *sqlstore.Store, now time.Time) error {
	own, err := ownMigrations(store)
	if err != nil {
		return err
	}
	return store.Migrate(ctx, now, own)
}

func ownMigrations(store *sqlstore.Store) (sqlstore.Migrations, error) {
	files, err := fs.Sub(schema, "schema/"+store.Dialect().String())
	return sqlstore.Migrations{Name: "server", Files: files}, err
}

// migrations counts what the database was brought up to date with.
func migrations(ctx context.Context, store *sqlstore.Store) (n int, err error) {
	err = store.Read(ctx, func(q sqlstore.Querier) error {
		return q.QueryRowContext(ctx, `SELECT count(*) FROM nightlatch_migrations`).Scan(&n)
	})
	return n, err
}

func limits(set *settings.Settings) nightlatch.Limits {
	return nightlatch.Limits{
		Session: set.Session.Lifetime, Idle: set.Session.Idle, FreeTries: set.Throttle.FreeTries,
		FirstDelay: set.Throttle.FirstDelay, MaxDelay: set.Throttle.MaxDelay, DayLimit: set.Throttle.DayLimit,
		Messages: nightlatch.MessageLimits{PerDestination: set.SentCode.PerDestinationPerHour},
	}
}

// Handler serves the pages, the API and the health checks. It returns an error when pages cannot be made.
func (s *Server) Handler() (http.Handler, error) {
	var decider *forward.Decider // whose sessions are the gate's
	gate, err := web.New(s.Service, web.Options{
		PublicURL: s.settings.PublicURL, Prefix: s.prefix(), Accounts: signUps{s}, Profiles: profiles{s}, MinPassword: s.settings.Password.MinLength,
		TrustedProxies: s.settings.TrustedProxies, Service: s.settings.TOTP.Issuer, Demo: s.settings.Demo,
		CookieDomain: s.settings.CookieDomain, Elsewhere: elsewhere(s.settings.Rules),
		OpenAPI: openAPIAt(s.prefix()), Log: s.log, Overlay: ownPages, ReadBack: s.readBack, Signals: s.signals,
		Administration: administration{s},
		Needs:          func(r *http.Request, to string) web.Need { return s.needs(decider, r, to) },
	})
	if err != nil {
		return nil, err
	}
	decider = s.decider(gate)
	mux, at := http.NewServeMux(), s.prefix()
	add := func(path string, h http.Handler) { mux.Handle(at+path, onlyGet(h)) }
	add("/healthz", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { health(w, nil) }))
	add("/readyz", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { health(w, s.ready(r.Context())) }))
	add("/.well-known/webauthn", http.HandlerFunc(s.relatedOrigins))
	add("/.well-known/jwks.json", http.HandlerFunc(s.keySet))
	add("/forward-auth", decider)
	if at == "" { // else these addresses are the application's
		add("/.well-known/change-password", http.HandlerFunc(s.changePassword))
		add("/.well-known/passkey-endpoints", http.HandlerFunc(s.passkeyEndpoints))
	}
	if s.settings.Demo && s.outbox != nil {
		add("/demo/outbox", s.demoOutbox(gate))
	}
	mux.Handle(at+"/", s.lastResort(gate.Handler()))
	if at == "" {
		return s.observed(notKept(mux)), nil
	}
	protector, err := s.protect(gate, decider, notKept(mux))
	if err != nil {
		return nil, err
	}
	return s.observed(protector), nil
}

// expireEvery is how often what has expired is removed, and expireStep how many records of a type at once, so that
// no sign-in waits long. noticeEvery is how often notices that are due are looked for.
const (
	expireEvery = time.Minute
	expireStep  = 200
	noticeEvery = 2 * time.Second
	// busyEvery is how often it is said that hashes were refused.
	busyEvery = 15 * time.Second
)

// Maintain removes what has expired, now and then, sends the notices that are due, and looks for new keys, until ctx ends.
// A provider that hangs holds up notices alone.
func (s *Server) Maintain(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { s.every(ctx, expireEvery, nil, s.expire) })
	all.Go(func() { s.every(ctx, noticeEvery, s.Service.NoticesDue(), s.sendNotices) })
	all.Go(func() { s.every(ctx, busyEvery, nil, s.sayBusy) })
	all.Go(func() { s.every(ctx, lostEvery, nil, s.lookForLost) })
	all.Go(func() {
		s.every(ctx, keyLookEvery, nil, s.keepKeys)
		s.leave(ctx)
	})
	all.Wait()
}

// every does something at once, at every tick, and whenever it is called for, until ctx ends.
func (s *Server) every(ctx context.Context, d time.Duration, called <-chan struct{}, do func(ctx context.Context)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for ctx.Err() == nil {
		do(ctx)
		select {
		case <-ctx.Done():
		case <-called:
		case <-tick.C:
		}
	}
}

func (s *Server) sendNotices(ctx context.Context) {
	if _, err := s.Service.SendNotices(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("notices were not sent", "error", err)
	}
}

func (s *Server) expire(ctx context.Context) {
	if err := s.forgetForeign(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("it was not looked which password hashes of other programs are left", "error", err)
	}
	if _, err := s.Service.Expire(ctx, expireStep); err != nil && ctx.Err() == nil {
		s.log.Warn("what has expired was not removed", "error", err)
	}
	if err := s.store.Tidy(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("the log of the database was not cut off", "error", err)
	}
}

// Close waits for what runs in the background. The store stays open.
func (s *Server) Close() {
	s.Service.Close()
	if s.outbox != nil {
		if err := s.outbox.Close(); err != nil {
			s.log.Warn("the outbox was not closed", "error", err)
		}
	}
}

// call is what a factor is told when the server asks it by itself.
func (s *Server) call(u nightlatch.User) factor.Call {
	return factor.Call{
		User:    factor.User{ID: u.ID, Name: u.Name, Email: u.Email},
		Purpose: factor.ForEnrollment, Origin: s.settings.PublicURL, Issuer: s.settings.TOTP.Issuer, Now: s.now(), Rand: s.rand,
	}
}

var errDefined = web.ErrDefined
