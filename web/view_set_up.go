package web

import (
	"html/template"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// setUpView is what all pages have on which an enrollment is finished. The form goes to
// POST /account/authenticators/finish/KIND: enrollment, code or credential, label, passkey, replaces, to.
type setUpView struct {
	Frame
	Kind          string
	Enrollment    string // the id of what is to be finished
	Passkey       bool
	Replaces      string // the id of the authenticator that goes when this one is there
	ReplacesLabel string
	Label         string // the name, as typed or suggested
	Cancel        string // a path of ours
}

// scanView is the page "scan": the set-up of an authenticator app or a counter token.
type scanView struct {
	setUpView
	Secret          string // base32; shown in groups of four
	QR              template.HTML
	URI             template.URL // otpauth:
	Issuer, Account string
	Algorithm       string
	Digits, Period  int // Period 0: counter-based
	Counter         uint64
}

// againView is the page "again": a response was wrong, and what it answers is not shown a second time. The form is that
// of the page "scan".
type againView struct {
	setUpView
	Code bool   // a code is asked for; else it must be begun anew
	Anew string // a path of ours where it is begun anew
}

// keyView is the page "key": a security key or a passkey is added.
type keyView struct {
	setUpView
	Options string // the W3C JSON form
	Instead string // a path of ours where the one is added in the place of the other, or ""
}

// destinationView is the page "destination": where codes are to be sent. The form goes to
// POST /account/authenticators/new/KIND: Field, sure, correct, replaces, to.
type destinationView struct {
	setUpView
	Name        string // the kind's name, in English
	Field       string // "email", "phone", or "": there is nothing to type
	Destination string // as typed
	ReadsBack   bool   // what is typed is shown once more before anything is sent
	Spoken      string // the destination as it was understood: only **Send code** is missing
}

// sentView is the page "sent": the code that was sent is to be entered. **Send code** goes to
// POST /account/authenticators/new/KIND.
type sentView struct {
	setUpView
	Field, Destination string // as in destinationView; empty where they are not known any more
	SentTo             string
	ResendIn           time.Duration
	Other              string // a path of ours where another destination is entered
}

// newScan takes what is shown from a factor's prompt, and draws its URI. Screen readers leave the drawing out: what
// surrounds it on the page has the name.
func newScan(v setUpView, p factor.Scan) (scanView, error) {
	qr, err := qrSVG(p.URI)
	qr = strings.Replace(qr, "<svg ", `<svg aria-hidden="true" `, 1)
	return scanView{
		setUpView: v,
		//nolint:gosec // both come from package totp, never from a person
		QR: template.HTML(qr), URI: template.URL(p.URI),
		Secret: p.Secret, Issuer: p.Issuer, Account: p.Account, Algorithm: p.Algorithm,
		Digits: p.Digits, Period: p.Period, Counter: p.Counter,
	}, err
}

// Groups is the secret in groups of four, as people read it.
func (v scanView) Groups() string { return inGroups(v.Secret) }
