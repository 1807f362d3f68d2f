package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// otpCommands are the codes of RFC 4226 and RFC 6238 by hand. They need no server and no settings.
type otpCommands struct {
	Secret otpSecret `cmd:"" help:"Print a new secret: base32 without padding, or hex."`
	Code   otpCode   `cmd:"" help:"Print a code."`
	Verify otpVerify `cmd:"" help:"Verify a code: print the step or counter that matches, or exit with status 1."`
	URI    otpURI    `cmd:"" name:"uri" help:"Print an otpauth: URI."`
	Parse  otpParse  `cmd:"" help:"Print the parts of an otpauth: URI as JSON."`
	QR     otpQR     `cmd:"" name:"qr" help:"Draw an otpauth: URI as a QR code, in the terminal or to a file."`
}

type otpSecret struct {
	Bytes int  `default:"20" help:"How many bytes, 16 to 64."`
	Hex   bool `help:"Write hex, which the other commands take after \"hex:\"."`
}

// Run prints a new secret.
func (cmd otpSecret) Run(c *console) error {
	if cmd.Bytes < totp.MinSecretSize || cmd.Bytes > totp.MaxSecretSize {
		return misuse("--bytes %d is not allowed; allowed is %d to %d", cmd.Bytes, totp.MinSecretSize, totp.MaxSecretSize)
	}
	secret, err := totp.NewSecret(c.random, cmd.Bytes)
	if err != nil {
		return err
	}
	if cmd.Hex {
		return c.print("%s", secret.Hex())
	}
	return c.print("%s", secret.Base32())
}

// generatorFlags say which codes are meant.
type generatorFlags struct {
	Secret    *string `placeholder:"S" help:"The secret, base32 or hex:…, or an otpauth: URI in its place; else it is read from standard input."`
	Counter   *uint64 `placeholder:"N" help:"Codes by this counter (HOTP), not by time."`
	Algorithm *string `placeholder:"SHA1" help:"SHA1, SHA256 or SHA512."`
	Digits    *int    `placeholder:"6" help:"6 to 8."`
	Period    *int    `placeholder:"30" help:"Seconds, for codes by time."`
	Steam     bool    `help:"Steam's codes: five letters and digits."`
}

// read is what the secret, or the URI in its place, and the flags say together. Flags win over the URI.
func (f generatorFlags) read(ctx context.Context, c *console) (totp.URI, error) {
	var u totp.URI
	text, err := c.given(ctx, f.Secret, "Secret: ")
	if err != nil {
		return u, err
	}
	if isURI(text) {
		if u, err = totp.ParseURI(text); err != nil {
			return u, misuse("%w", err)
		}
	} else if u.Secret, err = totp.ParseSecret(text); err != nil {
		return u, misuse("%w", err)
	}
	if f.Counter != nil {
		u.Kind, u.Counter = totp.ByCounter, *f.Counter
	}
	if f.Algorithm != nil {
		if u.Algorithm, err = totp.ParseAlgorithm(*f.Algorithm); err != nil {
			return u, misuse("--algorithm %w", err)
		}
	}
	if u.Digits, err = positive("--digits", f.Digits, u.Digits); err != nil {
		return u, err
	}
	if u.Period, err = positive("--period", f.Period, u.Period); err != nil {
		return u, err
	}
	u.Steam = u.Steam || f.Steam
	if err := u.Check(); err != nil {
		return u, misuse("%s", plain(err))
	}
	return u, nil
}

// positive keeps a zero from standing for the default.
func positive(flag string, given *int, otherwise int) (int, error) {
	if given == nil {
		return otherwise, nil
	}
	if *given < 1 {
		return 0, misuse("%s %d is not allowed; allowed is a number above 0", flag, *given)
	}
	return *given, nil
}

// given is an argument, or in its absence what is read from the terminal or standard input. Around it spaces do not count.
func (c *console) given(ctx context.Context, argument *string, question string) (string, error) {
	if argument != nil {
		return strings.TrimSpace(*argument), nil
	}
	text, err := c.askSecret(ctx, question)
	if err != nil {
		return "", misuse("%w", err)
	}
	return strings.TrimSpace(text), nil
}

