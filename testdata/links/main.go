// Command links is the least that a program with a second factor consists of: users, a store and authenticator apps. It
// is not run; links_test.go looks at what it links.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/totp"
)

// store stands for an application's own.
type store struct{ nightlatch.Store }

type users struct{}

func (users) FindUser(context.Context, string) (nightlatch.User, error) {
	return nightlatch.User{}, nightlatch.ErrNotFound
}

func main() {
	key, err := nightlatch.NewKeyRing(rand.Reader, time.Now())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	svc, err := nightlatch.New(nightlatch.Config{
		Users: users{}, Store: store{}, Key: key, Factors: []factor.Factor{totp.New(totp.Options{})},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	svc.Close()
}
