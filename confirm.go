package nightlatch

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/token"
)

// A confirmation is a sign-in that never becomes a session: the same challenges, throttles and single use, and at its
// end a token with which the application may do one thing, once.

// confirmationLife is how long what was confirmed may wait to be done.
const confirmationLife = 5 * time.Minute

// maxWhat is the longest text of a Confirmation, in bytes.
const maxWhat = 500

// Confirmation is one thing that one user is asked to confirm with a second factor, whatever was proven before.
type Confirmation struct {
	User string
	// What is the thing in words: it is shown to the user, kept in the trail, and bound to the proof. It must say all
	// that counts: "Pay 100.00 EUR to ACME, order 4711". 1 to 500 bytes of text in one line.
	What string
	// Binding is the application's own session that the confirmation holds for, hashed; "" for any.
	Binding string
}

// BeginConfirmation begins a confirmation by a user whom the caller has signed in. What it returns goes on as a
// sign-in does: SignIn, Challenge, Verify with its Token, and GiveUp. The Token that comes with StepDone is for
// UseConfirmation and opens nothing else. Of start, Client, To and Token count.
//
// Errors: *InvalidError (field "what"), ErrEnrollmentNeeded (the user holds no second factor), ErrNotFound,
// ErrForbidden (a disabled user), ErrUnavailable.
func (s *Service) BeginConfirmation(ctx context.Context, c Confirmation, start Start) (Next, error) {
	if c.What == "" || len(c.What) > maxWhat || !utf8.ValidString(c.What) || strings.ContainsFunc(c.What, notShown) {
		return Next{}, &InvalidError{Field: "what", Problem: "invalid"}
	}
	u, err := s.users.FindUser(ctx, c.User)
	if err != nil {
		return Next{}, s.outer(err)
	}
	if u.Disabled {
		return Next{}, ErrForbidden
	}
	start = Start{Client: start.Client, To: start.To, Token: start.Token, Binding: c.Binding}
	var next Next
	err = s.tx(ctx, func(ctx context.Context, tx *change) (err error) {
		next, err = s.beginConfirmation(ctx, tx, u, c.What, start)
		return err
	})
	if err != nil {
		return Next{}, err
	}
	return next, nil
}

// notShown: what a page would not show as it is, or show in another order. Joiners are letters to some languages.
func notShown(r rune) bool {
	return r != '\u200c' && r != '\u200d' && unicode.In(r, unicode.C, unicode.Zl, unicode.Zp)
}

func (s *Service) beginConfirmation(ctx context.Context, tx *change, u User, what string, start Start) (Next, error) {
	st, err := tx.standing(ctx, u.ID)
	if err != nil {
		return Next{}, err
	}
	h := &holder{user: u, standing: st}
	if err := s.loadHeld(ctx, tx, h, tx.now); err != nil {
		return Next{}, err
	}
	if !s.policy.second(h.held) {
		return Next{}, ErrEnrollmentNeeded
	}
	// The application says who it is: that stands for the first factor. It counts only beside a second one.
	vouched := factor.Proof{Kind: "application", Classes: []factor.Class{factor.Knowledge}, At: tx.now}
	h.in = &signIn{
		record: SignInRecord{
			ID: token.NewID(s.rand), User: u.ID, CreatedAt: tx.now, ExpiresAt: tx.now.Add(s.limits.SignIn),
		},
		signInData: signInData{Proofs: []factor.Proof{vouched}, Start: start, Changes: st.Changes, Confirms: what},
	}
	event := Event{Name: EventConfirmationAsked, Client: start.Client, Detail: map[string]string{"what": what}}
	if err := tx.event(ctx, u.ID, event); err != nil {
		return Next{}, err
	}
	return s.advance(ctx, tx, h, start.Client)
}

// confirms is what a holder is to confirm, or "".
func (h *holder) confirms() string {
	if h.in == nil {
		return ""
	}
	return h.in.Confirms
}

// confirming makes of what Decide says of a sign-in what comes next in a confirmation: a second factor, and nothing else
// that a proof may lead to.
func confirming(d Decision, proofs []factor.Proof) Decision {
	if LevelOf(proofs) >= Level2 {
		return Decision{Step: StepDone}
	}
	offers := slices.DeleteFunc(slices.Clone(d.Offers), func(h factor.Held) bool { return h.Allows != factor.AllowsAll })
	return Decision{Step: StepVerify, Offers: offers}
}

// confirmed makes the token for UseConfirmation.
func (s *Service) confirmed(ctx context.Context, tx *change, h *holder, d Decision, c Client) (Next, error) {
	next := s.next(h, d)
	tok, hash := token.New(s.rand, token.SignIn)
	h.in.ConfirmedAt = tx.now
	h.in.record.Token, h.in.record.ExpiresAt = hash, tx.now.Add(confirmationLife)
	next.Token, next.ExpiresAt = tok, h.in.record.ExpiresAt
	var err error
	if h.in.record.Data, err = json.Marshal(h.in.signInData); err != nil {
		return Next{}, err
	}
	if err := tx.Put(ctx, h.in.record); err != nil {
		return Next{}, err
	}
	return next, tx.event(ctx, h.user.ID, Event{Name: EventConfirmed, Client: c, Detail: map[string]string{"what": h.in.Confirms}})
}

// UseConfirmation returns nil once for a confirmation that was made with a second factor at most 5 minutes ago, by that
// user, of that very text, in that session of the application's. Within Change it is used only if all else that Change
// writes is written, too.
//
// Errors: ErrUnauthenticated (there is none such, it is used, over or another's, or the account was changed meanwhile:
// begin another), ErrUnavailable.
func (s *Service) UseConfirmation(ctx context.Context, tok string, c Confirmation, client Client) error {
	hash, ok := token.Hash(token.SignIn, tok)
	if !ok || c.What == "" {
		return ErrUnauthenticated
	}
	u, err := s.users.FindUser(ctx, c.User)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && u.Disabled:
		return ErrUnauthenticated
	case err != nil:
		return s.outer(err)
	}
	err = s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, c.User) // locks the user
		if err != nil {
			return err
		}
		record, err := tx.FindSignIn(ctx, hash)
		if err != nil {
			return err
		}
		var d signInData
		if err := json.Unmarshal(record.Data, &d); err != nil {
			return err
		}
		if record.User != c.User || d.Confirms != c.What || d.Start.Binding != c.Binding || d.ConfirmedAt.IsZero() ||
			d.Changes != st.Changes || !record.ExpiresAt.After(tx.now) {
			return ErrUnauthenticated
		}
		if err := tx.Delete(ctx, record); err != nil {
			return err
		}
		return tx.event(ctx, c.User, Event{Name: EventConfirmationUsed, Client: client, Detail: map[string]string{"what": c.What}})
	})
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) { // another was faster
		return ErrUnauthenticated
	}
	return err
}
