// Package webauthn is security keys, passkeys, and keys registered with the old U2F API: WebAuthn Level 3, as relying
// party. It is the only package that sees go-webauthn.
//
// It owns the options, the judging of what the browser gives back, and what is remembered of a credential. A challenge
// is bound, in its pending state, to user, purpose, RP ID, origins and expiry; that it is answered once is the
// engine's, which drops the pending state with the verdict. The package knows no request, no page and no clock.
package webauthn

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	library "github.com/go-webauthn/webauthn/webauthn"

	"github.com/nightlatch/nightlatch/factor"
)

// Kind is the kind of all authenticators of this package.
const Kind factor.Kind = "webauthn"

// CounterWentBack warns that a signature counter did not rise: two authenticators may hold the same key (§6.1.1).
const CounterWentBack factor.Warning = "counter_went_back"

// How long a ceremony may take (§15.1: 5 to 10 minutes), and how long an enrollment may be shown again.
const (
	defaultTimeout = 5 * time.Minute
	maxTimeout     = 10 * time.Minute
	enrollmentLife = 15 * time.Minute
)

// Options are the settings of a Factor. RPID and Origins have no default.
type Options struct {
	// RPID is the domain that credentials are bound to, for good: "example.com". It is no IP address.
	RPID string
	// RPName is what the service calls itself to people; RPID if empty.
	RPName string
	// Origins are where pages may be: "https://example.com", also of hosts below RPID if they are listed. http
	// is for localhost only.
	Origins []string
	// Related are origins of other domains that share RPID by way of RelatedOrigins (§5.11), which the
	// application serves. https only.
	Related []string
	// UserVerification is asked for where a key is the second factor: "preferred" (the default), "discouraged" or
	// "required". Passkeys always need it. Keys of the old U2F API cannot work where it is required.
	UserVerification string
	// AppID is what keys were registered with by the old U2F API (§10.1.1), or empty.
	AppID string
	// RefuseCounter refuses an assertion whose counter went back, instead of warning.
	RefuseCounter bool
	// Timeout is how long a ceremony may take, 5 minutes if zero, 10 at most.
	Timeout time.Duration
	// Debug is told why a response was refused, or is nil. The text has the challenge and what was expected: it is
	// for a log, never for a client. It may be called from many goroutines at once.
	Debug func(reason error)
}

// Factor is all WebAuthn authenticators. It is a factor.Factor, a factor.Finder and a factor.Binder.
type Factor struct {
	lib           *library.WebAuthn
	rpID, rpName  string
	origins       []string // normalized, related ones last
	verification  protocol.UserVerificationRequirement
	appID         string
	refuseCounter bool
	timeout       time.Duration
	debug         func(error)
}

var (
	_ factor.Factor = (*Factor)(nil)
	_ factor.Finder = (*Factor)(nil)
	_ factor.Binder = (*Factor)(nil)
)

// New returns a factor, or an error that says what is wrong with the options, all at once.
func New(o Options) (*Factor, error) {
	origins, err := checkAll(&o)
	if err != nil {
		return nil, fmt.Errorf("webauthn: %w", err)
	}
	lib, err := library.New(&library.Config{
		RPID: o.RPID, RPDisplayName: o.RPName, RPOrigins: origins,
		// §7.1 step 28, §7.2 step 23: some browsers and password managers add outputs that nobody asked for.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("webauthn: %w", err)
	}
	return &Factor{
		lib: lib, rpID: o.RPID, rpName: o.RPName, origins: origins, appID: o.AppID, timeout: o.Timeout,
		verification:  protocol.UserVerificationRequirement(o.UserVerification),
		refuseCounter: o.RefuseCounter, debug: o.Debug,
	}, nil
}

// checkAll fills in the defaults and returns the origins as browsers write them.
func checkAll(o *Options) (origins []string, err error) {
	faults := []error{checkRPID(o.RPID)}
	if len(o.Origins) == 0 {
		faults = append(faults, errors.New("no origin is given"))
	}
	for _, text := range o.Origins {
		origin, err := checkOrigin(text, o.RPID)
		origins, faults = append(origins, origin), append(faults, err)
	}
	for _, text := range o.Related {
		origin, err := checkRelated(text)
		origins, faults = append(origins, origin), append(faults, err)
	}
	faults = append(faults, checkAppID(o.AppID, o.RPID))
	switch o.UserVerification {
	case "":
		o.UserVerification = string(protocol.VerificationPreferred)
	case "preferred", "discouraged", "required":
	default:
		faults = append(faults, fmt.Errorf("user verification %q is not preferred, discouraged or required", o.UserVerification))
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Timeout < time.Second || o.Timeout > maxTimeout {
		faults = append(faults, fmt.Errorf("the timeout %v is not between 1 s and %v", o.Timeout, maxTimeout))
	}
	if o.RPName == "" {
		o.RPName = o.RPID
	}
	return origins, joined(faults)
}

// joined is all faults on one line, or nil.
func joined(faults []error) error {
	var said []string
	for _, err := range faults {
		if err != nil {
			said = append(said, err.Error())
		}
	}
	if len(said) == 0 {
		return nil
	}
	return errors.New(strings.Join(said, "; "))
}

// Info describes the factor.
func (f *Factor) Info() factor.Info {
	return factor.Info{
		Kind: Kind, Name: "Security key", Class: factor.Possession, PhishingResistant: true, Unguessable: true,
	}
}

// RPID returns the RP ID that credentials are bound to.
func (f *Factor) RPID() string { return f.rpID }

// refuse is a refusal whose cause is told to nobody but Debug: a bad signature and an unknown credential look alike.
func (f *Factor) refuse(reason factor.Reason, cause error) error {
	if f.debug != nil {
		var e *protocol.Error
		if errors.As(cause, &e) && e.DevInfo != "" {
			cause = fmt.Errorf("%w: %s", cause, e.DevInfo)
		}
		f.debug(cause)
	}
	return factor.Refuse(reason)
}

// errPanic: the library fell over something that it was given.
var errPanic = errors.New("webauthn: the library panicked")

// guarded calls the library. Responses are hostile, and a panic in a parser must not end the process.
func guarded[T any](judge func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	return judge()
}
