package nightlatch

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/seal"
	"github.com/nightlatch/nightlatch/internal/token"
)

// A sign-in that begins without a name: the browser holds the challenge, sealed, and the store learns of it when it is
// answered. Somebody who only opens the page costs the store nothing.

const anonymousPrefix = "nl_a_"

var anonymousPlace = seal.Place{Table: "challenges", Column: "anonymous"}

// anonymousChallenge is what is sealed of one.
type anonymousChallenge struct {
	ID        string       `json:"id"`
	Kind      factor.Kind  `json:"kind"`
	State     factor.State `json:"state"`
	ExpiresAt time.Time    `json:"expires_at"`
	MadeAt    time.Time    `json:"made_at,omitzero"`
}

// IsAnonymousChallenge says whether a token is of BeginPasskey, by its spelling.
func IsAnonymousChallenge(tok string) bool { return strings.HasPrefix(tok, anonymousPrefix) }

// HasPasskeys says whether a sign-in may begin without a name, by a factor of that kind.
func (s *Service) HasPasskeys(kind factor.Kind) bool {
	_, ok := s.factors[kind].(factor.Finder)
	return ok
}

// BeginPasskey makes a challenge for a sign-in without a name, by a factor that is a factor.Finder. The token
// goes to the client, and with the response to ProvePasskey. It writes nothing.
//
// Errors: *factor.Refused for a kind that cannot, ErrUnavailable.
func (s *Service) BeginPasskey(ctx context.Context, kind factor.Kind, c Client) (ch Challenge, tok string, err error) {
	f, ok := s.factors[kind].(factor.Finder)
	if !ok {
		return ch, "", factor.Refuse(factor.Wrong)
	}
	call := s.call(User{}, standing{}, factor.ForSignIn)
	call.Lang = c.Lang
	prompt, state, err := f.(factor.Factor).Challenge(ctx, call, nil)
	if err != nil {
		return ch, "", s.outer(err)
	}
	ch = Challenge{Kind: kind, Prompt: prompt, ExpiresAt: challengeExpiry(&holder{}, nil, prompt, call.Now)}
	a := anonymousChallenge{ID: token.NewID(s.rand), Kind: kind, State: state, ExpiresAt: ch.ExpiresAt, MadeAt: call.Now}
	box, err := s.seal(a, anonymousPlace)
	if err != nil {
		return ch, "", s.outer(err)
	}
	return ch, anonymousPrefix + base64.RawURLEncoding.EncodeToString(box), nil
}

// ProvePasskey judges the response to a challenge of BeginPasskey and, when it is right, begins the sign-in of the user
// whose authenticator answered. A passkey proves two classes, so that the next step is usually StepDone.
//
// Errors: *factor.Refused (wrong, used, expired; alike for an authenticator that is unknown and a user who is disabled),
// ErrUnavailable.
func (s *Service) ProvePasskey(ctx context.Context, tok string, r factor.Response, start Start) (Next, error) {
	seen := s.observing(ObservedPasskey, r.Kind)
	next, err := s.provePasskey(ctx, tok, r, start, seen)
	s.judged(ctx, seen, next, err)
	return next, err
}

func (s *Service) provePasskey(ctx context.Context, tok string, r factor.Response, start Start, seen *Observation) (Next, error) {
	a, err := s.openAnonymous(tok)
	if err != nil {
		return Next{}, err
	}
	r.Kind, seen.Kind = a.Kind, a.Kind
	for range maxRounds {
		next, err := s.provePasskeyOnce(ctx, a, r, start)
		if !errors.Is(err, ErrConflict) {
			return next, s.outer(err)
		}
		if ctx.Err() != nil {
			return Next{}, s.outer(ctx.Err())
		}
	}
	return Next{}, fmt.Errorf("%w: no round was won", ErrUnavailable)
}

func (s *Service) openAnonymous(tok string) (a anonymousChallenge, err error) {
	text, ok := strings.CutPrefix(tok, anonymousPrefix)
	if !ok || len(text) > 8<<10 {
		return a, factor.Refuse(factor.Wrong)
	}
	box, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return a, factor.Refuse(factor.Wrong)
	}
	plain, err := s.Key().Open(box, anonymousPlace)
	if err != nil {
		return a, factor.Refuse(factor.Wrong) // made up, or older than a key that is gone
	}
	if err := json.Unmarshal(plain, &a); err != nil {
		return a, factor.Refuse(factor.Wrong)
	}
	if !a.ExpiresAt.After(s.time()) {
		return a, factor.Refuse(factor.Expired)
	}
	return a, nil
}

