package main

import (
	"context"
	"fmt"

	"github.com/nightlatch/nightlatch/server"
)

// announceDemo makes the account of the demonstration and tells its password on standard error.
func (c *console) announceDemo(ctx context.Context, s *server.Server) error {
	name, password, err := s.Demonstrate(ctx)
	if err != nil {
		return fmt.Errorf("make the account of the demonstration: %w", err)
	}
	_, err = fmt.Fprintf(c.stderr, "nightlatch: demonstration: sign in as %s with the password %s\n", name, password)
	return err
}
