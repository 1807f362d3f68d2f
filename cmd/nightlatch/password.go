package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
)

type passwordCommand struct {
	Hash passwordHash `cmd:"" help:"Print the hash of the password on standard input, or asked for at the terminal."`
}

type passwordHash struct{}

// Run prints a hash for settings and imports. It judges neither length nor worth: the hash may be of an old password.
func (passwordHash) Run(ctx context.Context, c *console) error {
	text, err := c.askNewSecret(ctx, "Password: ")
	if err != nil {
		return err
	}
	hash, err := password.New(password.Options{}).Hash(ctx, c.random, text)
	if refused := (*factor.Refused)(nil); errors.As(err, &refused) {
		return passwordProblem(refused.Problem)
	}
	if err != nil {
		return fmt.Errorf("hash the password: %w", err)
	}
	return c.print("%s", hash)
}

// passwordProblem says in words what a factor's problem code means.
func passwordProblem(problem string) error {
	words := map[string]string{
		"missing":    "is empty",
		"invalid":    "is not UTF-8 text, or has a NUL character",
		"too_short":  "is too short; see password.min_length",
		"too_long":   "is too long; see password.max_length",
		"too_common": "is one of those that are tried first; choose another",
	}
	if text, ok := words[problem]; ok {
		return errors.New("the password " + text)
	}
	return errors.New("the password cannot be used: " + problem)
}
