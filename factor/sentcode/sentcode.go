// Package sentcode is the factor of codes that are sent: by e-mail (kind "email") and by SMS (kind "sms").
//
// Both are one factor with two ways to say what it sends. A code is random, bound to its challenge (user, authenticator
// and purpose), good once, for a while, and for a few tries. Asking again sends the same code: mails are late, and
// whoever types the first one that arrives must not be wrong.
//
// The package owns the code, where it goes, and the words of the message. It does not know how a message is delivered,
// how many may be sent in an hour (the engine's budgets), or how phone numbers are written in which country: that is
// handed to it.
package sentcode

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/nightlatch/nightlatch/factor"
)

// The kinds of this factor. They are the kinds of its messages, too.
const (
	Email factor.Kind = "email"
	SMS   factor.Kind = "sms"
)

// What the zero values of Options stand for.
const (
	DefaultDigits      = 6
	DefaultLifetime    = 10 * time.Minute // the longest that NIST SP 800-63B-4 §3.1.3.2 allows
	DefaultResendAfter = 30 * time.Second
	DefaultTries       = 5
)

const (
	maxDigits   = 8
	maxLifetime = time.Hour
	// late: with less than this left, whoever asks again gets a new code and the whole lifetime.
	late = 2 * time.Minute
)

// ParsePhone reads a number as a person typed it. e164 is how it is kept ("+4915123456789"), spoken how it is read back
// to the person in lang, with its country. It fails for a number that must not be sent to.
type ParsePhone func(text, lang string) (e164, spoken string, err error)

// Options shape codes and messages. The zero value is safe, save that NewSMS needs ParsePhone.
type Options struct {
	// Digits is 6 to 8; 0 is 6.
	Digits int
	// Lifetime is how long a code is good, an hour at most; 0 is 10 minutes.
	Lifetime time.Duration
	// ResendAfter is how long a person waits until the same challenge sends again; nil is 30 seconds.
	ResendAfter *time.Duration
	// Tries is how many wrong codes a challenge bears; 0 is 5.
	Tries int
	// Host is where the code is typed in ("example.com"): phones fill in a code only there, and the mail names it.
	// "" is the host of the Call's origin.
	Host string
	// Service is what the service calls itself in messages; "" is the Call's issuer.
	Service string
	// ParsePhone reads numbers, for NewSMS. It is the application's: it decides which countries are sent to, and at
	// whose cost.
	ParsePhone ParsePhone
}

// Factor judges codes that were sent. It implements factor.Factor.
type Factor struct {
	kind        factor.Kind
	options     Options
	resendAfter time.Duration
	err         error // what is wrong with the options; nothing works then
}

var _ factor.Factor = (*Factor)(nil)

// NewEmail makes the factor of codes sent by e-mail, kind "email". With options that cannot be used each of its methods
// fails and lets nobody in; Check says what is wrong.
func NewEmail(o Options) *Factor { return newFactor(Email, o) }

// NewSMS makes the factor of codes sent by SMS, kind "sms". It needs ParsePhone. Otherwise it is as NewEmail.
func NewSMS(o Options) *Factor { return newFactor(SMS, o) }

func newFactor(kind factor.Kind, o Options) *Factor {
	f := &Factor{kind: kind, resendAfter: DefaultResendAfter, err: o.check(kind)}
	if o.Digits == 0 {
		o.Digits = DefaultDigits
	}
	if o.Lifetime == 0 {
		o.Lifetime = DefaultLifetime
	}
	if o.Tries == 0 {
		o.Tries = DefaultTries
	}
	if o.ResendAfter != nil {
		f.resendAfter = *o.ResendAfter
	}
	o.Host = hostOf(o.Host)
	o.Service = oneLine(o.Service)
	f.options = o
	return f
}

// Check says which option cannot be used, with its name before a colon.
func (f *Factor) Check() error { return f.err }

func (o Options) check(kind factor.Kind) error {
	switch {
	case o.Digits != 0 && (o.Digits < DefaultDigits || o.Digits > maxDigits):
		return fmt.Errorf("sentcode: digits: %d is not %d to %d", o.Digits, DefaultDigits, maxDigits)
	case o.Lifetime < 0 || o.Lifetime > maxLifetime:
		return fmt.Errorf("sentcode: lifetime: %s is not 1s to %s", o.Lifetime, maxLifetime)
	case o.ResendAfter != nil && (*o.ResendAfter < 0 || *o.ResendAfter > maxLifetime):
		return fmt.Errorf("sentcode: resend_after: %s is not 0s to %s", *o.ResendAfter, maxLifetime)
	case o.Tries < 0:
		return fmt.Errorf("sentcode: tries: %d is below 1", o.Tries)
	case o.Host != "" && hostOf(o.Host) == "":
		return errors.New("sentcode: host: it is no host name")
	case kind == SMS && o.ParsePhone == nil:
		return errors.New("sentcode: parse_phone: without it no number can be read")
	}
	return nil
}

// Info describes the factor. The code reaches the person in another place than where it is asked for.
func (f *Factor) Info() factor.Info {
	if f.kind == SMS {
		return factor.Info{Kind: SMS, Name: "Phone", Class: factor.Possession, Elsewhere: true}
	}
	return factor.Info{Kind: Email, Name: "Email", Class: factor.Possession, Elsewhere: true}
}

// renewBelow is how little of a code's life may be left for whoever asks again to get a new one: two minutes, and for
// short lives half of it, else no code would ever be sent twice.
func (f *Factor) renewBelow() time.Duration { return min(late, f.options.Lifetime/2) }

// hostOf is a host without its port, or "" for what is none that an SMS could name.
func hostOf(host string) string {
	host = strings.ToLower(host)
	if at := strings.LastIndexByte(host, ':'); at >= 0 {
		host = host[:at]
	}
	const alphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"
	if host == "" || len(host) > 253 || strings.Trim(host, alphanumeric+".-") != "" || strings.ContainsAny(host[:1]+host[len(host)-1:], ".-") {
		return ""
	}
	return host
}

// oneLine is a name without what could break a line or a header.
func oneLine(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	return strings.Join(strings.Fields(name), " ")
}
