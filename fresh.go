package nightlatch

import (
	"context"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// FreshWithin returns nil when the session of a token has a proof that is not older than maxAge (0: Policy.Fresh), by one
// of kinds (none: any). Where a second factor is held, only a second factor's proof counts.
// Errors: *FreshProofError, with the offers among kinds; ErrUnauthenticated; ErrUnavailable.
func (s *Service) FreshWithin(ctx context.Context, tok string, maxAge time.Duration, kinds ...factor.Kind) error {
	return ErrUnavailable
}
