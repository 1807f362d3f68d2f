// Package webhook hands SMS to a receiver of one's own: a signed POST of JSON. docs/webhook-receiver.md shows one.
//
// The body is {"to": "+49…", "text": "…", "id": "…"}; the header X-Nightlatch-Signature is "sha256=" and the HMAC-SHA256
// of the body's bytes with the shared secret, in hex. The id is new with each POST. The receiver answers
//
//	2xx       it has taken the message over
//	422       this number cannot be sent to: the person is told to check it
//	429, 5xx  it has not sent the message, and may be asked again (502 and 504 may come from somebody between: unclear)
//	other     it has not sent the message, and its operator must do something
//
// within ten seconds. Redirects are not followed. The package retries nothing itself.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/post"
)

// SignatureHeader is the header with what Signature returns.
const SignatureHeader = "X-Nightlatch-Signature"

// Options are where a receiver is.
type Options struct {
	// URL is https; http is for a network of one's own, since whoever reads it reads the codes.
	URL string
	// Secret is shared with the receiver. 32 random bytes, in hex, are a good one.
	Secret string
	// Transport replaces the way to the network, and Rand the source of ids; nil are the usual ones.
	Transport http.RoundTripper
	Rand      io.Reader
}

// Sender posts SMS to a receiver. It is a deliver.Sender.
type Sender struct {
	options Options
	client  *http.Client
}

var _ deliver.Sender = (*Sender)(nil)

// New makes a sender. It fails, with the name of the option before a colon, where one cannot be used.
func New(o Options) (*Sender, error) {
	if _, err := post.ReadURL(o.URL); err != nil {
		return nil, errors.New("webhook: url: " + err.Error())
	}
	if o.Secret == "" {
		return nil, errors.New("webhook: secret: it is missing")
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &Sender{options: o, client: post.Client(o.Transport)}, nil
}

// Signature is the value of SignatureHeader for a body.
func Signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// body is what is posted.
type body struct {
	To   string `json:"to"`   // E.164
	Text string `json:"text"` // its last line is for the phone: nothing may be put after it
	ID   string `json:"id"`   // 32 hexadecimal digits
}

// Send posts an SMS. Its errors are those of deliver.Sender.
func (s *Sender) Send(ctx context.Context, m factor.Message) error {
	if m.Kind != "sms" {
		return errors.New("webhook: it sends SMS only")
	}
	var id [16]byte
	if _, err := io.ReadFull(s.options.Rand, id[:]); err != nil {
		return fmt.Errorf("webhook: read randomness for an id: %w", err)
	}
	b, err := json.Marshal(body{m.To, m.Text, hex.EncodeToString(id[:])})
	if err != nil {
		return errors.New("webhook: the message cannot be written")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.options.URL, bytes.NewReader(b))
	if err != nil {
		return errors.New("webhook: the request cannot be made")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Nightlatch")
	r.Header.Set(SignatureHeader, Signature(s.options.Secret, b))
	a, err := post.Do(ctx, s.client, r)
	var none *post.Error
	switch {
	case errors.As(err, &none) && none.Connected:
		return deliver.Unclear(err)
	case err != nil:
		return deliver.Temporary(err)
	}
	return judge(a.Status)
}

// judge says what the receiver's status means.
func judge(status int) error {
	err := fmt.Errorf("webhook: the receiver answered %d", status)
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusUnprocessableEntity:
		return deliver.Refused(err)
	case status == http.StatusBadGateway || status == http.StatusGatewayTimeout:
		return deliver.Unclear(err)
	case status == http.StatusTooManyRequests || status >= 500:
		return deliver.Temporary(err)
	}
	return err
}
