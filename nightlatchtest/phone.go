package nightlatchtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// Phone is an authenticator app with one secret (RFC 6238: SHA1, 6 digits, 30 seconds).
type Phone struct {
	// ID is the authenticator's.
	ID string
	// Codes are the recovery codes that came with it: the first authenticator of a user brings them.
	Codes []string

	t         testing.TB
	clock     *Clock
	generator totp.Generator
}

// NewPhone is an app that was given a secret in base32, as a set-up page shows it.
func NewPhone(t testing.TB, clock *Clock, secret string) *Phone {
	t.Helper()
	s, err := totp.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return &Phone{t: t, clock: clock, generator: totp.Generator{Secret: s}}
}

// Code is the one that the app shows now. Each is good once.
func (p *Phone) Code() string { return p.at(p.clock.Now()) }

// Next waits until the app shows another code, which moves the clock by 30 seconds.
func (p *Phone) Next() string {
	p.clock.Pass(totp.DefaultPeriod * time.Second)
	return p.Code()
}

// Wrong is a code that the app shows at no time within half an hour of now.
func (p *Phone) Wrong() string {
	near := map[string]bool{}
	for step := -60; step <= 60; step++ {
		near[p.at(p.clock.Now().Add(time.Duration(step)*totp.DefaultPeriod*time.Second))] = true
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !near[code] {
			return code
		}
	}
}

func (p *Phone) at(at time.Time) string {
	p.t.Helper()
	code, err := p.generator.At(at)
	if err != nil {
		p.t.Fatal(err)
	}
	return code
}
