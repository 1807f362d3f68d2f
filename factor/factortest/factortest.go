// Package factortest is what every factor must do, as one test to call.
//
// A factor's own test describes how a person answers it, in a Fixture, and calls Run. The suite knows no
// particular factor: it enrolls, answers rightly and wrongly, answers twice, answers with rubbish, and looks at
// what comes back. It is the only proof that the engine may treat all factors alike.
package factortest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Fixture describes one factor to the suite. Its functions are called by one goroutine at a time.
type Fixture struct {
	// Factor is the factor under test. The suite uses it for all checks.
	Factor factor.Factor

	// Call is what every call begins with. User, Purpose, Origin, Issuer, Lang and Now have defaults;
	// Held, Chosen and Rand are the suite's to set.
	Call factor.Call

	// Begin is what the user gives to BeginEnrollment: a phone number, an address.
	Begin factor.Response

	// Enroll answers an enrollment rightly. nil: FinishEnrollment asks nothing (recovery codes).
	Enroll func(Asked) factor.Response

	// Answer answers a challenge rightly.
	Answer func(Asked) factor.Response

	// Wrong answers wrongly, an enrollment where Asked.Enrolling is set (not called then if Enroll is nil),
	// else a challenge. A factor that judges what it is given to keep is given something it must not keep.
	Wrong func(Asked) factor.Response

	// Pause is the time between one right answer and the next; 2 minutes if zero. It is longer than a
	// period of a code and shorter than the life of a challenge.
	Pause time.Duration

	// Reusable: one response is right any number of times (a password).
	Reusable bool

	// Hashed: the states never hold the clear text of a right response (passwords, sent and recovery codes).
	Hashed bool

	// OwnRandomness: the factor's library draws its own, so equal calls give unequal results (WebAuthn).
	OwnRandomness bool
}

// Asked is what a person is asked, and what the person and the engine hold at that moment.
type Asked struct {
	Enrolling bool            // the answer goes to FinishEnrollment, else to Verify
	Prompt    factor.Prompt   // what is shown now; may be nil
	Begun     factor.Prompt   // what BeginEnrollment showed: the secret of an authenticator app
	Enrolled  factor.Enrolled // what FinishEnrollment returned; zero while enrolling
	Held      factor.Held     // the authenticator as it is now; zero while enrolling
	Number    int             // which of a check's authenticators this is, from 0
	Turn      int             // how many right answers this authenticator gave before, the enrollment's included
	Now       time.Time
	Origin    string
}

// Run fails t for every law of package factor that the fixture's factor breaks.
func Run(t *testing.T, f Fixture) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			if err := c.guarded(t.Context(), f); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one law. It returns what is broken, so that the suite can itself be tested with broken factors.
type check struct {
	name string
	run  func(context.Context, Fixture) error
}

// checks is all that is checked, in the order in which a reader wants to hear of it.
func checks() []check {
	return []check{
		{"info", checkInfo},
		{"right", checkRight},
		{"wrong", checkWrong},
		{"wrong_enrollment", checkWrongEnrollment},
		{"used", checkUsed},
		{"nobody", checkNobody},
		{"chosen", checkChosen},
		{"several", checkSeveral},
		{"purpose", checkPurpose},
		{"hostile", checkHostile},
		{"hostile_enrollment", checkHostileEnrollment},
		{"garbage_state", checkGarbageState},
		{"garbage_pending", checkGarbagePending},
		{"inputs_kept", checkInputsKept},
		{"clock", checkClock},
		{"randomness", checkRandomness},
		{"no_randomness", checkNoRandomness},
		{"hashed", checkHashed},
		{"finder", checkFinder},
		{"bound", checkBound},
		{"canceled", checkCanceled},
		{"concurrent", checkConcurrent},
	}
}

// guarded runs the check with the fixture's defaults filled in and turns a panic into a breach.
func (c check) guarded(ctx context.Context, f Fixture) (err error) {
	defer recovered(&err)
	return c.run(ctx, f.filled())
}

// recovered turns a panic of the caller into an error: a factor never panics on hostile input.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
	}
}

// filled is the fixture with its defaults.
func (f Fixture) filled() Fixture {
	c := &f.Call
	if c.User.ID == "" {
		c.User = factor.User{ID: "user-1", Name: "ada", Email: "ada@example.com", Handle: make([]byte, 64)}
	}
	if c.Purpose == "" {
		c.Purpose = factor.ForSignIn
	}
	if c.Origin == "" {
		c.Origin = "https://example.com"
	}
	if c.Issuer == "" {
		c.Issuer = "Example"
	}
	if c.Lang == "" {
		c.Lang = "en"
	}
	if c.Now.IsZero() {
		c.Now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	}
	if f.Pause == 0 {
		f.Pause = 2 * time.Minute
	}
	if f.Begin.Kind == "" {
		f.Begin.Kind = f.Factor.Info().Kind
	}
	return f
}

// seeded is a deterministic source: the same number gives the same bytes.
func seeded(n uint64) *rand.ChaCha8 {
	var seed [32]byte
	for i := range 8 {
		seed[i] = byte(n >> (8 * i))
	}
	return rand.NewChaCha8(seed)
}