func isURI(text string) bool {
	const scheme = "otpauth:"
	return len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme)
}

// plain is an error of package totp without the package's name.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "totp: ") }

// timeFlag is a point in time.
type timeFlag struct {
	Time string `placeholder:"UNIX-OR-RFC3339" help:"The time that counts, in seconds since 1970 or like 2026-11-22T08:00:00Z; else now."`
}

func (f timeFlag) read(c *console) (time.Time, error) {
	if f.Time == "" {
		return c.now(), nil
	}
	if seconds, err := strconv.ParseInt(f.Time, 10, 64); err == nil {
		return time.Unix(seconds, 0), nil
	}
	t, err := time.Parse(time.RFC3339, f.Time)
	if err != nil {
		return t, misuse("--time %q is not allowed; allowed are seconds since 1970, or a time like 2026-11-22T08:00:00Z", f.Time)
	}
	return t, nil
}

type otpCode struct {
	generatorFlags `embed:""`
	timeFlag       `embed:""`
}

// Run prints one code.
func (cmd otpCode) Run(ctx context.Context, c *console) error {
	u, at, err := cmd.read(ctx, c)
	if err != nil {
		return err
	}
	var code string
	if u.Kind == totp.ByCounter {
		code, err = u.Code(u.Counter)
	} else {
		code, err = u.At(at)
	}
	if err != nil {
		return misuse("%s", plain(err))
	}
	return c.print("%s", code)
}

// read is the generator and the time.
func (cmd otpCode) read(ctx context.Context, c *console) (totp.URI, time.Time, error) {
	at, err := cmd.timeFlag.read(c)
	if err != nil {
		return totp.URI{}, at, err
	}
	u, err := cmd.generatorFlags.read(ctx, c)
	if err == nil && u.Kind == totp.ByCounter && cmd.Time != "" {
		err = misuse("--time is not allowed for codes by counter")
	}
	return u, at, err
}

type otpVerify struct {
	Code    string `arg:"" help:"The code."`
	otpCode `embed:""`
	Window  *int `placeholder:"N" help:"How far a code may be off: steps both ways by time (1), counters ahead (0)."`
}

// maxWindow bounds how long one command computes.
const maxWindow = 10_000

// Run prints the step or counter that the code fits.
func (cmd otpVerify) Run(ctx context.Context, c *console) error {
	u, at, err := cmd.read(ctx, c)
	if err != nil {
		return err
	}
	byCounter := u.Kind == totp.ByCounter
	window := 1
	if byCounter {
		window = 0
	}
	if cmd.Window != nil {
		window = *cmd.Window
	}
	if window < 0 || window > maxWindow {
		return misuse("--window %d is not allowed; allowed is 0 to %d", window, maxWindow)
	}
	if byCounter {
		counter, ok := u.VerifyCounter(cmd.Code, u.Counter, window)
		if !ok {
			return fmt.Errorf("the code is wrong for counter %d and %d more", u.Counter, window)
		}
		return c.print("%d", counter)
	}
	if _, err := u.Step(at); err != nil {
		return misuse("%s", plain(err))
	}
	step, ok := u.Generator.Verify(cmd.Code, at, window, -1)
	if !ok {
		return wrongByTime(u.Generator, cmd.Code, at)
	}
	return c.print("%d", step)
}

// wrongByTime says so when a clock that is off by up to ten minutes would explain a wrong code.
func wrongByTime(g totp.Generator, code string, at time.Time) error {
	period := g.Period
	if period == 0 {
		period = totp.DefaultPeriod
	}
	if step, ok := g.Verify(code, at, 600/period, -1); ok {
		if present, err := g.Step(at); err == nil {
			return fmt.Errorf("the code is wrong now; it fits a clock that is %d s off, so check the time here and there", (step-present)*int64(period))
		}
	}
	return errors.New("the code is wrong")
}
