package nightlatch

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/token"
)

// A session's last use is written once a minute at most; more often only where a session may rest for less than
// touchesOfIdle minutes, so that who goes on working is not idle.
const (
	touchEvery    = time.Minute
	touchesOfIdle = 4
)

// Session is a finished sign-in.
type Session struct {
	ID         string
	User       string
	Level      Level
	Proofs     []factor.Proof
	Client     Client // where it was begun
	Stay       bool   // the user asked to stay signed in when the browser closes
	Binding    string // the application's own session that it holds for, hashed; "" with the server's own
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time // when it ends if it is not used; at the latest Limits.Session after CreatedAt

	record SessionRecord
	user   *User // as SessionAndUser found it, or nil
	// addressAt is when a code mailed to the user's address was proven, before a first enrollment.
	addressAt time.Time
	// spentAt is when a change was made, with Policy.ProofPerChange: proofs until then count for no other one.
	spentAt time.Time
	// touchAt is when a use is to be noted again, and the session no longer taken from the cache.
	touchAt time.Time
}

// sessionData is what is kept of a session beside its columns.
type sessionData struct {
	Proofs  []factor.Proof `json:"proofs"`
	Client  Client         `json:"client"`
	Stay    bool           `json:"stay,omitempty"`
	Binding string         `json:"binding,omitempty"`
	Address time.Time      `json:"address,omitzero"` // Session.addressAt
	Spent   time.Time      `json:"spent,omitzero"`   // Session.spentAt
}

func (s *Service) readSession(r SessionRecord) (Session, error) {
	var d sessionData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return Session{}, err
	}
	ses := Session{
		ID: r.ID, User: r.User, Level: LevelOf(d.Proofs), Proofs: d.Proofs, Client: d.Client, Stay: d.Stay, Binding: d.Binding,
		CreatedAt: r.CreatedAt, LastUsedAt: r.LastUsedAt, ExpiresAt: r.ExpiresAt, record: r, addressAt: d.Address, spentAt: d.Spent,
		touchAt: r.LastUsedAt.Add(min(touchEvery, s.limits.Idle/touchesOfIdle)),
	}
	if idle := r.LastUsedAt.Add(s.limits.Idle); idle.Before(ses.ExpiresAt) {
		ses.ExpiresAt = idle
	}
	return ses, nil
}

// findSession returns the live session of a token, or ErrUnauthenticated.
func (s *Service) findSession(ctx context.Context, r Reader, tok string, now time.Time) (Session, error) {
	hash, ok := token.Hash(token.Session, tok)
	if !ok {
		return Session{}, ErrUnauthenticated
	}
	return s.findSessionHash(ctx, r, hash, now)
}

func (s *Service) findSessionHash(ctx context.Context, r Reader, hash string, now time.Time) (Session, error) {
	record, err := r.FindSession(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrUnauthenticated
	}
	if err != nil {
		return Session{}, err
	}
	ses, err := s.readSession(record)
	if err == nil && !ses.ExpiresAt.After(now) {
		return Session{}, ErrUnauthenticated
	}
	return ses, err
}

// Session returns the session of a token and notes its use, in the background and at most once a minute; with a
// Limits.Idle under four minutes, four times in that.
// Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) Session(ctx context.Context, tok string) (Session, error) {
	hash, ok := token.Hash(token.Session, tok)
	if !ok {
		return Session{}, ErrUnauthenticated
	}
	ses, err := s.sessionOf(ctx, hash, s.time())
	if err != nil {
		return Session{}, err
	}
	return *ses, nil
}

// sessionOf is Session for the hash of a token. What it returns is shared with the cache and is not changed.
func (s *Service) sessionOf(ctx context.Context, hash string, now time.Time) (*Session, error) {
	if ses := s.sessions.find(ctx, s.store, hash, now); ses != nil {
		if !ses.ExpiresAt.After(now) {
			return nil, ErrUnauthenticated
		}
		return ses, nil
	}
	var ses Session
	ticket := s.sessions.ticket()
	err := s.store.View(ctx, func(r Reader) (err error) {
		ses, err = s.findSessionHash(ctx, r, hash, now)
		return err
	})
	if err != nil {
		return nil, s.outer(err)
	}
	if !now.Before(ses.touchAt) {
		s.touch(ses, now)
	} else {
		s.sessions.keep(ticket, hash, &ses)
	}
	return &ses, nil
}

