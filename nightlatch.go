// Package nightlatch is the engine of a second lock for sign-ins.
//
// It owns the one loop: decide what must be proven next (Policy.Decide), ask, judge (Service.Verify), decide
// again. First factor, second factor, a fresh proof and an enrollment on the way are all that loop. Single use,
// throttling, events and the level are kept here once, so that no factor and no door can forget them.
//
// It knows no factor, no database and no HTTP: factors come as Config.Factors, records go to Config.Store,
// users come from Config.Users. Package web puts pages, a JSON API and a gate for net/http on top of it.
package nightlatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/seal"
)

// Users is what an application brings: its own users, read only.
type Users interface {
	// FindUser returns the user with that id. It returns ErrNotFound when there is none; any other error
	// means that users cannot be read now.
	FindUser(ctx context.Context, id string) (User, error)
}

// User is one of the application's users.
type User struct {
	ID               string // stable, never given to another
	Name             string
	Email            string
	EmailConfirmedAt time.Time // zero: not confirmed
	// EmailBefore is a confirmed address that was there before a change that its owner may still object to, else "". A
	// code before a first enrollment goes there, and while Email is empty the notices do.
	EmailBefore string
	Groups      []string
	Admin       bool
	Disabled    bool
}

// KeyRing seals what is kept. It holds numbered keys of 32 bytes; the highest seals, all open. A KeyRing never changes and
// may be used by many goroutines at once; printing one shows no key. What an application needs of its methods:
//
//	func (r *KeyRing) Format() []byte                                      // the text that ParseKeyRing reads
//	func (r *KeyRing) Add(random io.Reader, now time.Time) (*KeyRing, error) // a ring with one new key more
//	func (r *KeyRing) Newest() uint32                                      // the highest number, that of the key that seals
//	func (r *KeyRing) SealingWith(id uint32) (*KeyRing, error)             // the same ring, of which another key seals
//
// Keep its Format apart from the store: a file of mode 0600, a secret manager. Without it nothing that was sealed can be
// read again.
type KeyRing = seal.Ring

// ParseKeyRing reads a key ring from what its Format wrote: one key a line, as its number, the day it was made and 32
// bytes in base64. Its errors name the line and show no key.
func ParseKeyRing(text []byte) (*KeyRing, error) { return seal.Parse(text) }

// ParseKeyLine is ParseKeyRing for a variable of the environment: the keys may stand one after another, with white space,
// commas or semicolons between them.
func ParseKeyLine(text string) (*KeyRing, error) { return seal.ParseLine(text) }

// NewKeyRing makes a key ring with one new key, number 1, of the day of now. random is crypto/rand.Reader; the error is
// that source's.
func NewKeyRing(random io.Reader, now time.Time) (*KeyRing, error) { return seal.NewRing(random, now) }

// Config is what a Service is made of. Users, Store, Key and Factors must be set.
type Config struct {
	Users Users
	Store Store
	Key   *KeyRing
	// ReadKey reads the key ring anew, from where Key came from. It is asked when a record needs a key that the ring in use
	// lacks, and by RenewKey. nil: the ring stays.
	ReadKey func(ctx context.Context) (*KeyRing, error)
	// Factors are the ways to prove, the strongest first: that is the order in which they are offered.
	Factors []factor.Factor
	Policy  Policy
	Limits  Limits
	// Senders deliver messages, by their kind: "email", "sms". A factor of class Elsewhere needs its own.
	Senders map[factor.Kind]Sender
	// Notices writes the mails by which owners hear of what happened; nil: nobody hears. The sender of "email"
	// delivers them, when SendNotices is called.
	Notices Notices
	// Recovery is what helps who has lost everything.
	Recovery Recovery
	// Address makes an authenticator of the address of a user, to which a code is mailed before a first enrollment. It
	// is never kept. nil, or false: there is none.
	Address func(u User) (factor.Enrolled, bool)
	// Disowned is called in the transaction in which a user's **This was not me** takes effect, so that what the
	// application did itself is held back, too; e is the event that the mail told of. nil: nothing is.
	Disowned func(ctx context.Context, user string, e Event) error
	// Issuer is what the service calls itself on an authenticator's screen. Default "Nightlatch".
	Issuer string
	// Origin is "https://example.com", what browsers are at.
	Origin string
	// Observe is told what the Service does, for metrics and traces. nil: nobody is.
	Observe Observer
	Log     *slog.Logger     // default: discards
	Now     func() time.Time // default: time.Now
	Rand    io.Reader        // default: crypto/rand
}

// Recovery is what helps a person who has lost every second factor, beside recovery codes.
type Recovery struct {
	// Email lets a person begin a hold by a mailed link, after the right password.
	Email bool
	Hold  time.Duration // how long the owner may object; default 24 hours
	// AdminEmail is where people may ask the administrators for help; "": nowhere.
	AdminEmail string
}

// Limits are times and counts. A zero value takes the default.
type Limits struct {
	SignIn     time.Duration // how long a sign-in may stay unfinished; default 15 minutes
	Enrollment time.Duration // how long an enrollment may stay unfinished; default 15 minutes
	Session    time.Duration // the most a session lives; default 720 hours
	Idle       time.Duration // the most a session rests unused; default 168 hours
	FreeTries  int           // wrong ones that are answered without delay; default 5
	FirstDelay time.Duration // the first delay, doubling; default 30 seconds
	MaxDelay   time.Duration // default 1 hour
	DayLimit   int           // wrong ones in 24 hours; default 20
	Delivery   time.Duration // how long a person waits for a message to be taken; default 10 seconds
	Messages   MessageLimits
}

