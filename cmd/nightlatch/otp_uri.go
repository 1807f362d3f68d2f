package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/nightlatch/nightlatch/factor/totp"
)

type otpURI struct {
	Issuer         *string `placeholder:"I" help:"What the service calls itself."`
	Account        *string `placeholder:"A" help:"Whose it is."`
	generatorFlags `embed:""`
}

// Run prints a URI.
func (cmd otpURI) Run(ctx context.Context, c *console) error {
	u, err := cmd.read(ctx, c)
	if err != nil {
		return err
	}
	if cmd.Issuer != nil {
		u.Issuer = *cmd.Issuer
	}
	if cmd.Account != nil {
		u.Account = *cmd.Account
	}
	if u.Account == "" {
		return misuse("--account is missing; it is what an app shows beside the code")
	}
	text, err := u.Encode()
	if err != nil {
		return misuse("%s", plain(err))
	}
	return c.print("%s", text)
}

type otpParse struct {
	URI *string `arg:"" optional:"" name:"uri" help:"The otpauth: URI; else it is read from standard input."`
}

// uriParts are the parts of a URI, as contract and scripts name them.
type uriParts struct {
	Type      string  `json:"type"`
	Issuer    string  `json:"issuer"`
	Account   string  `json:"account"`
	Secret    string  `json:"secret"`
	Algorithm string  `json:"algorithm"`
	Digits    int     `json:"digits"`
	Period    *int    `json:"period,omitempty"`
	Counter   *uint64 `json:"counter,omitempty"`
	Encoder   string  `json:"encoder,omitempty"`
}

// Run prints the parts, with the defaults of what the URI leaves out.
func (cmd otpParse) Run(ctx context.Context, c *console) error {
	u, _, err := c.uri(ctx, cmd.URI)
	if err != nil {
		return err
	}
	parts := uriParts{
		Type: string(u.Kind), Issuer: u.Issuer, Account: u.Account, Secret: u.Secret.Base32(),
		Algorithm: string(u.Algorithm), Digits: u.Digits,
	}
	if u.Kind == totp.ByCounter {
		parts.Counter = &u.Counter
	} else {
		parts.Period = &u.Period
	}
	if u.Steam {
		parts.Encoder = "steam"
	}
	text, err := json.MarshalIndent(parts, "", "  ") //nolint:gosec // who asked for the secret gave it
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return c.print("%s", text)
}

// uri is the URI that is given, as it is and in its parts.
func (c *console) uri(ctx context.Context, argument *string) (totp.URI, string, error) {
	text, err := c.given(ctx, argument, "otpauth: URI: ")
	if err != nil {
		return totp.URI{}, "", err
	}
	u, err := totp.ParseURI(text)
	if err != nil {
		return u, "", misuse("%w", err)
	}
	return u, text, nil
}

type otpQR struct {
	URI *string `arg:"" optional:"" name:"uri" help:"The otpauth: URI; else it is read from standard input."`
	SVG string  `name:"svg" placeholder:"FILE" help:"Write SVG to this file, - for standard output."`
	PNG string  `name:"png" placeholder:"FILE" help:"Write PNG to this file, - for standard output."`
}

// Run draws the URI as it was given.
func (cmd otpQR) Run(ctx context.Context, c *console) error {
	_, text, err := c.uri(ctx, cmd.URI)
	if err != nil {
		return err
	}
	code, err := totp.NewQR(text)
	if err != nil {
		return misuse("%s", plain(err))
	}
	if cmd.SVG != "" {
		if err := c.save(cmd.SVG, []byte(code.SVG()+"\n")); err != nil {
			return err
		}
	}
	if cmd.PNG != "" {
		if err := c.save(cmd.PNG, code.PNG()); err != nil {
			return err
		}
	}
	if cmd.SVG != "" || cmd.PNG != "" {
		return nil
	}
	return c.print("%s", strings.TrimSuffix(code.Terminal(), "\n"))
}

// save writes a file that its owner alone may read, as a secret is in it.
func (c *console) save(path string, data []byte) error {
	if path == "-" {
		if _, err := c.stdout.Write(data); err != nil {
			return fmt.Errorf("write the answer: %w", err)
		}
		return nil
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write the picture: %w", err)
	}
	return nil
}
