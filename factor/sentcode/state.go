package sentcode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

const (
	version  = 1 // of both encodings
	markSize = 8
)

// state is the State of an authenticator: where codes go.
type state struct {
	Version int         `json:"v"`
	Kind    factor.Kind `json:"kind"`
	To      string      `json:"to"`
	// Mark tells this enrollment from another one of the same destination: a code for the one is none for the other.
	Mark []byte `json:"mark,omitempty"`
}

// pending is the state of a challenge or an enrollment. It holds the code as it is, since asking again sends the same
// one; the engine seals it.
type pending struct {
	Version int         `json:"v"`
	Kind    factor.Kind `json:"kind"`

	// What the code is good for, and for nothing else:
	Purpose       factor.Purpose `json:"purpose"`
	User          string         `json:"user"`
	Authenticator string         `json:"authenticator,omitempty"` // none in an enrollment
	To            string         `json:"to"`
	Mark          []byte         `json:"mark,omitempty"`

	Code    string    `json:"code"`
	Expires time.Time `json:"expires"`
	Sent    time.Time `json:"sent"` // when last
	Tries   int       `json:"tries,omitempty"`
	Used    bool      `json:"used,omitempty"`
}

// NewState is what an enrollment of the destination would have ended with, for addresses and numbers that were
// confirmed in another way. It fails with a *factor.Refused where BeginEnrollment would.
func (f *Factor) NewState(destination string) (factor.Enrolled, error) {
	to, err := f.destination(factor.Call{}, factor.Response{Email: destination, Phone: destination})
	if err != nil {
		return factor.Enrolled{}, err
	}
	return f.enrolled(state{To: to})
}

// Restated is an authenticator that this package enrolled elsewhere, from its state. It fails for what is no such state.
func (f *Factor) Restated(of factor.State) (factor.Enrolled, error) {
	s, err := f.decodeState(of)
	if err != nil {
		return factor.Enrolled{}, err
	}
	return f.enrolled(s)
}

func (f *Factor) enrolled(s state) (factor.Enrolled, error) {
	s.Version, s.Kind = version, f.kind
	b, err := json.Marshal(s)
	if err != nil {
		return factor.Enrolled{}, err
	}
	return factor.Enrolled{State: b, Hint: mask(f.kind, s.To), To: key(s.To)}, nil
}

// decodeState reads an authenticator's state. A state that is not of this factor is a fault.
func (f *Factor) decodeState(b factor.State) (state, error) {
	var s state
	if err := decode(b, &s); err != nil {
		return state{}, fmt.Errorf("sentcode: state: %w", err)
	}
	if s.Version != version || s.Kind != f.kind || s.To == "" {
		return state{}, errors.New("sentcode: state: of another factor or version")
	}
	return s, nil
}

func (p *pending) encode() (factor.State, error) { return json.Marshal(p) }

// decodePending reads a challenge's or an enrollment's state. One that is not of this factor is a fault.
func (f *Factor) decodePending(b factor.State) (*pending, error) {
	var p pending
	if err := decode(b, &p); err != nil {
		return nil, fmt.Errorf("sentcode: pending state: %w", err)
	}
	if p.Version != version || p.Kind != f.kind || p.To == "" || p.Purpose == "" || !isCode(p.Code) {
		return nil, errors.New("sentcode: pending state: of another factor or version")
	}
	return &p, nil
}

// decode reads all of one JSON object that has the known members only.
func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errors.New("cannot be read") // what it says may quote a code
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	return nil
}

// concerns reports whether the code was made for this user and purpose.
func (p *pending) concerns(c factor.Call) bool {
	return p.User == c.User.ID && p.Purpose == c.Purpose
}

// of reports whether the code was sent for this authenticator as it is now.
func (p *pending) of(h factor.Held, s state) bool {
	return p.Authenticator == h.ID && p.To == s.To && bytes.Equal(p.Mark, s.Mark)
}
