// Package twilio sends SMS by Twilio's Messages API (2010-04-01), by hand: one form posted to one address.
//
// It understands what Twilio answers: which codes mean that the number is at fault, which that trying again helps, and
// when it is not known whether the message went out. It retries nothing itself.
package twilio

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/post"
)

// DefaultBaseURL is where Twilio listens.
const DefaultBaseURL = "https://api.twilio.com"

// Options are an account at Twilio.
type Options struct {
	AccountSID string // "AC…"
	AuthToken  string
	// From is one of the account's numbers in E.164, a short code or a sender's name. MessagingServiceSID ("MG…")
	// chooses among several, and is used where both are given.
	From                string
	MessagingServiceSID string
	// BaseURL is https, or http on loopback; "" is DefaultBaseURL.
	BaseURL string
	// Transport replaces the way to the network; nil is the usual one.
	Transport http.RoundTripper
}

// Sender sends SMS. It is a deliver.Sender.
type Sender struct {
	options Options
	address string
	client  *http.Client
}

var _ deliver.Sender = (*Sender)(nil)

// New makes a sender. It fails, with the name of the option before a colon, where one is missing or cannot be used.
func New(o Options) (*Sender, error) {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	base, err := post.ReadURL(o.BaseURL)
	switch {
	case err != nil:
		return nil, errors.New("twilio: base_url: " + err.Error())
	case !post.IsSecret(base):
		return nil, errors.New("twilio: base_url: http is for loopback names alone")
	case o.AccountSID == "":
		return nil, errors.New("twilio: account_sid: it is missing")
	case o.AuthToken == "":
		return nil, errors.New("twilio: auth_token: it is missing")
	case o.From == "" && o.MessagingServiceSID == "":
		return nil, errors.New("twilio: from: neither it nor messaging_service_sid is set")
	}
	address := base.JoinPath("2010-04-01", "Accounts", url.PathEscape(o.AccountSID), "Messages.json")
	return &Sender{options: o, address: address.String(), client: post.Client(o.Transport)}, nil
}

// Send hands an SMS over to Twilio. Its errors are those of deliver.Sender.
func (s *Sender) Send(ctx context.Context, m factor.Message) error {
	if m.Kind != "sms" {
		return errors.New("twilio: it sends SMS only")
	}
	form := url.Values{"To": {m.To}, "Body": {m.Text}}
	if s.options.MessagingServiceSID != "" {
		form.Set("MessagingServiceSid", s.options.MessagingServiceSID)
	} else {
		form.Set("From", s.options.From)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address, strings.NewReader(form.Encode()))
	if err != nil {
		return errors.New("twilio: the request cannot be made")
	}
	r.SetBasicAuth(s.options.AccountSID, s.options.AuthToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "Nightlatch")
	a, err := post.Do(ctx, s.client, r)
	var none *post.Error
	switch {
	case errors.As(err, &none) && none.Connected:
		return deliver.Unclear(err)
	case err != nil:
		return deliver.Temporary(err)
	}
	return judge(a)
}