func (l Limits) withDefaults() Limits {
	orDuration(&l.SignIn, 15*time.Minute)
	orDuration(&l.Enrollment, 15*time.Minute)
	orDuration(&l.Session, 720*time.Hour)
	orDuration(&l.Idle, 168*time.Hour)
	orDuration(&l.FirstDelay, 30*time.Second)
	orDuration(&l.MaxDelay, time.Hour)
	orDuration(&l.Delivery, 10*time.Second)
	l.Messages = l.Messages.withDefaults()
	if l.FreeTries <= 0 {
		l.FreeTries = 5
	}
	if l.DayLimit <= 0 {
		l.DayLimit = 20
	}
	return l
}

func orDuration(d *time.Duration, standard time.Duration) {
	if *d <= 0 {
		*d = standard
	}
}

// Service is the engine. Its methods may be called from many goroutines at once, and any number of Services,
// in any number of processes, may share one Store.
type Service struct {
	users    Users
	store    Store
	keys     *keys
	order    []factor.Kind
	factors  map[factor.Kind]factor.Factor
	policy   Policy
	limits   Limits
	senders  map[factor.Kind]Sender
	notices  Notices
	recover  Recovery
	address  func(u User) (factor.Enrolled, bool)
	disown   func(ctx context.Context, user string, e Event) error
	noticed  chan struct{} // something is due
	issuer   string
	origin   string
	log      *slog.Logger
	observer Observer
	now      func() time.Time
	rand     io.Reader

	sessions sessionCache
	touching chan struct{} // bounds how many last-use notes are written at once
	pending  sync.WaitGroup
}

// New makes a Service. It returns an error that names what is missing or doubled.
func New(c Config) (*Service, error) {
	switch {
	case c.Users == nil:
		return nil, errors.New("nightlatch: Config.Users is not set")
	case c.Store == nil:
		return nil, errors.New("nightlatch: Config.Store is not set")
	case c.Key == nil:
		return nil, errors.New("nightlatch: Config.Key is not set")
	case len(c.Factors) == 0:
		return nil, errors.New("nightlatch: Config.Factors is empty")
	}
	s := &Service{
		users: c.Users, keys: newKeys(c), policy: c.Policy, limits: c.Limits.withDefaults(), senders: c.Senders, notices: c.Notices,
		recover: c.Recovery, address: c.Address, disown: c.Disowned, noticed: make(chan struct{}, 1),
		factors: map[factor.Kind]factor.Factor{}, issuer: c.Issuer, origin: c.Origin,
		log: c.Log, observer: c.Observe, now: c.Now, rand: c.Rand, touching: make(chan struct{}, 4),
	}
	s.store = keyedStore{c.Store, s}
	if s.observer != nil {
		s.store = observedStore{s.store, s}
	}
	orDuration(&s.recover.Hold, 24*time.Hour)
	if s.issuer == "" {
		s.issuer = "Nightlatch"
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	for i, f := range c.Factors {
		if f == nil {
			return nil, fmt.Errorf("nightlatch: Config.Factors[%d] is not set", i)
		}
		k := f.Info().Kind
		if _, doubled := s.factors[k]; doubled || k == "" {
			return nil, fmt.Errorf("nightlatch: Config.Factors: kind %q is empty or doubled", k)
		}
		s.factors[k] = f
		s.order = append(s.order, k)
	}
	if err := s.policy.complete(s.order, s.factors); err != nil {
		return nil, err
	}
	return s, nil
}

// Close waits until what runs in the background is written. The Store stays open.
func (s *Service) Close() { s.pending.Wait() }

// Policy returns the policy that the Service decides by.
func (s *Service) Policy() Policy { return s.policy }

// Factor returns the facts about a kind, and whether the Service has it.
func (s *Service) Factor(kind factor.Kind) (factor.Info, bool) {
	f, ok := s.factors[kind]
	if !ok {
		return factor.Info{}, false
	}
	return f.Info(), true
}

// FindUser returns the application's user. Errors: ErrNotFound, ErrUnavailable.
func (s *Service) FindUser(ctx context.Context, id string) (User, error) {
	u, err := s.users.FindUser(ctx, id)
	return u, s.outer(err)
}

// time is now as the store keeps it.
func (s *Service) time() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// Expire removes what has expired, in steps of at most limit records of each type, until nothing is left or ctx
// ends. Call it now and then. It returns how many records went. Errors: ErrUnavailable.
func (s *Service) Expire(ctx context.Context, limit int) (int, error) {
	total := 0
	for {
		var n int
		err := s.store.Tx(ctx, func(ctx context.Context, tx Tx) (err error) {
			n, err = tx.Expire(ctx, s.time(), limit)
			return err
		})
		total += n
		if err != nil || n == 0 {
			return total, s.outer(err)
		}
	}
}

// Now is the time as the Service sees it.
func (s *Service) Now() time.Time { return s.time() }
