package server

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// signUpKind stands in the engine's table of throttles for accounts that people make.
const signUpKind factor.Kind = "sign_up"

// signUpWindow is the hour of sign_up.per_address_per_hour.
const signUpWindow = time.Hour

// countSignUp counts one more account that is made from an address, and returns *nightlatch.ThrottledError where that
// were too many within the hour. It is called before the password is hashed: a hash costs us more than the request
// that asks for it. An address that nobody knows counts for nothing.
func (s *Server) countSignUp(ctx context.Context, addr string) error {
	network := networkOf(addr)
	if network == "" {
		return nil
	}
	return s.store.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
		now := s.now().UTC().Truncate(time.Microsecond)
		row := nightlatch.ThrottleRecord{Subject: "sign_up:" + network, Kind: signUpKind}
		rows, err := tx.ThrottlesOf(ctx, row.Subject)
		if err != nil {
			return err
		}
		var made []time.Time
		if len(rows) > 0 {
			row = rows[0]
			if err := json.Unmarshal(row.Data, &made); err != nil {
				return err
			}
		}
		made = slices.DeleteFunc(made, func(at time.Time) bool { return now.Sub(at) >= signUpWindow })
		if most := s.settings.SignUp.PerAddressPerHour; len(made) >= most {
			return &nightlatch.ThrottledError{RetryAfter: made[len(made)-most].Add(signUpWindow).Sub(now)}
		}
		if row.Data, err = json.Marshal(append(made, now)); err != nil {
			return err
		}
		row.ExpiresAt = now.Add(signUpWindow)
		return tx.Put(ctx, row)
	})
}

// networkOf counts an IPv6 network of 64 bits as one address, since one customer has at least that many.
func networkOf(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return ""
	}
	bits := 32
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(ip, bits).Masked().String()
}
