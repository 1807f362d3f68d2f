package nightlatch_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/totp"
)

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func TestConfigErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for want, spoil := range map[string]func(c *nightlatch.Config){
		"Config.Users":                 func(c *nightlatch.Config) { c.Users = nil },
		"Config.Store":                 func(c *nightlatch.Config) { c.Store = nil },
		"Config.Key":                   func(c *nightlatch.Config) { c.Key = nil },
		"Config.Factors is empty":      func(c *nightlatch.Config) { c.Factors = nil },
		"Config.Factors[0] is not set": func(c *nightlatch.Config) { c.Factors = []factor.Factor{nil} },
		`kind "totp"`:                  func(c *nightlatch.Config) { c.Factors = []factor.Factor{w.app, totp.New(totp.Options{})} },
		`kind ""`:                      func(c *nightlatch.Config) { c.Factors = []factor.Factor{knock("")} },
		`"sometimes"`:                  func(c *nightlatch.Config) { c.Policy.Require = "sometimes" },
		`"webauthn"`:                   func(c *nightlatch.Config) { c.Policy.Enroll = []factor.Kind{"webauthn"} },
		"no second factor": func(c *nightlatch.Config) {
			c.Policy = nightlatch.Policy{Require: nightlatch.Admins, Enroll: []factor.Kind{"paper"}}
		},
	} {
		c := w.config
		spoil(&c)
		s, err := nightlatch.New(c)
		if err == nil || s != nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "nightlatch: ") {
			t.Errorf("err = %v, want one that says %s", err, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c := newWorld(t).config
	c.Now, c.Policy = nil, nightlatch.Policy{}
	s := must(nightlatch.New(c))
	if p := s.Policy(); p.Require != nightlatch.Optional || p.Fresh != 10*time.Minute || s.SessionLife() != 720*time.Hour {
		t.Errorf("policy = %+v, session %v", p, s.SessionLife())
	}
	if since := time.Since(s.Now()); since < 0 || since > time.Minute {
		t.Errorf("now is %v off", since)
	}
	if i, ok := s.Factor(totp.ByTime); !ok || i.Name != "Authenticator app" {
		t.Errorf("factor = %+v, %v", i, ok)
	}
	if _, ok := s.Factor("unknown"); ok {
		t.Error("there is no such factor")
	}
}

func TestFindUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	if u := must(w.FindUser(t.Context(), "ann")); u.Name != "ann" {
		t.Errorf("user = %+v", u)
	}
	_, err := w.FindUser(t.Context(), "nobody")
	w.want(err, nightlatch.ErrNotFound)
	w.people.fail(errors.New("down"))
	_, err = w.FindUser(t.Context(), "ann")
	w.want(err, nightlatch.ErrUnavailable)
}

// A key ring that lost its key opens nothing, and says so.
func TestAnotherKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.begun("ann")
	other := w.another(func(c *nightlatch.Config) { c.Key = must(nightlatch.NewKeyRing(sharedRandom, start)) })
	_, err := other.Verify(t.Context(), tok, factor.Response{Kind: "knock", Code: "right"}, client)
	w.want(err, nightlatch.ErrUnavailable)
	w.must(w.prove(tok, "knock", "right"))
}

func TestEventsAreLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w := newWorld(t, func(c *nightlatch.Config) { c.Log = logTo(&log) })
	w.add("ann")
	w.withPassword("ann")
	if got := log.String(); !strings.Contains(got, "event=signed_in user=ann addr=192.0.2.7") {
		t.Errorf("log = %s", got)
	}
}
