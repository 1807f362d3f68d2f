package nightlatch

import (
	"context"
	"time"
)

// Trail is how long the trail of a user is, and the MAC of its last event: what a checkpoint notes.
type Trail struct {
	User   string `json:"user"`
	Events int64  `json:"events"`
	Head   []byte `json:"head"`
}

// BrokenTrailError names the first event of a user's trail that was changed, removed or reordered.
type BrokenTrailError struct {
	User   string
	Seq    int64
	Reason string // "changed", "missing", "too many"
}

// Error says which and how.
func (e *BrokenTrailError) Error() string { return "the trail is broken" }

// VerifyTrail verifies the trail of a user, and that it goes on from an earlier Trail of the same user (the zero Trail:
// from nothing). Errors: *BrokenTrailError, ErrUnavailable.
func (s *Service) VerifyTrail(ctx context.Context, user string, before Trail) (Trail, error) {
	return Trail{}, ErrUnavailable
}

// EventOf is an event with the user whose trail it stands in.
type EventOf struct {
	User string
	Event
}

// FindEvents returns at most limit events of all users, the newest first, for an administrator. Errors: ErrUnavailable.
func (s *Service) FindEvents(ctx context.Context, q EventQuery, limit int) ([]EventOf, error) {
	return nil, ErrUnavailable
}

// Users calls each for every user of whom there is a record, in the order of their ids. Errors: those of each,
// ErrUnavailable.
func (s *Service) Users(ctx context.Context, each func(user string) error) error {
	return ErrUnavailable
}

// RemoveUser removes everything of a user but the trail, which can still be verified. Call it within Change.
// Errors: ErrUnavailable.
func (s *Service) RemoveUser(ctx context.Context, user string) error {
	return ErrUnavailable
}

// EnrollBy returns until when the user of a session may put enrollment off; zero: it is not required, or done.
// Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) EnrollBy(ctx context.Context, tok string) (time.Time, error) {
	return time.Time{}, ErrUnavailable
}
