package nightlatch

import (
	"errors"
	"fmt"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// What the Service answers besides ErrNotFound, ErrConflict and *factor.Refused.
var (
	// ErrWrongCredentials: unknown, wrong or disabled; nobody is told which.
	ErrWrongCredentials = errors.New("wrong name or password")
	// ErrUnauthenticated: there is no such sign-in or session, or it is over.
	ErrUnauthenticated = errors.New("no sign-in or session")
	// ErrForbidden: not from where this stands.
	ErrForbidden = errors.New("forbidden")
	// ErrEnrollmentNeeded: this needs a second factor, and none is enrolled.
	ErrEnrollmentNeeded = errors.New("enrollment needed")
	// ErrDeliveryFailed: a message was not taken, or nobody can tell. What was kept for it stays good.
	ErrDeliveryFailed = errors.New("delivery failed")
	// ErrUnavailable: the store, the users or a factor cannot answer now. Nobody was let in and no try is lost.
	ErrUnavailable = errors.New("unavailable")
)

// ThrottledError: too many wrong ones; nothing was judged.
type ThrottledError struct {
	// RetryAfter is how long to wait, at least a second. An authenticator that rests until its owner proves
	// another kind says 24 hours.
	RetryAfter time.Duration
	// Offers are the kinds that are still open, after a right first factor.
	Offers []Offer
}

// Error says how long to wait.
func (e *ThrottledError) Error() string { return fmt.Sprintf("throttled for %v", e.RetryAfter) }

// FreshProofError: this needs a fresh proof, by one of the offers.
type FreshProofError struct{ Offers []Offer }

// Error says that a proof is needed.
func (e *FreshProofError) Error() string { return "fresh proof needed" }

// InvalidError: a field cannot be used. Problem is "taken", "too_short", "too_long", "too_common", "invalid" or "missing".
type InvalidError struct{ Field, Problem string }

// Error names the field.
func (e *InvalidError) Error() string { return e.Field + ": " + e.Problem }

// Is makes a taken value an ErrConflict.
func (e *InvalidError) Is(target error) bool { return target == ErrConflict && e.Problem == "taken" }

// outer maps an error to what the Service may answer: what it does not know is ErrUnavailable, with its cause.
func (s *Service) outer(err error) error {
	var (
		throttled *ThrottledError
		fresh     *FreshProofError
		invalid   *InvalidError
		refused   *factor.Refused
	)
	switch {
	case err == nil, errors.Is(err, ErrUnavailable),
		errors.Is(err, ErrNotFound), errors.Is(err, ErrConflict), errors.Is(err, ErrWrongCredentials),
		errors.Is(err, ErrUnauthenticated), errors.Is(err, ErrForbidden), errors.Is(err, ErrEnrollmentNeeded), errors.Is(err, ErrDeliveryFailed),
		errors.As(err, &throttled), errors.As(err, &fresh), errors.As(err, &invalid):
		return err
	case errors.As(err, &refused):
		if refused.Field != "" {
			return &InvalidError{Field: refused.Field, Problem: refused.Problem}
		}
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
