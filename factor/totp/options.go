package totp

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/nightlatch/nightlatch/factor"
)

// Bounds of Options.
const (
	MaxPeriod        = 120 // seconds
	MaxWindow        = 2   // steps, for New
	MaxCounterWindow = 100 // counters, for NewCounter
)

const (
	defaultWindow        = 1
	defaultCounterWindow = 10
)

// Options shape new authenticators and say how far codes may be off. The zero value is what nearly all apps need.
// What is enrolled keeps the algorithm, digits and period that it was enrolled with.
type Options struct {
	// Issuer is what authenticators show as the name of the service; "" is the Call's issuer.
	Issuer string
	// Algorithm is SHA1 where it is "". Many apps know no other.
	Algorithm Algorithm
	// Digits is 6 to 8; 0 is 6. Many apps know 6 alone.
	Digits int
	// Period is 1 to 120 seconds; 0 is 30. Many apps know 30 alone. A counter has none.
	Period int
	// Window is how many steps before and after the present one are accepted too, 0 to 2; nil is 1. For a counter
	// it is how many presses of the button may be missed, 0 to 100; nil is 10.
	Window *int
}

// Check says which option is out of range for New, with its name before a colon.
func (o Options) Check() error { return o.check(ByTime) }

func (o Options) check(kind factor.Kind) error {
	most := MaxWindow
	if kind == ByCounter {
		most = MaxCounterWindow
	}
	switch {
	case labelProblem(o.Issuer) != "":
		return errors.New("totp: issuer: " + labelProblem(o.Issuer))
	case o.Algorithm != "" && !o.Algorithm.known():
		return fmt.Errorf("totp: algorithm: %.40q is not SHA1, SHA256 or SHA512", string(o.Algorithm))
	case o.Digits != 0 && (o.Digits < minDigits || o.Digits > maxDigits):
		return errors.New("totp: digits: " + digitsProblem(o.Digits))
	case o.Period < 0 || o.Period > MaxPeriod:
		return fmt.Errorf("totp: period: %d seconds is not 1 to %d", o.Period, MaxPeriod)
	case o.Window != nil && (*o.Window < 0 || *o.Window > most):
		return fmt.Errorf("totp: window: %d is not 0 to %d", *o.Window, most)
	}
	return nil
}

// filled is the options with their defaults. The window is a copy, so that the caller cannot change it later.
func (o Options) filled(kind factor.Kind) (filled Options, window int) {
	if o.Algorithm == "" {
		o.Algorithm = SHA1
	}
	if o.Digits == 0 {
		o.Digits = DefaultDigits
	}
	if o.Period == 0 {
		o.Period = DefaultPeriod
	}
	switch {
	case o.Window != nil:
		window = *o.Window
	case kind == ByCounter:
		window = defaultCounterWindow
	default:
		window = defaultWindow
	}
	o.Window = nil
	return o, window
}

// noAccount stands where a user has neither an address nor a name.
const noAccount = "account"

// newURI is what a new authenticator is told.
func (o Options) newURI(kind factor.Kind, c factor.Call) (URI, error) {
	secret, err := NewSecret(c.Rand, o.Algorithm.size())
	if err != nil {
		return URI{}, err
	}
	issuer := o.Issuer
	if issuer == "" {
		issuer = c.Issuer
	}
	account, err := newAccount(c)
	if err != nil {
		return URI{}, err
	}
	return URI{
		Kind: kind, Issuer: forLabel(issuer), Account: account,
		Generator: Generator{Secret: secret, Algorithm: o.Algorithm, Digits: o.Digits, Period: o.Period},
	}.filled()
}

// newAccount names the user on the authenticator's screen: the address, else the name at our host. Apps silently
// overwrite what has the same issuer and account, so a further authenticator gets a number: "anna (2)".
func newAccount(c factor.Call) (string, error) {
	base := c.User.Account()
	if base != "" && !strings.Contains(base, "@") {
		if origin, err := url.Parse(c.Origin); err == nil && origin.Hostname() != "" {
			base += "@" + origin.Hostname()
		}
	}
	if base = forLabel(base); base == "" {
		base = noAccount
	}
	if len(c.Held) == 0 {
		return base, nil
	}
	taken := make([]string, 0, len(c.Held))
	for _, h := range c.Held {
		s, err := decode(h.State)
		if err != nil {
			return "", err
		}
		taken = append(taken, s.Account)
	}
	for n := len(c.Held) + 1; ; n++ {
		if name := fmt.Sprintf("%s (%d)", base, n); !slices.Contains(taken, name) {
			return name, nil
		}
	}
}

// forLabel makes a name fit for a label, where a colon and control characters may not be.
func forLabel(name string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == ':':
			return '-'
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "\uFFFD")))
}
