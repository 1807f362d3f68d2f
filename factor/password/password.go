// Package password is the factor that one knows.
//
// A password is normalized to NFC, hashed with Argon2id, and kept as a hash alone. Nothing is trimmed, cut or
// demanded of its characters; it must be long enough, and none that everybody tries first.
//
// The package owns how a password is judged, hashed and refused. It does not know who may ask how often: the
// engine throttles. How many hashes run at once is its own affair, because they cost memory.
package password

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/nightlatch/nightlatch/factor"
)

// Kind is the kind of this factor.
const Kind factor.Kind = "password"

// Bounds of the lengths that may be set, and the defaults (NIST SP 800-63B-4 §3.1.1.2).
const (
	leastMinLength   = 8  // where a second factor is always asked for
	defaultMinLength = 15 // where the password may stand alone
	leastMaxLength   = 64
	defaultMaxLength = 256
	mostMaxLength    = 1024
)

// maxBytes is the longest password that is hashed, as it is typed: 1024 code points of four bytes.
const maxBytes = 4096

// large is the memory, in KiB, above which a hash from elsewhere runs alone.
const large = 64 * 1024

// Options sets the factor up. The zero value is safe.
type Options struct {
	// MinLength is the least length of a new password in code points: 15 if zero, never under 8.
	MinLength int
	// MaxLength is the greatest length of a new password in code points: 256 if zero, within 64 to 1024.
	MaxLength int
	// Cost of a new hash; DefaultCost if zero. Older hashes are replaced when they are next proved.
	Cost Cost
	// Parallel is how many hashes run at once: one for each processor if zero. Each takes Cost.Memory.
	Parallel int
	// Queue is how many more may wait: 256 if zero. The next one gets ErrBusy.
	Queue int
	// Turn, if set, is called whenever a hash gets its turn, before it is computed, from many goroutines at once.
	Turn func()
	// IDKey computes Argon2id, from many goroutines at once: golang.org/x/crypto/argon2.IDKey if nil, which takes new
	// memory for each hash.
	IDKey IDKey
	// Limiter, if set, is shared with others that hash slowly; Parallel, Queue, Turn and IDKey are then ignored.
	Limiter *Limiter
	// Foreign, if set, returns the work of every kind of hash from elsewhere that some account still has: WorkOf says
	// it. Every answer then takes as long, so that its time does not tell who has which hash. It is called for each
	// answer; its error is a fault, and lets nobody in.
	Foreign func(ctx context.Context) ([]Work, error)
}

// Factor judges passwords. It implements factor.Factor.
type Factor struct {
	min, max int
	cost     Cost
	limiter  *Limiter
	alone    chan struct{} // held while a large hash from elsewhere is computed
	foreign  func(ctx context.Context) ([]Work, error)
	worked   func(Work) // told of all work, by tests
}

var _ factor.Factor = (*Factor)(nil)

// New returns the factor.
func New(o Options) *Factor {
	if o.MinLength == 0 {
		o.MinLength = defaultMinLength
	}
	if o.MaxLength == 0 {
		o.MaxLength = defaultMaxLength
	}
	if o.Cost == (Cost{}) {
		o.Cost = DefaultCost()
	}
	if o.Limiter == nil {
		o.Limiter = NewLimiter(o.Parallel, o.Queue)
		o.Limiter.turn = o.Turn
		if o.IDKey != nil {
			o.Limiter.idKey = o.IDKey
		}
	}
	longest := min(max(o.MaxLength, leastMaxLength), mostMaxLength)
	return &Factor{
		min: min(max(o.MinLength, leastMinLength), longest), max: longest,
		cost: o.Cost, limiter: o.Limiter, alone: make(chan struct{}, 1), foreign: o.Foreign,
	}
}

// Limiter is the factor's limit, to be shared with others that hash slowly.
func (f *Factor) Limiter() *Limiter { return f.limiter }

// Info describes the factor.
func (f *Factor) Info() factor.Info {
	return factor.Info{Kind: Kind, Name: "Password", Class: factor.Knowledge, Single: true}
}

// BeginEnrollment asks for a new password.
func (f *Factor) BeginEnrollment(
	context.Context, factor.Call, factor.Response,
) (factor.Prompt, factor.State, error) {
	return factor.Password{New: true, MinLength: f.min, MaxLength: f.max}, nil, nil
}

