// Package post asks a provider of messages for something by HTTP, and says whether anything can have reached it. It
// knows no provider.
package post

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// limit is how long a request takes at most, connectLimit how long until somebody answers at all: then there is
	// time left for another sender.
	limit        = 10 * time.Second
	connectLimit = 3 * time.Second
	maxAnswer    = 64 << 10 // bytes that are read of a body
)

// Client connects quickly or not at all, and follows no redirect: a message for one place is for no other. transport
// replaces the way to the network; nil is a new one.
func Client(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: connectLimit}).DialContext,
			TLSHandshakeTimeout: connectLimit,
			ForceAttemptHTTP2:   true,
			IdleConnTimeout:     time.Minute,
			MaxIdleConnsPerHost: 4,
		}
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Error is a request without an answer. It does not name the URL, which may hold a secret.
type Error struct {
	// Connected: there was a connection, so the request may have been read.
	Connected bool
	Cause     error
}

// Error says the cause.
func (e *Error) Error() string { return "no answer: " + e.Cause.Error() }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Answer is what came back.
type Answer struct {
	Status int
	Body   []byte // as far as it came, 64 KiB at most
}

// Do sends a request, within 10 seconds. Its errors are *Error.
func Do(ctx context.Context, c *http.Client, r *http.Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	answer, err := c.Do(r.WithContext(ctx)) //nolint:gosec // the operator names the address
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err
		}
		return Answer{}, &Error{connected.Load(), err}
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // the status is an answer even where the body breaks off
	return Answer{answer.StatusCode, body}, nil
}

// ReadURL reads the address of a provider. What it answers does not quote the address: that may hold a secret.
func ReadURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it cannot be read")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, errors.New("it is no https address")
	case u.Fragment != "":
		return nil, errors.New("it has a fragment, which would not be sent")
	}
	return u, nil
}

// IsSecret reports whether nobody on the way can read what is sent there: by https, or to this machine.
func IsSecret(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	if u.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
