// Package settings reads what an operator set: flags, environment, nightlatch.toml, defaults, in this order.
//
// There is one struct, Settings, and one table (table.go) that gives each of its fields a key, a default, what
// is allowed, and one sentence. Load reports every fault at once, each with the place where it stands and what
// is allowed there. A secret is never part of a fault and is masked in List.
//
// The package only reads. It makes no directory, opens no database and asks no network.
package settings

import (
	"net/netip"
	"net/url"
	"time"
)

// Settings is everything that an operator may set. Load makes it; a Settings is not copied.
type Settings struct {
	Listen         string // HOST:PORT
	PublicURL      string // an origin without a slash at its end: "https://id.example.com"
	DataDir        string
	DatabaseURL    string
	DatabaseWait   time.Duration
	Key            string // NIGHTLATCH_KEY
	KeyFile        string
	KeyCommand     string
	TrustedProxies []netip.Prefix
	CookieDomain   string
	MetricsListen  string

	Log      Log
	SignUp   SignUp
	Password Password
	Session  Session
	Policy   Policy
	TOTP     TOTP
	WebAuthn WebAuthn
	SentCode SentCode
	Mail     Mail
	SMS      SMS
	Throttle Throttle
	Recovery Recovery
	Limits   Limits

	Groups   []Group
	Accounts []Account
	Rules    []Rule

	Protect string // --protect: the address of the application, or empty
	Demo    bool   // --demo
	File    string // the settings file that was read, or empty

	rows []*row
}

// Log is what is logged, and how.
type Log struct {
	Level  string // "debug", "info", "warn" or "error"
	Format string // "text" or "json"
}

// SignUp is who may make an account.
type SignUp struct {
	Enabled           bool
	VerifyEmail       bool
	PerAddressPerHour int
}

// Password bounds a new password, in code points.
type Password struct {
	MinLength, MaxLength int
}

// Session is how long a session lives at most, and how long unused.
type Session struct {
	Lifetime, Idle time.Duration
}

// Policy is who must prove what.
type Policy struct {
	Require         string // "optional", "required" or "admins"
	Grace           time.Duration
	Authenticators  int      // how many second factors who must have one must hold
	ReportOnly      bool     // let those pass who would have to enroll, and count them
	Factors         []string // kinds that may be enrolled
	FirstEnrollment string   // "", "password" or "email"
	Remember        time.Duration
	Fresh           time.Duration
}

// TOTP is the shape of codes of an authenticator app.
type TOTP struct {
	Issuer    string
	Algorithm string // "SHA1", "SHA256" or "SHA512"
	Digits    int
	Period    int // seconds
	Window    int // steps, both ways
}

// WebAuthn is what security keys and passkeys are bound to.
type WebAuthn struct {
	RPID             string // empty: no security keys, as the public URL has no host name
	RPName           string
	Origins          []string
	UserVerification string // "required", "preferred" or "discouraged"
	AppID            string // of old U2F keys
	RefuseCounter    bool   // a signature counter that went back is refused, and not only told
}

// SentCode is the shape of codes that are sent by mail and SMS.
type SentCode struct {
	Digits                int
	Lifetime, ResendAfter time.Duration
	Tries                 int
	PerDestinationPerHour int
}

// Mail is how e-mail is sent. With an empty URL none is.
type Mail struct {
	URL  string
	From string
}

// SMS is how text messages are sent. With an empty Provider none are.
type SMS struct {
	Provider  string   // "", "twilio", "webhook" or "outbox"
	Countries []string // ISO 3166-1 alpha-2
	Twilio    Twilio
	Webhook   Webhook
}

// Twilio is an account at Twilio.
type Twilio struct {
	AccountSID, AuthToken, From, MessagingServiceSID, BaseURL string
}

// Webhook is a program of the operator's own that sends text messages.
type Webhook struct {
	URL, Secret string
}

// Throttle is how wrong tries are slowed down.
type Throttle struct {
	FreeTries            int
	FirstDelay, MaxDelay time.Duration
	DayLimit             int
}

// Recovery is what helps a person who has lost everything.
type Recovery struct {
	Email      bool
	Hold       time.Duration
	AdminEmail string
}

// Limits is how much of the machine is used at once.
type Limits struct {
	Hashes      int // how many slow hashes run at once; 0: one for each processor
	Waiting     int // how many wait for that; the next one is told to come again
	Connections int
}

// Group is one [[group]].
type Group struct {
	Name, Description string
}

// Account is one [[account]]: it exists because settings say so, and is read-only elsewhere.
type Account struct {
	Username, Email string
	PasswordHash    string
	Groups          []string
	Admin           bool
	TOTPSecret      string // base32 or "hex:…", as it was written; empty: none
}

// Rule is one [[rule]]: which requests it is for, and what they need.
type Rule struct {
	Host, Path string
	Methods    []string
	Networks   []netip.Prefix
	Hours      []Hours
	Level      int
	MaxAge     time.Duration // 0: any age
	Kinds      []string
	Groups     []string
	Line       int // of its header in the settings file
}

// Public returns the public URL, parsed.
func (s *Settings) Public() *url.URL {
	u, err := url.Parse(s.PublicURL)
	if err != nil {
		return new(url.URL) // Load lets no such URL pass
	}
	return u
}
