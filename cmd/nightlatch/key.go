package main

import (
	"strings"

	"github.com/nightlatch/nightlatch"
)

type keyCommands struct {
	New keyNew `cmd:"" help:"Print a new key, for key_file or the environment variable NIGHTLATCH_KEY. It changes nothing."`
}

type keyNew struct{}

// Run prints a key ring with one key as one line, since environment variables have one.
func (keyNew) Run(c *console) error {
	ring, err := nightlatch.NewKeyRing(c.random, c.now())
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(ring.Format())) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		if err := c.print("%s", strings.TrimSpace(line)); err != nil {
			return err
		}
	}
	return nil
}
