package web

import (
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

// Where two are needed both set-ups follow each other, with the codes between them, before there is a session.
func TestAtLeastTwoOnPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *nightlatch.Config, _ *Options) {
		c.Policy.Require, c.Policy.AtLeast = nightlatch.Required, 2
	})
	v := s.visitor()
	v.signUp("anna")
	v.enroll("first")
	if len(v.codes()) == 0 {
		t.Errorf("no recovery codes:\n%s", v.body)
	}
	v.get("/account")
	v.want(200, "/account/authenticators/new")
	v.enroll("second")
	v.get("/account")
	v.want(200, "/account")
	v.says("first", "second")
}

// The account page shows the date while grace lasts.
func TestGraceOnTheAccountPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *nightlatch.Config, _ *Options) {
		c.Policy.Require, c.Policy.Grace = nightlatch.Required, 7*24*time.Hour
	})
	v := s.visitor()
	v.signUp("anna")
	v.get("/account")
	v.says("You can sign in without one until")
	v.enroll("first")
	v.get("/account")
	if strings.Contains(v.body, "You can sign in without one until") {
		t.Error("the date stays")
	}
}
