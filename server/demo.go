package server

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/nightlatch/nightlatch"
)

const (
	demoName = "demo"
	byDemo   = "demonstration"
)

// Demonstrate makes the account of the demonstration with a new password, or gives the one that is there a new one.
// It is refused outside a demonstration.
func (s *Server) Demonstrate(ctx context.Context) (name, secret string, err error) {
	if !s.settings.Demo {
		return "", "", errors.New("this is no demonstration")
	}
	secret = demoPassword()
	a, err := s.Accounts.Find(ctx, demoName)
	if errors.Is(err, nightlatch.ErrNotFound) {
		_, err = s.Add(ctx, Account{Username: demoName}, secret, byDemo, nightlatch.Client{})
		return demoName, secret, err
	}
	if err != nil {
		return "", "", err
	}
	return demoName, secret, s.SetPassword(ctx, a, secret, byDemo)
}

// demoPassword is 100 bits, as four groups that can be typed.
func demoPassword() string {
	text := strings.ToLower(rand.Text())
	return text[0:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:20]
}
