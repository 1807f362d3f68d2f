package smtp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/nightlatch/nightlatch/factor"
)

const host = "mail.example.com"

// server is a real mail server in this process.
type server struct {
	t       *testing.T
	address string
	roots   *x509.CertPool

	// What it answers; nil is 250.
	onMail, onRcpt, onData error
	afterData              func() // before it answers the end of the mail
	auth                   string // the mechanism that it offers; "" is PLAIN

	mutex sync.Mutex
	mails []received
}

// received is a mail as it came.
type received struct {
	hello, user, from, to, text string
	secret                      bool
	utf8                        bool
}

// start runs the server. configure may change how it listens and what it offers.
func (s *server) start(configure func(*gosmtp.Server), implicit bool) {
	s.t.Helper()
	certificate, roots := newCertificate(s.t)
	s.roots = roots
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	srv := gosmtp.NewServer(gosmtp.BackendFunc(func(c *gosmtp.Conn) (gosmtp.Session, error) {
		return &session{server: s, conn: c}, nil
	}))
	srv.Domain = host
	srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	srv.ErrorLog = log.New(io.Discard, "", 0)
	srv.ReadTimeout = time.Minute
	if configure != nil {
		configure(srv)
	}
	if implicit {
		listener = tls.NewListener(listener, srv.TLSConfig)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(listener) }()
	s.t.Cleanup(func() { _ = srv.Close(); <-done })
}

// sender is one that knows the server by its name, as over a network.
func (s *server) sender(url string) *Sender {
	s.t.Helper()
	sender, err := New(Options{
		URL: url, From: "Example <id@example.com>", TLS: &tls.Config{RootCAs: s.roots}, Dial: s.dial,
		Now: func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return sender
}

func (s *server) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, s.address)
}

func (s *server) last() received {
	s.t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.mails) == 0 {
		s.t.Fatal("no mail came")
	}
	return s.mails[len(s.mails)-1]
}

func (s *server) count() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.mails)
}

type session struct {
	server *server
	conn   *gosmtp.Conn
	mail   received
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (s *session) AuthMechanisms() []string {
	if s.server.auth != "" {
		return []string{s.server.auth}
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != "user@example.com" || password != "p:ss/w@rd" {
			return said(535, gosmtp.EnhancedCode{5, 7, 8})
		}
		s.mail.user = user
		return nil
	}
	if mechanism == sasl.Plain {
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	}
	return &loginServer{check: check}, nil
}

// loginServer is AUTH LOGIN, or one that asks what nobody knows.
type loginServer struct {
	check func(user, password string) error
	step  int
	user  string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch l.step++; l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (s *session) Mail(from string, o *gosmtp.MailOptions) error {
	s.mail.from, s.mail.utf8 = from, o.UTF8
	_, s.mail.secret = s.conn.TLSConnectionState()
	s.mail.hello = s.conn.Hostname()
	return s.server.onMail
}

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.mail.to = to
	return s.server.onRcpt
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail.text = string(text)
	s.server.mutex.Lock()
	s.server.mails = append(s.server.mails, s.mail)
	s.server.mutex.Unlock()
	if s.server.afterData != nil {
		s.server.afterData()
		_ = s.conn.Conn().Close()
	}
	return s.server.onData
}

// newCertificate is one for host by an authority of its own.
func newCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

var code = factor.Message{
	Kind: "email", To: "ada@example.org", Subject: "Ihr Code für Übung", Once: true,
	Text: "Ihr Code:\n\n012345\n\nEr gilt 10 Minuten.\n.\nEnde\n", HTML: "<p>Ihr Code:</p><p>012345</p><p>Er gilt 10 Minuten. . Ende</p>",
}