// FinishEnrollment hashes the new password. It refuses one that Check refuses, and returns ErrBusy under load.
func (f *Factor) FinishEnrollment(
	ctx context.Context, c factor.Call, _ factor.State, r factor.Response,
) (factor.Enrolled, error) {
	if err := f.Check(c, r.Password); err != nil {
		return factor.Enrolled{}, err
	}
	phc, err := f.hash(ctx, c, r.Password)
	if err != nil {
		return factor.Enrolled{}, err
	}
	state, err := encode(kept{PHC: phc})
	return factor.Enrolled{State: state}, err
}

// Challenge asks for the password. It needs no state.
func (f *Factor) Challenge(context.Context, factor.Call, factor.State) (factor.Prompt, factor.State, error) {
	return factor.Password{}, nil, nil
}

// Hash is the hash of a password in the PHC string format, for settings and imports. It refuses what cannot be
// hashed ("missing", "invalid", "too_long") and judges neither its least length nor how common it is: see Check.
// It returns ErrBusy under load.
func (f *Factor) Hash(ctx context.Context, random io.Reader, text string) (string, error) {
	return f.hash(ctx, factor.Call{Rand: random}, text)
}

func (f *Factor) hash(ctx context.Context, c factor.Call, text string) (string, error) {
	normal, err := f.normal(text)
	if err != nil {
		return "", err
	}
	release, err := f.limiter.Acquire(ctx, c.From)
	if err != nil {
		return "", err
	}
	defer release()
	h, err := newArgon2id(c.Rand, normal, f.cost, f.limiter)
	if err != nil {
		return "", err
	}
	return h.String(), nil
}

// normal is the password in NFC, or why it cannot be one.
func (f *Factor) normal(text string) (string, error) {
	switch {
	case text == "":
		return "", factor.RefuseField("password", "missing")
	case len(text) > maxBytes:
		return "", factor.RefuseField("password", "too_long")
	case !judgeable(text):
		return "", factor.RefuseField("password", "invalid")
	}
	normal := norm.NFC.String(text)
	if utf8.RuneCountInString(normal) > f.max {
		return "", factor.RefuseField("password", "too_long")
	}
	return normal, nil
}

// judgeable reports whether a text can be a password at all. NUL is refused because other software ends there.
func judgeable(text string) bool {
	return text != "" && len(text) <= maxBytes && utf8.ValidString(text) && !bytes.ContainsRune([]byte(text), 0)
}

// kept is the State.
type kept struct {
	PHC string `json:"phc"`
	// Foreign: the hash was made elsewhere, perhaps of the text as it was typed and not of its NFC.
	Foreign bool `json:"foreign,omitempty"`
}

func encode(k kept) (factor.State, error) {
	b, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("encode the password's state: %w", err)
	}
	return b, nil
}

func decode(s factor.State) (hashed, kept, error) {
	var k kept
	d := json.NewDecoder(bytes.NewReader(s))
	d.DisallowUnknownFields()
	if d.Decode(&k) != nil || !errors.Is(d.Decode(&struct{}{}), io.EOF) {
		return nil, k, errors.New("the password's state cannot be read")
	}
	h, err := parse(k.PHC)
	if err != nil {
		return nil, k, fmt.Errorf("the password's state cannot be read: %w", err)
	}
	return h, k, nil
}

// FromHash is the State for a hash that was made elsewhere: by Hash, in settings, or by another program. It reads
// argon2id and argon2i (version 1.3), bcrypt ($2a$, $2b$, $2y$), scrypt, and PBKDF2 with SHA-1, SHA-256 and SHA-512, as
// passlib, Django and Werkzeug write them, and what Double has made of one of these. The first right password replaces
// it. Its errors say what is wrong with the hash and never hold it. A hash that costs more than 1 GiB of memory or
// about half a second is refused.
func FromHash(text string) (factor.State, error) {
	if _, err := parse(text); err != nil {
		return nil, err
	}
	return encode(kept{PHC: text, Foreign: true})
}

// WorkOf is what judging a password against a state takes, and whether its hash was made elsewhere and was not replaced
// yet. It fails for what is no state of this package.
func WorkOf(s factor.State) (w Work, foreign bool, err error) {
	h, k, err := decode(s)
	if err != nil {
		return Work{}, false, err
	}
	return h.work(), k.Foreign, nil
}

// HashOf is the hash of a state, for an export: what FromHash takes. It fails for what is no state of this package.
func HashOf(s factor.State) (string, error) {
	_, k, err := decode(s)
	return k.PHC, err
}
