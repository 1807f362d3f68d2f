package nightlatch

import (
	"context"
)

// NotMe takes away what a user disowns by the link of a notice (ForNotMe): it ends all sessions, remembered devices
// and unfinished sign-ins, suspends the authenticator or the recovery codes that were added, stops a hold, and calls
// Config.Disowned. It gives nothing back. It returns the event that the notice told of.
// Errors: *factor.Refused (wrong, used, expired), ErrUnavailable.
func (s *Service) NotMe(ctx context.Context, link string, c Client) (Event, error) {
	return Event{}, ErrUnavailable
}

// Unread returns the events that the user of a session is to be told of on a page, because there is no address to tell
// of them by mail, the newest first. Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) Unread(ctx context.Context, tok string) ([]Event, error) {
	return nil, nil
}

// MarkRead notes that the user of a session has read the events up to the Seq of one.
// Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) MarkRead(ctx context.Context, tok string, seq int64) error {
	return ErrUnavailable
}
