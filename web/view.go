package web

import (
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Frame is what every page may carry beside its own matter. A view embeds it; an application's own views may too.
type Frame struct {
	// User is the name of who is signed in. It is empty until a sign-in is finished.
	User string
	// Status says what went well, Alert what did not, in the reader's language. They are announced.
	Status, Alert string
	// Problems are the faults of a form, by the name of the field, in the reader's language.
	Problems map[string]string
	// To is where to go afterwards, as it came with ?to=; forms carry it on.
	To string
}

// framed is a view that has a Frame.
type framed interface{ frame() Frame }

func (f Frame) frame() Frame { return f }

// Failed says whether the page tells of a fault.
func (f Frame) Failed() bool { return f.Alert != "" || len(f.Problems) > 0 }

// homeView is the page "home", and with User empty its sign-in form.
type homeView struct {
	signInView
	Admin   bool      // offers the way to the administration
	SignOut bool      // as in accountView
	Hold    *holdView // as in accountView
}

// signInView is the page "sign-in". The form goes to POST /sign-in: identifier, password, stay, to.
type signInView struct {
	Frame
	Identifier string
	Stay       bool
	SignUp     bool // accounts may be made
	Forgot     bool // a password can be reset by mail
	// Passkey is the W3C JSON form of the request options, or "": a passkey cannot begin a sign-in. The form goes to
	// POST /sign-in/passkey: credential, stay, to.
	Passkey string
	// Offered: passkeys are offered in the name field, too (conditional UI).
	Offered bool
}

// signUpView is the page "sign-up". The form goes to POST /sign-up: username, email, password, confirm, to.
type signUpView struct {
	Frame
	Username, Email string
	MinLength       int
}

// The shapes of verifyView.
const (
	askCode     = "code"     // a code of digits, from an authenticator or sent
	askRecovery = "recovery" // a recovery code
	askSend     = "send"     // a code that is not sent yet
	askPassword = "password"
	askKey      = "key"
	askWait     = "wait"  // nothing to answer now
	askAgain    = "again" // the application's own sign-in must be done once more
	askAnew     = "anew"  // so must ours, with the password; the form goes to POST /sign-out: to
)

// verifyView is the page "verify": the second step of a sign-in, or a fresh proof. The form goes to POST /verify:
// id, kind, code, next_code, password, credential, remember_device, to; **Send code** goes to POST /verify/send:
// id, kind, to.
type verifyView struct {
	Frame
	Fresh       bool   // a fresh proof within a session
	Confirms    string // what is confirmed, in the application's words, or ""
	Shape       string // one of the constants above
	ID, Kind    string // of the authenticator that is asked for
	Label       string // its name, or ""
	SentTo      string // "•••• 12"
	CodeHint    string // what helps after a code that was used, or ""
	NextCode    bool   // a counter token: a second code may be given
	MayResend   bool   // the code was sent, and may be sent again
	ResendIn    time.Duration
	Options     string      // with askKey: the W3C JSON form
	AnyKey      bool        // with askKey: Label is one of several, and any of them will do
	Offers      []offerView // with askKey: what to choose from when the key fails
	Wait        time.Duration
	MayRemember bool
	Remember    time.Duration // how long a remembered device spares this step
	Remembers   bool          // it was asked for already, by a form that failed
	Another     bool          // there is another way
	Recover     bool          // the page **Lost your device?** has something to say
	SameMailbox bool          // what is mailed proves nothing more than the password, which came by mail
	First       bool          // a code is mailed before the first enrollment
	Username    string        // with askPassword, for password managers
	SignIn      string        // with askAgain: the path of the application's own sign-in
	Cancel      string        // a path of ours, or ""
}

// show takes the shape of the page from a factor's prompt. Scan and Keep ask for nothing: they leave it alone.
func (v *verifyView) show(p factor.Prompt, now time.Time) {
	switch p := p.(type) {
	case factor.Code:
		v.Shape, v.SentTo, v.NextCode = askCode, p.SentTo, p.Counter
		v.MayResend, v.ResendIn = p.SentTo != "", p.ResendAfter
		if p.Digits == 0 {
			v.Shape = askRecovery
		}
	case factor.Password:
		v.Shape = askPassword
	case factor.PublicKey:
		v.Shape, v.Options = askKey, string(p.Options)
	case factor.Wait:
		v.Shape, v.Wait = askWait, p.Until.Sub(now)
	}
}

// anotherView is the page "another": what **Try another way** lists. Each button goes to POST /verify/another:
// id, kind, to.
type anotherView struct {
	Frame
	Fresh   bool
	Offers  []offerView
	Recover bool
}

// offerView is one authenticator, or the recovery codes, that may answer.
type offerView struct {
	ID, Kind   string
	Name       string // the kind's name, in English
	Label      string
	Hint       string // "•••• 12"
	Model      string // "YubiKey 5", where known
	Left       int    // of recovery codes
	Preferred  bool
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
	MayPrefer  bool      // it is not the preferred one, and not the only one
	Suspended  bool      // by **This was not me**: it is never asked for
	// Problem says what is wrong with Typed, the name that it was to have.
	Typed, Problem string
}

// About is the kind's name, in English, where the label does not say it already.
func (o offerView) About() string {
	if o.Label == "" || o.Label == o.Name {
		return ""
	}
	return o.Name
}

// accountView is the page "account".
type accountView struct {
	Frame
	Username       string // "" for an account that goes by its address
	Email          string
	EmailConfirmed bool
	Groups         []string
	Admin          bool
	Administers    bool // and accounts are looked after here
	SignOut        bool // offers **Sign out**: beside an application that is the application's own
	MayChange      bool // what it is may be changed here: not of accounts that settings define
	SendsMail      bool // with MayChange: the address, too
	EnrollBy       time.Time
	Notices        []string // what must be read, in the reader's language
	Unread         *unreadView
	Hold           *holdView // a recovery by mail that waits, or nil
	SuggestSecond  bool      // there is one authenticator only
	Signals        string    // JSON for the browser, see Options.Signals; or ""
	Kinds          []kindView
	Codes          *codesView // nil: there are none, and cannot be
	Sessions       []sessionView
	Devices        []deviceView
	Events         []eventView
}

// kindView is a kind of authenticator with those that the account holds.
type kindView struct {
	kindWords
	Held []offerView
	May  bool   // another one may be added
	To   string // where to go when one was
}

// codesView is the state of the recovery codes.
type codesView struct {
	Left      int
	Suspended bool // by **This was not me**: none is good for anything
	CreatedAt time.Time
}

// sessionView is a session. **End session** goes to POST /account/sessions/ID/end.
type sessionView struct {
	ID, Browser, Addr     string
	Current               bool
	CreatedAt, LastUsedAt time.Time
}

// deviceView is a remembered device. **Forget device** goes to POST /account/devices/ID/forget.
type deviceView struct {
	ID, Browser, Addr     string // Addr is where it was last used
	Current               bool
	CreatedAt, LastUsedAt time.Time
	ExpiresAt             time.Time
}

// eventView is a line of the trail.
type eventView struct {
	At   time.Time
	Text string // in the reader's language; eventText makes it
	From string // an address, or ""
}

// chooseView is the page "choose", /account/authenticators/new.
type chooseView struct {
	Frame
	Required bool // the sign-in goes on only with one
	Kinds    []kindView
	Cancel   string // a path of ours
}

// recoveryView is the page "recovery-codes": the codes, once, or how many are left.
// **New recovery codes** goes to POST /account/recovery-codes, **Continue** to GET Next.
type recoveryView struct {
	Frame
	Codes     []string
	Account   string // whose they are, for the printed sheet
	Left      int
	CreatedAt time.Time
	Next      string // a path of ours; default /account
}

// passwordView is the page "password". The form goes to POST /account/password: current, new, confirm.
type passwordView struct {
	Frame
	Username  string // for password managers
	MinLength int
}

// signOutView is the page "sign-out". The button goes to POST /sign-out.
type signOutView struct{ Frame }

// endedView is the page "ended": a step of a sign-in that is over, or whose cookie did not come.
type endedView struct{ Frame }

// errorView is the page "error".
type errorView struct {
	Frame
	Code int // the HTTP status
	// Title and Text are in the reader's language; statusView fills them.
	Title, Text string
}
