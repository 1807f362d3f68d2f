package nightlatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/seal"
)

// standing is the engine's record of a user, sealed. It is made at first sight.
type standing struct {
	Handle        []byte    `json:"handle"`           // 64 random bytes, the WebAuthn user handle
	Events        int64     `json:"events,omitempty"` // how long the trail is
	Head          []byte    `json:"head,omitempty"`   // the MAC of its last event
	Changes       int64     `json:"changes,omitempty"`
	Removed       bool      `json:"removed,omitempty"` // only the trail is left
	AfterReset    bool      `json:"after_reset,omitempty"`
	RequiredSince time.Time `json:"required_since,omitzero"`
	WouldStopAt   time.Time `json:"would_stop_at,omitzero"` // when EventWouldStop was written last

	// PasswordMailedTo is the mailbox that a link to set the password went to, as destinationSubject has it; "" once
	// the password was changed in another way. A code mailed there proves nothing more.
	PasswordMailedTo string      `json:"password_mailed_to,omitempty"`
	PasswordResetAt  time.Time   `json:"password_reset_at,omitzero"`
	AddressChangedAt time.Time   `json:"address_changed_at,omitzero"`
	Hold             *hold       `json:"hold,omitempty"`       // a recovery by mail that waits
	HelpAsked        []time.Time `json:"help_asked,omitempty"` // of the administrators, within a day
	Browsers         []browser   `json:"browsers,omitempty"`   // that finished a sign-in, the last seen first
	RestoredAt       time.Time   `json:"restored_at,omitzero"` // when the store was read from a backup last
	Unread           []int64     `json:"unread,omitempty"`     // events to be read on the account page, where there is no address
	Lang             string      `json:"lang,omitempty"`       // BCP 47, of the known browser that finished a sign-in last

	record UserRecord
}

func (st standing) view(u User) Standing {
	return Standing{Admin: u.Admin, AfterReset: st.AfterReset, RequiredSince: st.RequiredSince}
}

func standingPlace(user string) seal.Place {
	return seal.Place{Table: "users", Column: "sealed", ID: user, User: user}
}

// findStanding reads the record of a user; a user who was never seen has an empty one.
func (s *Service) findStanding(ctx context.Context, r Reader, user string) (standing, error) {
	st := standing{record: UserRecord{User: user}}
	record, err := r.FindUser(ctx, user)
	if errors.Is(err, ErrNotFound) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	if err := s.open(record.Sealed, standingPlace(user), &st); err != nil {
		return st, err
	}
	st.record = record
	return st, nil
}

func (s *Service) putStanding(ctx context.Context, tx Tx, st *standing) error {
	if err := s.completeHandle(st); err != nil {
		return err
	}
	sealed, err := s.seal(st, standingPlace(st.record.User))
	if err != nil {
		return err
	}
	st.record.Sealed = sealed
	if err := tx.Put(ctx, st.record); err != nil {
		return err
	}
	st.record.Revision++
	return nil
}

func (s *Service) completeHandle(st *standing) error {
	if len(st.Handle) > 0 || st.Removed {
		return nil
	}
	st.Handle = make([]byte, 64)
	_, err := io.ReadFull(s.rand, st.Handle)
	return err
}

// envelope is what is sealed of an authenticator.
type envelope struct {
	State factor.State `json:"state"`
	Hint  string       `json:"hint,omitempty"`
	To    string       `json:"to,omitempty"`
	Left  int          `json:"left,omitempty"`
	Model string       `json:"model,omitempty"`
}

func envelopeOf(e factor.Enrolled) envelope {
	return envelope{State: e.State, Hint: e.Hint, To: e.To, Left: e.Left, Model: e.Model}
}

func authenticatorPlace(r AuthenticatorRecord) seal.Place {
	return seal.Place{Table: "authenticators", Column: "sealed", ID: r.ID, User: r.User}
}

func (s *Service) openAuthenticator(r AuthenticatorRecord) (factor.Held, error) {
	var e envelope
	if err := s.open(r.Sealed, authenticatorPlace(r), &e); err != nil {
		return factor.Held{}, err
	}
	return factor.Held{
		ID: r.ID, Kind: r.Kind, Label: r.Label, Hint: e.Hint, To: e.To, Model: e.Model, Left: e.Left, State: e.State, Preferred: r.Preferred,
		CreatedAt: r.CreatedAt, LastUsedAt: r.LastUsedAt, ExpiresAt: r.ExpiresAt, Allows: r.Allows,
	}, nil
}

func (s *Service) sealAuthenticator(r *AuthenticatorRecord, e envelope) (err error) {
	r.Sealed, err = s.seal(e, authenticatorPlace(*r))
	return err
}

func (s *Service) seal(value any, place seal.Place) ([]byte, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return s.Key().Seal(s.rand, plain, place)
}

func (s *Service) open(box []byte, place seal.Place, value any) error {
	plain, err := s.Key().Open(box, place)
	if err != nil {
		return fmt.Errorf("%s.%s: %w", place.Table, place.Column, err)
	}
	if err := json.Unmarshal(plain, value); err != nil {
		return fmt.Errorf("%s.%s: %w", place.Table, place.Column, err)
	}
	return nil
}