func (s *Service) provePasskeyOnce(ctx context.Context, a anonymousChallenge, r factor.Response, start Start) (Next, error) {
	f, ok := s.factors[a.Kind].(factor.Finder)
	if !ok {
		return Next{}, factor.Refuse(factor.Wrong)
	}
	lookup, err := f.Lookup(r)
	if err != nil {
		return Next{}, err
	}
	t := &trial{h: &holder{}, info: f.(factor.Factor).Info(), state: a.State, client: start.Client}
	if err := s.findByLookup(ctx, t, a.Kind, lookup); err != nil {
		return Next{}, err
	}
	if err := s.judgePasskey(ctx, t, r); err != nil {
		return Next{}, err
	}
	var next Next
	err = s.settled(ctx, func(ctx context.Context, tx *change) (err error) {
		next, err = s.settlePasskey(ctx, tx, t, a, start)
		return err
	})
	if err != nil {
		return Next{}, err // what was decided was not committed
	}
	return next, nil
}

// findByLookup finds whose authenticator it is. One that nobody has is refused like a wrong response.
func (s *Service) findByLookup(ctx context.Context, t *trial, kind factor.Kind, lookup string) error {
	now := s.time()
	return s.store.View(ctx, func(rd Reader) error {
		rec, err := rd.FindLookup(ctx, kind, lookup)
		if errors.Is(err, ErrNotFound) {
			return factor.Refuse(factor.Wrong)
		}
		if err != nil {
			return err
		}
		t.h.user, err = s.users.FindUser(within(ctx, rd), rec.User)
		if errors.Is(err, ErrNotFound) || err == nil && t.h.user.Disabled {
			return factor.Refuse(factor.Wrong)
		}
		if err != nil {
			return err
		}
		st, err := s.findStanding(ctx, rd, rec.User)
		if err != nil {
			return err
		}
		t.h.standing = &st
		if err := s.loadHeld(ctx, rd, t.h, now); err != nil {
			return err
		}
		for i := range t.h.held {
			if t.h.held[i].ID == rec.ID {
				t.chosen = rec.ID
				return nil
			}
		}
		return factor.Refuse(factor.Wrong)
	})
}

// judgePasskey asks the factor about the one authenticator that was found. Wrong ones write nothing: nobody is
// throttled by them, and a stranger must not fill the trail of somebody whose key he has seen.
func (s *Service) judgePasskey(ctx context.Context, t *trial, r factor.Response) error {
	call := s.call(t.h.user, *t.h.standing, factor.ForSignIn)
	call.Held, call.Chosen, call.Lang = t.h.ofKind(t.info.Kind), t.chosen, t.client.Lang
	verdict, err := s.factors[t.info.Kind].Verify(ctx, call, t.state, r)
	t.verdict = verdict
	if err == nil && verdict.Authenticator != t.chosen {
		return fmt.Errorf("factor %s answered for an authenticator that was not asked", t.info.Kind)
	}
	if errors.Is(err, factor.ErrRefused) {
		s.log.Info("event", "event", EventRefused, "kind", t.info.Kind, "user", t.h.user.ID, "addr", t.client.Addr)
	}
	return err
}

func (s *Service) settlePasskey(ctx context.Context, tx *change, t *trial, a anonymousChallenge, start Start) (Next, error) {
	t = t.again()
	st, err := tx.standing(ctx, t.h.user.ID)
	if err != nil {
		return Next{}, err
	}
	records, err := tx.AuthenticatorsOf(ctx, t.h.user.ID)
	if err != nil {
		return Next{}, err
	}
	if !sameRevisions(records, t.h.records) || st.Changes != t.h.standing.Changes {
		return Next{}, errAgain
	}
	t.h.standing = st
	if err := s.burn(ctx, tx, t, a); err != nil {
		return Next{}, err
	}
	rec, err := s.putVerdict(ctx, tx, t, true)
	if err != nil {
		return Next{}, err
	}
	if err := s.tellWarnings(ctx, tx, t, rec); err != nil {
		return Next{}, err
	}
	proof := s.proof(t.verdict.Proof, t.info, rec, tx.now)
	if err := s.ownerIsBack(ctx, tx, t.h, proof, t.client); err != nil {
		return Next{}, err
	}
	return s.begin(ctx, tx, t.h, proof, start)
}

// burn notes the challenge as answered. Whoever comes second finds it there.
func (s *Service) burn(ctx context.Context, tx *change, t *trial, a anonymousChallenge) error {
	if !a.ExpiresAt.After(tx.now) { // what it was burned by may be gone with it
		return factor.Refuse(factor.Expired)
	}
	if back := t.h.standing.RestoredAt; !back.IsZero() && !a.MadeAt.After(back) { // that it was answered may be forgotten
		return factor.Refuse(factor.Expired)
	}
	sum := sha256.Sum256([]byte(a.ID))
	id := "anonymous:" + base64.RawURLEncoding.EncodeToString(sum[:])
	if _, err := tx.FindPending(ctx, id); err == nil {
		return factor.Refuse(factor.Used)
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	p := &PendingRecord{
		ID: id, Owner: "anonymous", User: t.h.user.ID, Kind: a.Kind, Purpose: factor.ForSignIn,
		CreatedAt: tx.now, ExpiresAt: a.ExpiresAt,
	}
	return s.putPending(ctx, tx, p, pendingData{})
}
