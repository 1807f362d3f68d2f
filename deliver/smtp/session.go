package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail/smtp"

	"github.com/nightlatch/nightlatch/deliver"
)

// quitLimit is how long is waited for the server's goodbye; the mail is with it already.
const quitLimit = time.Second

// hand gives a written mail to the server.
func (s *Sender) hand(ctx context.Context, to string, text []byte) error {
	return s.visit(ctx, func(c *smtp.Client) error {
		if err := foreign(c, s.from.Address+to); err != nil {
			return err
		}
		if err := c.Mail("<" + s.from.Address + ">"); err != nil {
			return fault("MAIL", err)
		}
		if err := c.Rcpt("<" + to + ">"); err != nil {
			return recipientFault("RCPT", err, isDestinationFault)
		}
		return body(c, text)
	})
}

// visit connects, signs in, runs f and says goodbye. When ctx ends, the connection does.
func (s *Sender) visit(ctx context.Context, f func(c *smtp.Client) error) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return fault("no connection", err)
	}
	defer func() { _ = conn.Close() }()
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()

	c, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return fault("greeting", err)
	}
	if err := s.begin(c); err != nil {
		return err
	}
	if err := f(c); err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(quitLimit))
	_ = c.Quit()
	return nil
}

func (s *Sender) connect(ctx context.Context) (net.Conn, error) {
	conn, err := s.options.Dial(ctx, "tcp", net.JoinHostPort(s.host, s.port))
	if err != nil || !s.implicit {
		return conn, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	secure := tls.Client(conn, s.tlsConfig(true))
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// begin makes the connection secret and signs in.
func (s *Sender) begin(c *smtp.Client) error {
	if err := c.Hello(s.domain()); err != nil {
		return fault("EHLO", err)
	}
	if !s.implicit {
		offered, _ := c.Extension("STARTTLS")
		switch {
		case offered:
			if err := c.StartTLS(s.tlsConfig(!s.isLoopback())); err != nil {
				return fault("STARTTLS", err)
			}
		case !s.isLoopback():
			return errors.New("smtp: the server offers no STARTTLS: use smtps://, or another port")
		}
	}
	if s.user == "" {
		return nil
	}
	auth, err := s.auth(c)
	if err != nil {
		return err
	}
	if err := c.Auth(auth); err != nil {
		return fault("AUTH", err)
	}
	return nil
}

// tlsConfig is for the server's name. A server on loopback that offers STARTTLS has often a certificate of its own
// making; nobody can be between, and in clear would be as good, so it is believed unless TLS says what to trust.
func (s *Sender) tlsConfig(verify bool) *tls.Config {
	config := s.options.TLS.Clone()
	if config == nil {
		config = &tls.Config{InsecureSkipVerify: !verify} // #nosec G402 -- loopback only, see above
	}
	if config.ServerName == "" {
		config.ServerName = s.host
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return config
}

// auth chooses among what the server offers. The connection is secret here, or goes to this machine.
func (s *Sender) auth(c *smtp.Client) (smtp.Auth, error) {
	_, offered := c.Extension("AUTH")
	has := map[string]bool{}
	for _, name := range strings.Fields(strings.ToUpper(offered)) {
		has[name] = true
	}
	switch {
	case has["PLAIN"]: // first, since servers offer the others without having what they need
		return smtp.PlainAuth("", s.user, s.password, s.host, true), nil
	case has["LOGIN"]:
		return smtp.LoginAuth(s.user, s.password, s.host, true), nil
	case has["SCRAM-SHA-256"]:
		return smtp.ScramSHA256Auth(s.user, s.password), nil
	case has["CRAM-MD5"]:
		return smtp.CRAMMD5Auth(s.user, s.password), nil
	}
	return nil, errors.New("smtp: the server offers no way to sign in that is known here (PLAIN, LOGIN, SCRAM-SHA-256, CRAM-MD5)")
}

// foreign demands SMTPUTF8 (RFC 6531) for addresses beyond ASCII, and for these alone: a mail that is sent with it
// cannot pass a server that lacks it.
func foreign(c *smtp.Client, addresses string) error {
	if !strings.ContainsFunc(addresses, func(r rune) bool { return r > unicode.MaxASCII }) {
		c.SkipSMTPUTF8(true)
		return nil
	}
	if offered, _ := c.Extension("SMTPUTF8"); !offered {
		return deliver.Refused(errors.New("smtp: the server takes addresses in ASCII alone"))
	}
	return nil
}

// body sends the mail itself. Once its end is under way, only an answer tells whether it was taken.
func body(c *smtp.Client, text []byte) error {
	w, err := c.Data()
	if err != nil {
		return recipientFault("DATA", err, isUnknownMailbox)
	}
	if _, err := w.Write(text); err != nil {
		return fault("DATA", err)
	}
	err = w.Close()
	var said *textproto.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said):
		return recipientFault("end of DATA", err, isUnknownMailbox)
	}
	return deliver.Unclear(fmt.Errorf("smtp: no answer to the end of the mail: %w", withoutText(err)))
}

// fault says what a failure before the mail's end means: nothing was sent. A server's 5xx says that trying again is no
// use; all else may be better later.
func fault(at string, err error) error {
	said := fmt.Errorf("smtp: %s: %w", at, withoutText(err))
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code >= 500 {
		return said
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return said
	}
	return deliver.Temporary(said)
}

// recipientFault is fault, save where the reply says that it is the recipient's.
func recipientFault(at string, err error, isTheirs func(code int, enhanced string) bool) error {
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code >= 500 && isTheirs(reply.Code, enhanced(reply.Msg)) {
		return deliver.Refused(fmt.Errorf("smtp: %s: %w", at, withoutText(err)))
	}
	return fault(at, err)
}

// isDestinationFault: of the replies to RCPT, those that do not speak of us: signing in (530, 535), order (503), and
// the server's policy about who may send to where (X.7.X, RFC 3463 §3.8).
func isDestinationFault(code int, enhanced string) bool {
	return code != 503 && code != 530 && code != 535 && !strings.HasPrefix(enhanced, "5.7.")
}

// isUnknownMailbox: some servers look for the mailbox when they have the mail (X.1.X, RFC 3463 §3.2).
func isUnknownMailbox(_ int, enhanced string) bool { return strings.HasPrefix(enhanced, "5.1.") }

var enhancedForm = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}\b`)

// enhanced is the status code of RFC 3463 that a reply begins with, or "".
func enhanced(reply string) string { return enhancedForm.FindString(reply) }

// reply is a server's answer without its sentences.
type reply struct {
	code     int
	enhanced string
}

func (r reply) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the server answered %d %s", r.code, r.enhanced))
}

// withoutText leaves the numbers of a server's answer; other errors are the network's own.
func withoutText(err error) error {
	var said *textproto.Error
	if errors.As(err, &said) {
		return reply{said.Code, enhanced(said.Msg)}
	}
	var network net.Error
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &network) || errors.As(err, &certificate) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return errors.New("the server said what was not expected") // such errors quote it
}
