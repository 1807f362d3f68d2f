package totp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// MinImportedSize is the shortest secret in bytes that NewState takes: 80 bits, as many services once made them.
// None so short is made here (RFC 4226 §4 R6).
const MinImportedSize = 10

// maxImportedSize bounds what is stored.
const maxImportedSize = 1024

// stateVersion is written into every state. Another one is not read.
const stateVersion = 1

// state is what one authenticator is, and which of its codes are used up. It holds how codes are made, so that settings
// that change later do not break what is enrolled.
type state struct {
	Version   int         `json:"v"`
	Kind      factor.Kind `json:"kind"`
	Secret    []byte      `json:"secret"`
	Algorithm Algorithm   `json:"algorithm"`
	Digits    int         `json:"digits"`
	Period    int         `json:"period"`
	Steam     bool        `json:"steam,omitempty"`
	Account   string      `json:"account,omitempty"` // its name on the authenticator's screen

	// Last is the step of the last right code, of ByTime: it and all before are used up.
	Last int64 `json:"last,omitempty"`
	// Told are later steps, of ByTime, whose codes somebody gave too early and was told of: they are used up too.
	Told []int64 `json:"told,omitempty"`
	// Next is the counter that is expected, of ByCounter: all before are used up.
	Next uint64 `json:"next,omitempty"`
	// Resync: two codes in a row are demanded, because Next may be behind.
	Resync bool `json:"resync,omitempty"`
}

// NewState makes the state of an authenticator that is enrolled elsewhere, for imports, settings and hardware tokens:
// what FinishEnrollment would have returned. It fails where URI.Encode fails, for a secret below 80 bits,
// and for a period above MaxPeriod.
func NewState(u URI) (factor.State, error) {
	if u.Account == "" {
		u.Account = noAccount // an import may not say it, and nothing depends on it
	}
	u, err := u.filled()
	if err != nil {
		return nil, err
	}
	if len(u.Secret) < MinImportedSize || len(u.Secret) > maxImportedSize {
		return nil, fmt.Errorf("totp: a secret of %d bits is below %d or too long: enroll anew", len(u.Secret)*8, MinImportedSize*8)
	}
	s := stateOf(u)
	if err := s.tooSlow(); err != nil {
		return nil, err
	}
	return s.encode()
}

// tooSlow says whether codes last too long (NIST SP 800-63B-4 §3.1.4.1). It is asked of what comes from elsewhere: what is
// held goes on.
func (s state) tooSlow() error {
	if s.Kind == ByTime && s.Period > MaxPeriod {
		return fmt.Errorf("totp: a period of %d seconds is longer than %d: enroll anew", s.Period, MaxPeriod)
	}
	return nil
}

// Restored is the state after it was read from a backup, which may be older than the last code that was used: of
// ByTime all steps up to now are used up; of ByCounter two codes in a row are demanded. It fails for a state that is
// not of this package.
func Restored(of factor.State, now time.Time) (factor.State, error) {
	s, err := decode(of)
	if err != nil {
		return nil, err
	}
	switch s.Kind {
	case ByCounter:
		s.Resync = true
	default:
		step, err := s.generator().Step(now)
		if err != nil {
			return nil, err
		}
		s.Last = max(s.Last, step)
	}
	return s.encode()
}

// Restored is as in factor.Restorer.
func (byTime) Restored(of factor.State, now time.Time) (factor.State, int, error) {
	after, err := Restored(of, now)
	return after, 0, err
}

// Restored is as in factor.Restorer.
func (byCounter) Restored(of factor.State, now time.Time) (factor.State, int, error) {
	after, err := Restored(of, now)
	return after, 0, err
}

// stateOf is the state of what a URI, filled, says.
func stateOf(u URI) state {
	return state{
		Version: stateVersion, Kind: u.Kind, Secret: u.Secret, Algorithm: u.Algorithm, Digits: u.Digits,
		Period: u.Period, Steam: u.Steam, Account: u.Account, Next: u.Counter,
	}
}

func (s state) generator() Generator {
	return Generator{Secret: s.Secret, Algorithm: s.Algorithm, Digits: s.Digits, Period: s.Period, Steam: s.Steam}
}

// ahead is how far the clock of an authenticator that has just answered runs ahead of ours; of ByCounter it has none.
func (s state) ahead(now time.Time) time.Duration {
	present, ok := s.generator().step(now)
	if s.Kind != ByTime || !ok {
		return 0
	}
	return time.Duration(s.Last-present) * time.Duration(s.Period) * time.Second
}

// tell returns the state with these steps used up, too. It forgets those that are over.
func (s state) tell(steps []int64) state {
	told := slices.Concat(s.Told, steps)
	slices.Sort(told)
	s.Told = slices.DeleteFunc(slices.Compact(told), func(step int64) bool { return step <= s.Last })
	return s
}

func (s state) encode() (factor.State, error) {
	b, err := json.Marshal(s) //nolint:gosec // the engine seals it
	if err != nil {
		return nil, fmt.Errorf("totp: encode the state: %w", err)
	}
	return b, nil
}

// decode reads a state of either kind. Its errors do not show what was in it.
func decode(b factor.State) (state, error) {
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return state{}, errors.New("totp: the state cannot be read")
	}
	switch {
	case s.Version != stateVersion:
		return state{}, fmt.Errorf("totp: the state has version %d, only %d is known", s.Version, stateVersion)
	case s.Kind != ByTime && s.Kind != ByCounter:
		return state{}, errors.New("totp: the state is of another kind")
	case s.Last < 0 || s.Next > maxCounter:
		return state{}, errors.New("totp: the state's step or counter is out of range")
	}
	g, err := s.generator().filled()
	if err != nil {
		return state{}, fmt.Errorf("the state: %w", err)
	}
	s.Algorithm, s.Digits, s.Period = g.Algorithm, g.Digits, g.Period
	return s, nil
}

// decodeAs reads a state of one kind.
func decodeAs(kind factor.Kind, b factor.State) (state, error) {
	s, err := decode(b)
	if err == nil && s.Kind != kind {
		return state{}, fmt.Errorf("totp: the state is of kind %s, not %s", s.Kind, kind)
	}
	return s, err
}

// decodeAll reads the states of authenticators of one kind. Where two have the same secret, as after a second import,
// what is used up of one is used up of the other: a code is good once.
func decodeAll(kind factor.Kind, held []factor.Held) (map[string]state, error) {
	all := make(map[string]state, len(held))
	for _, h := range held {
		s, err := decodeAs(kind, h.State)
		if err != nil {
			return nil, err
		}
		for id, other := range all {
			if !bytes.Equal(s.Secret, other.Secret) || s.Period != other.Period {
				continue
			}
			s.Last, s.Next = max(s.Last, other.Last), max(s.Next, other.Next)
			s = s.tell(other.Told)
			other.Last, other.Next, other.Told = s.Last, s.Next, s.Told
			all[id] = other
		}
		all[h.ID] = s
	}
	return all, nil
}
