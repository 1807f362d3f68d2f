// Package smtp sends mails to a mail server (RFC 5321), with TLS from the first byte or by STARTTLS, as text and HTML.
//
// Each mail has a connection of its own. What can be known of a failure is known: before the mail's end was sent nothing
// has been sent; after it, only an answer tells. The package retries nothing itself.
package smtp

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
)

// connectLimit is how long it takes at most until the server answers at all, so that time is left for another sender.
const connectLimit = 3 * time.Second

// Options are a mail server and who writes.
type Options struct {
	// URL is smtp://USER:PASS@HOST:PORT, which demands STARTTLS save on loopback (port 587 if absent), or
	// smtps://USER:PASS@HOST:PORT (465). Reserved characters are written %XX. Without USER:PASS nobody signs in.
	URL string
	// From is who writes: "id@example.com" or "Example <id@example.com>".
	From string

	// TLS says what is trusted, on loopback too; nil is what the system trusts.
	TLS *tls.Config
	// Dial replaces the way to the server; nil is the usual one.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now and Rand replace the clock and the source of message ids; nil are the usual ones.
	Now  func() time.Time
	Rand io.Reader
}

// Sender sends mails. It is a deliver.Sender.
type Sender struct {
	options        Options
	host, port     string
	user, password string
	implicit       bool // TLS from the first byte
	from           *mail.Address
}

var _ deliver.Sender = (*Sender)(nil)

// New makes a sender. It fails, with the name of the option before a colon, where one cannot be used; the URL, which
// holds a password, is never quoted. It does not connect.
func New(o Options) (*Sender, error) {
	s := &Sender{options: o}
	if err := s.readURL(o.URL); err != nil {
		return nil, errors.New("smtp: url: " + err.Error())
	}
	from, err := mail.ParseAddress(o.From)
	if err != nil || !isPlain(from.Address) || strings.ContainsAny(o.From, "\r\n") {
		return nil, errors.New(`smtp: from: it is no address like "id@example.com" or "Example <id@example.com>"`)
	}
	s.from = from
	if s.options.Dial == nil {
		s.options.Dial = (&net.Dialer{Timeout: connectLimit}).DialContext
	}
	if s.options.Now == nil {
		s.options.Now = time.Now
	}
	if s.options.Rand == nil {
		s.options.Rand = rand.Reader
	}
	return s, nil
}

func (s *Sender) readURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("it cannot be read (reserved characters of the password are written %XX)")
	case u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.RawQuery != "" || strings.Trim(u.Path, "/") != "":
		return errors.New("it is not like smtp://USER:PASS@HOST:PORT or smtps://USER:PASS@HOST:PORT")
	}
	s.host, s.port, s.implicit = u.Hostname(), u.Port(), u.Scheme == "smtps"
	switch {
	case s.port != "":
	case s.implicit:
		s.port = "465" // RFC 8314 §3.3
	default:
		s.port = "587" // RFC 6409
	}
	if u.User == nil {
		return nil
	}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	if s.user == "" || s.password == "" || strings.ContainsAny(s.user+s.password, "\x00\r\n") {
		return errors.New("the user or the password is missing, or has a control character")
	}
	return nil
}

// Send hands a mail over to the server, within deliver.Limit. Its errors are those of deliver.Sender; of what the server
// says they have the numbers alone, since its sentences may quote anything.
func (s *Sender) Send(ctx context.Context, m factor.Message) error {
	if m.Kind != "email" {
		return errors.New("smtp: it sends e-mail only")
	}
	if !isPlain(m.To) {
		return deliver.Refused(errors.New("smtp: the address has a form that mail programs disagree about"))
	}
	text, err := s.write(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, deliver.Limit)
	defer cancel()
	return s.hand(ctx, m.To, text)
}

// Check goes as far as Send does before it names who writes, within deliver.Limit: it connects, makes the connection
// secret and signs in. It sends nothing. Its errors are those of Send.
func (s *Sender) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, deliver.Limit)
	defer cancel()
	return s.visit(ctx, func(*smtp.Client) error { return nil })
}

// domain is the sender's: it stands in message ids and in the greeting, where the machine's own name would tell
// everybody what it is called.
func (s *Sender) domain() string {
	return s.from.Address[strings.LastIndexByte(s.from.Address, '@')+1:]
}

// isLoopback: nobody is between here and there.
func (s *Sender) isLoopback() bool {
	host := strings.ToLower(s.host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// isPlain refuses quoted local parts, comments, lists and line ends.
func isPlain(address string) bool {
	if strings.ContainsAny(address, "\"<>()[],;:\\ \t\r\n\x00") || strings.Count(address, "@") != 1 {
		return false
	}
	a, err := mail.ParseAddress(address)
	return err == nil && a.Address == address
}