// touch notes the last use without making the request wait; where too many wait already it is left to the next request.
func (s *Service) touch(ses Session, now time.Time) {
	select {
	case s.touching <- struct{}{}:
	default:
		return
	}
	s.pending.Go(func() {
		defer func() { <-s.touching }()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		r := ses.record
		r.LastUsedAt = now
		err := s.store.Tx(ctx, func(ctx context.Context, tx Tx) error { return tx.Put(ctx, r) })
		if err != nil && !errors.Is(err, ErrConflict) {
			s.log.Warn("the last use of a session was not written", "error", err)
		}
	})
}

// SessionsOf returns the live sessions of a user, the last used first. Errors: ErrUnavailable.
func (s *Service) SessionsOf(ctx context.Context, user string) ([]Session, error) {
	now := s.time()
	var list []Session
	err := s.store.View(ctx, func(r Reader) error {
		records, err := r.SessionsOf(ctx, user)
		if err != nil {
			return err
		}
		list = list[:0]
		for _, rec := range records {
			ses, err := s.readSession(rec)
			if err != nil {
				return err
			}
			if ses.ExpiresAt.After(now) {
				list = append(list, ses)
			}
		}
		return nil
	})
	return list, s.outer(err)
}

// SignOut ends the session of a token. Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) SignOut(ctx context.Context, tok string, c Client) error {
	return s.endSession(ctx, tok, func(own Session) (string, Event) {
		return own.ID, Event{Name: EventSignedOut, Client: c}
	})
}

// EndReplaced ends the session of a token, whosever it is, if there is one: the browser that held it has another now. Error:
// ErrUnavailable.
func (s *Service) EndReplaced(ctx context.Context, tok string, c Client) error {
	hash, ok := token.Hash(token.Session, tok)
	if !ok {
		return nil
	}
	err := s.store.View(ctx, func(r Reader) error { // as a rule there is none
		_, err := r.FindSession(ctx, hash)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return s.outer(err)
	}
	return s.tx(ctx, func(ctx context.Context, tx *change) error { return s.endReplaced(ctx, tx, hash, c) })
}

// EndSession ends one session of the user that tok belongs to. It needs no fresh proof: it only takes away.
// Errors: ErrNotFound (also for another's), ErrUnauthenticated, ErrUnavailable.
func (s *Service) EndSession(ctx context.Context, tok, id string, c Client) error {
	return s.endSession(ctx, tok, func(Session) (string, Event) {
		return id, Event{Name: EventSessionEnded, Client: c}
	})
}

func (s *Service) endSession(ctx context.Context, tok string, which func(own Session) (string, Event)) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		own, err := s.findSession(ctx, tx, tok, tx.now)
		if err != nil {
			return err
		}
		id, event := which(own)
		records, err := tx.SessionsOf(ctx, own.User)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(records, func(r SessionRecord) bool { return r.ID == id })
		if i < 0 {
			return ErrNotFound
		}
		if err := tx.Delete(ctx, records[i]); err != nil {
			return err
		}
		tx.raise = true
		return tx.event(ctx, own.User, event)
	})
}

// EndOtherSessions ends all sessions of the user but the one of tok. Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) EndOtherSessions(ctx context.Context, tok string, c Client) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		own, err := s.findSession(ctx, tx, tok, tx.now)
		if err != nil {
			return err
		}
		if err := tx.endSessions(ctx, own.User, own.ID); err != nil {
			return err
		}
		return tx.event(ctx, own.User, Event{Name: EventSessionsEnded, Client: c})
	})
}

// SessionLife is the most that a session lives.
func (s *Service) SessionLife() time.Duration { return s.limits.Session }
