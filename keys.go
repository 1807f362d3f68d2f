package nightlatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nightlatch/nightlatch/internal/seal"
)

// keys is the key ring that is in use, and where it comes from.
type keys struct {
	ring atomic.Pointer[KeyRing]
	read func(ctx context.Context) (*KeyRing, error)

	renewing sync.Mutex
	inVain   time.Time // when a record asked for another ring last that did not come
}

func newKeys(c Config) *keys {
	k := &keys{read: c.ReadKey}
	k.ring.Store(c.Key)
	return k
}

// Key is the key ring that is in use.
func (s *Service) Key() *KeyRing { return s.keys.ring.Load() }

// errNoKeySource: Config.ReadKey is not set.
var errNoKeySource = errors.New("nightlatch: the key ring comes from nowhere that could be read again")

// RenewKey reads the key ring anew and uses it from now on. Where it fails the ring in use stays. The errors: those of
// Config.ReadKey; the ring that was read holds another key of a number that is in use, or lacks the key that seals.
func (s *Service) RenewKey(ctx context.Context) error {
	s.keys.renewing.Lock()
	defer s.keys.renewing.Unlock()
	return s.renewKey(ctx)
}

func (s *Service) renewKey(ctx context.Context) error {
	if s.keys.read == nil {
		return errNoKeySource
	}
	ring, err := s.keys.read(ctx)
	if err != nil {
		return err
	}
	was := s.Key()
	if err := ring.Follows(was); err != nil {
		return fmt.Errorf("the key ring that was read does not follow the one in use: %w", err)
	}
	s.keys.ring.Store(ring)
	if was.Newest() != ring.Newest() || was.Sealing() != ring.Sealing() || len(was.Keys()) != len(ring.Keys()) {
		s.log.Info("the key ring is another", "keys", len(ring.Keys()), "newest", ring.Newest(), "seals", ring.Sealing())
	}
	return nil
}

// askAgain is how long no record has the ring read anew after one did in vain: a damaged one would at each request.
const askAgain = 2 * time.Second

// mayOpenNow says whether what failed for a key that was missing is worth another try: the ring has that key now.
func (s *Service) mayOpenNow(ctx context.Context, missing uint32) bool {
	if s.keys.read == nil {
		return false
	}
	s.keys.renewing.Lock()
	defer s.keys.renewing.Unlock()
	if s.Key().Holds(missing) {
		return true // another request was faster
	}
	if since := s.now().Sub(s.keys.inVain); since >= 0 && since < askAgain {
		return false
	}
	err := s.renewKey(ctx)
	if err == nil && s.Key().Holds(missing) {
		s.keys.inVain = time.Time{}
		return true
	}
	s.keys.inVain = s.now() // a command may have taken long: who waited here meanwhile does not run it once more
	if err != nil {
		s.log.Error("a record needs another key, and the key ring was not renewed", "key", missing, "error", err)
	} else {
		s.log.Error("a record needs a key that is not in the key ring", "key", missing)
	}
	return false
}

// lastingMAC is a MAC that others find again by the same input. The oldest key serves, since it stays when the ring
// grows. Once that one is taken away, what it counted is counted anew.
func (s *Service) lastingMAC(purpose string, data ...[]byte) ([]byte, error) {
	ring := s.Key()
	return ring.MACWith(ring.Keys()[0].ID, purpose, data...)
}

// keyedStore runs again what met a record that needs a key which is new here, once the ring was read anew. It does so
// outside of transactions: a key may come from far away.
type keyedStore struct {
	Store
	s *Service
}

type keyedStoreKey struct{}

// View is as in Store.
func (k keyedStore) View(ctx context.Context, f func(r Reader) error) error {
	return k.again(ctx, func(ctx context.Context) error { return k.Store.View(ctx, f) })
}

// Tx is as in Store.
func (k keyedStore) Tx(ctx context.Context, f func(ctx context.Context, tx Tx) error) error {
	return k.again(ctx, func(ctx context.Context) error { return k.Store.Tx(ctx, f) })
}

func (k keyedStore) again(ctx context.Context, run func(ctx context.Context) error) error {
	if ctx.Value(keyedStoreKey{}) != nil {
		return run(ctx)
	}
	err := run(context.WithValue(ctx, keyedStoreKey{}, true))
	var missing *seal.UnknownKeyError
	if !errors.As(err, &missing) || !k.s.mayOpenNow(ctx, missing.ID) {
		return err
	}
	return run(context.WithValue(ctx, keyedStoreKey{}, true))
}
