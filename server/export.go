package server

import (
	"context"
	"io"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/factor/webauthn"
	"github.com/nightlatch/nightlatch/server/importer"
)

// exportedKinds are what an account holds beside its password.
func exportedKinds() []factor.Kind {
	return []factor.Kind{webauthn.Kind, totp.ByTime, totp.ByCounter, sentcode.Email, sentcode.SMS, recovery.Kind}
}

// Export writes every account as a line that the format "nightlatch" of an import reads. Accounts that settings define
// are not among them. With secrets a line holds the hash of the password and the secrets of the authenticators, as they
// are: whoever reads it can sign in.
func (s *Server) Export(ctx context.Context, to io.Writer, secrets bool) (written, defined int, err error) {
	err = s.Accounts.List(ctx, func(a Account) error {
		if a.Defined {
			defined++
			return nil
		}
		var out importer.Account
		err := s.store.Snapshot(ctx, func(ctx context.Context) (err error) {
			out, err = s.exported(ctx, a)
			return err
		})
		if err != nil {
			return err
		}
		written++
		return importer.Write(to, secrets, out)
	})
	return written, defined, err
}

func (s *Server) exported(ctx context.Context, a Account) (importer.Account, error) {
	out := importer.Account{
		Ref: a.ID, Username: a.Username, Email: a.Email, EmailConfirmedAt: a.EmailConfirmedAt,
		Groups: a.Groups, Admin: a.Admin, Disabled: a.Disabled, Created: a.CreatedAt,
	}
	carried, err := s.Service.CarriedOf(ctx, a.ID)
	if err != nil {
		return out, err
	}
	out.Handle, out.AfterReset = carried.Handle, carried.AfterReset
	_, held, err := s.Service.HeldOf(ctx, a.user(), append([]factor.Kind{password.Kind}, exportedKinds()...)...)
	if err != nil {
		return out, err
	}
	for _, h := range held {
		if h.Kind == password.Kind {
			if out.PasswordHash, err = password.HashOf(h.State); err != nil {
				return out, err
			}
			continue
		}
		if !h.ExpiresAt.IsZero() || h.Allows == factor.AllowsEnrollment {
			continue // a code that stands in for a while
		}
		out.Factors = append(out.Factors, importer.Factor{
			Kind: h.Kind, Label: h.Label, Preferred: h.Preferred, Created: h.CreatedAt, LastUsed: h.LastUsedAt,
			Suspended: h.Allows == factor.AllowsNothing, State: h.State,
		})
	}
	return out, nil
}
