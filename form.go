package nightlatch

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

const (
	// forForm marks the pending records that hold a form. No factor ever sees one.
	forForm factor.Purpose = "form"
	// formLife is how long a form waits for a fresh proof.
	formLife = 15 * time.Minute
	// maxForm is the most that is kept of a form, in bytes; maxForms is how many are kept of a session.
	maxForm  = 8 << 10
	maxForms = 8
)

// KeepForm keeps what was entered on a page until a fresh proof is there, at most 15 minutes: sealed, for that session and
// that page alone. What is kept for the page already is replaced. A form that is too large is not kept.
// Errors: ErrForbidden (it is larger than 8 KiB), ErrUnauthenticated, ErrUnavailable.
func (s *Service) KeepForm(ctx context.Context, tok, page string, data []byte) error {
	if len(data) > maxForm {
		return ErrForbidden
	}
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		ses, err := s.findSession(ctx, tx, tok, tx.now)
		if err != nil {
			return err
		}
		if _, err := tx.standing(ctx, ses.User); err != nil {
			return err
		}
		p, err := tx.FindPending(ctx, formID(ses.ID, page))
		if errors.Is(err, ErrNotFound) {
			p, err = PendingRecord{ID: formID(ses.ID, page), Owner: ses.ID, User: ses.User, Purpose: forForm}, nil
			if err == nil {
				err = tx.dropForms(ctx, ses.ID)
			}
		}
		if err != nil {
			return err
		}
		p.CreatedAt, p.ExpiresAt = tx.now, tx.now.Add(formLife)
		return s.putPending(ctx, tx, &p, pendingData{State: data})
	})
}

// dropForms makes room for one more.
func (c *change) dropForms(ctx context.Context, session string) error {
	pendings, err := c.PendingsOf(ctx, session)
	if err != nil {
		return err
	}
	kept := 0
	for _, p := range pendings {
		if p.Purpose != forForm {
			continue
		}
		if kept++; kept < maxForms {
			continue
		}
		if err := c.Delete(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// KeptForm returns what KeepForm kept for a page, or nil, and changes nothing. Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) KeptForm(ctx context.Context, tok, page string) (data []byte, err error) {
	now := s.time()
	err = s.store.View(ctx, func(r Reader) error {
		ses, err := s.findSession(ctx, r, tok, now)
		if err != nil {
			return err
		}
		p, err := r.FindPending(ctx, formID(ses.ID, page))
		if errors.Is(err, ErrNotFound) || err == nil && (p.Purpose != forForm || !p.ExpiresAt.After(now)) {
			return nil
		}
		if err != nil {
			return err
		}
		var d pendingData
		if err := s.open(p.Sealed, pendingPlace(&p), &d); err != nil {
			return err
		}
		data = d.State
		return nil
	})
	return data, s.outer(err)
}

// formID is where a form of a session is kept: one a page.
func formID(session, page string) string {
	sum := sha256.Sum256([]byte(session + " " + page))
	return "form:" + base64.RawURLEncoding.EncodeToString(sum[:])
}
