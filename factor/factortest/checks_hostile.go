package factortest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nightlatch/nightlatch/factor"
)

// checkHostile: no response, however shaped, panics, passes, or is called a fault of ours.
func checkHostile(ctx context.Context, f Fixture) error {
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	_, pending, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	for _, r := range hostile(f.Factor.Info().Kind) {
		for _, pending := range []factor.State{pending, nil} {
			v, err := f.Factor.Verify(ctx, p.call(p.held), pending, r)
			if _, err := refusal(v, err); err != nil {
				return fmt.Errorf("response %s: %w", brief(r), err)
			}
			if pending == nil {
				break
			}
		}
	}
	return nil
}

// checkHostileEnrollment: the same at both ends of an enrollment.
func checkHostileEnrollment(ctx context.Context, f Fixture) error {
	p := meet(f, 0)
	if err := p.begin(ctx); err != nil {
		return err
	}
	for _, r := range hostile(f.Factor.Info().Kind) {
		_, _, err := f.Factor.BeginEnrollment(ctx, p.enrollment(), r)
		if err != nil && !errors.Is(err, factor.ErrRefused) {
			return fmt.Errorf("BeginEnrollment called response %s a fault of ours: %w", brief(r), err)
		}
		if f.Enroll == nil {
			continue
		}
		e, err := f.Factor.FinishEnrollment(ctx, p.enrollment(), p.pending, r)
		if err := noEnrollment(e, err); err != nil {
			return fmt.Errorf("FinishEnrollment, response %s: %w", brief(r), err)
		}
	}
	return nil
}

const megabyte = 1 << 20

// hostile is responses that no person gives.
func hostile(kind factor.Kind) []factor.Response {
	texts := []string{
		"", " ", "\x00", "12\x0034", "\xff\xfe\xfd", "\r\n", "-", "----", "0", "-1", "+1e9", "١٢", "\u202e123456",
		"'; --", "<b>", "../..", "%00", "${x}",
		strings.Repeat("9", 5000), strings.Repeat("a", megabyte), strings.Repeat("\u0301", 5000),
	}
	credentials := []string{
		"", "null", "{}", "[]", "0", "1e999", `"x"`, "true", "{", `{"id":1,"rawId":[],"response":7,"type":{}}`,
		`{"id":"","rawId":"","type":"public-key","response":{}}`,
		`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"AA","authenticatorData":"AA",` +
			`"signature":"AA","attestationObject":"AA"}}`,
		"{\"id\":\"\xff\x00\"}", strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 20_000),
		`{"id":"` + strings.Repeat("A", megabyte) + `"}`,
	}
	rs := make([]factor.Response, 0, len(texts)+len(credentials))
	for _, s := range texts {
		rs = append(rs, factor.Response{Kind: kind, ID: s, Code: s, NextCode: s, Password: s, Phone: s, Email: s})
	}
	for _, s := range credentials {
		rs = append(rs, factor.Response{Kind: kind, Credential: json.RawMessage(s)})
	}
	return rs
}

// brief names a hostile response in a failure.
func brief(r factor.Response) string {
	if r.Credential != nil {
		return fmt.Sprintf("credential %.40q… (%d bytes)", bytes.ToValidUTF8(r.Credential, nil), len(r.Credential))
	}
	return fmt.Sprintf("text %.40q… (%d bytes)", r.Code, len(r.Code))
}

// checkFinder: a factor that finds an authenticator without a name finds the one that it enrolled.
func checkFinder(ctx context.Context, f Fixture) error {
	finder, ok := f.Factor.(factor.Finder)
	if !ok {
		return nil
	}
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	if p.enrolled.Lookup == "" {
		return errors.New("a Finder enrolled something without a Lookup")
	}
	prompt, _, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	got, err := finder.Lookup(p.answer(prompt))
	if err != nil || got != p.enrolled.Lookup {
		return fmt.Errorf("Lookup gave %q, %v, want %q as enrolled", got, err, p.enrolled.Lookup)
	}
	for _, r := range hostile(f.Factor.Info().Kind) {
		if got, err := finder.Lookup(r); err != nil && !errors.Is(err, factor.ErrRefused) {
			return fmt.Errorf("Lookup called response %s a fault of ours: %w", brief(r), err)
		} else if err == nil && (got == "" || got == p.enrolled.Lookup) {
			return fmt.Errorf("Lookup found %q by response %s", got, brief(r))
		}
	}
	return nil
}
