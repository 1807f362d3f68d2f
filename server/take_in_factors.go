package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/factor/webauthn"
	"github.com/nightlatch/nightlatch/server/importer"
)

// prepared is a factor that can be installed.
type prepared struct {
	in   nightlatch.Installation
	what string // for the report
	ref  string
}

// prepare makes what Install keeps of the factors of an account, outside any transaction, and reports those that cannot
// be. An account whose second factors are all among these is refused: it would be less guarded here than where it was.
func (t *TakingIn) prepare(ctx context.Context, a Account, from importer.Account, out *Taken) ([]prepared, error) {
	var made []prepared
	guarded := false
	for _, f := range from.Factors {
		p, err := t.prepareOne(ctx, a, f)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			at := f.At
			if at == "" {
				at = from.At
			}
			out.Left = append(out.Left, importer.Left{At: at, What: f.What(), Why: err.Error(), Guards: f.Kind != recovery.Kind})
			continue
		}
		if slices.ContainsFunc(made, func(o prepared) bool { return o.ref == p.ref }) {
			continue // said twice
		}
		guarded = guarded || f.Kind != recovery.Kind
		made = append(made, p)
		out.Took = append(out.Took, p.what)
	}
	isBackup := func(p prepared) bool { return p.in.Kind == recovery.Kind }
	if !guarded && !from.Adds && !from.MayExist && slices.ContainsFunc(made, isBackup) {
		made = slices.DeleteFunc(made, isBackup)
		out.Took = slices.DeleteFunc(out.Took, func(what string) bool { return strings.HasSuffix(what, "recovery codes") })
		out.Left = append(out.Left, importer.Left{At: from.At, What: "recovery codes", Why: "without a second factor they open nothing"})
	}
	if lost := slices.IndexFunc(out.Left, func(l importer.Left) bool { return l.Guards }); lost >= 0 && !guarded && !from.Adds {
		return nil, refuse("%s: %s; without it the account would have no second factor", out.Left[lost].What, out.Left[lost].Why)
	}
	return made, nil
}

func (t *TakingIn) prepareOne(ctx context.Context, a Account, f importer.Factor) (prepared, error) {
	made, identity, err := t.enrolled(ctx, a, f)
	if err != nil {
		return prepared{}, err
	}
	if label := cleanLabel(f.Label); label != "" {
		made.Label = label // a suggestion: where it is taken a number follows it
	}
	p := prepared{
		in: nightlatch.Installation{
			User: a.ID, Kind: f.Kind, Enrolled: made, CreatedAt: f.Created, LastUsedAt: f.LastUsed, Preferred: f.Preferred,
		},
		what: string(f.Kind), ref: ref("factor", a.ID, string(f.Kind), identity),
	}
	switch {
	case f.Kind == recovery.Kind:
		p.what = fmt.Sprintf("%d recovery codes", made.Left)
	case made.Label != "":
		p.what = fmt.Sprintf("%s %q", f.Kind, made.Label)
	}
	if f.Suspended {
		p.in.Allows = factor.AllowsNothing
		p.what += " (suspended)"
	}
	if now := t.s.now(); f.Created.After(now) || f.LastUsed.After(now) {
		p.in.CreatedAt, p.in.LastUsedAt = now, now
	}
	return p, nil
}

// enrolled makes the authenticator of a factor, and says what tells it from all others.
func (t *TakingIn) enrolled(ctx context.Context, a Account, f importer.Factor) (made factor.Enrolled, identity string, err error) {
	s := t.s
	switch {
	case (f.Kind == totp.ByTime || f.Kind == totp.ByCounter) && f.TOTP != nil:
		f.TOTP.Kind = f.Kind
		made.State, err = totp.NewState(*f.TOTP)
		return made, string(f.TOTP.Secret), err
	case f.Kind == totp.ByTime || f.Kind == totp.ByCounter:
		return factor.Enrolled{State: f.State}, string(f.State), totp.CheckState(f.Kind, f.State)
	case f.Kind == webauthn.Kind:
		made, err = s.enrolledKey(f)
		return made, made.Lookup, err
	case f.Kind == sentcode.Email || f.Kind == sentcode.SMS:
		return s.enrolledAddress(a, f)
	case f.Kind == recovery.Kind && f.State != nil:
		made, err = recovery.Restated(f.State)
		return made, string(f.State), err
	case f.Kind == recovery.Kind:
		made, err = s.recovery.FromCodes(ctx, s.call(a.user()), f.Codes)
		return made, strings.Join(f.Codes, ","), err
	}
	return made, "", fmt.Errorf("there is no kind %.20q", string(f.Kind))
}

func (s *Server) enrolledKey(f importer.Factor) (factor.Enrolled, error) {
	switch {
	case s.keys == nil:
		return factor.Enrolled{}, errors.New("security keys are off: public_url has no host name")
	case f.U2F != nil && f.U2F.AppID != s.settings.WebAuthn.AppID:
		return factor.Enrolled{}, fmt.Errorf("its appId is %.200q; it can work only with webauthn.app_id set to that", f.U2F.AppID)
	case f.U2F != nil:
		return webauthn.Imported(*f.U2F)
	case f.Key != nil:
		return s.keys.NewState(*f.Key)
	}
	return s.keys.Restated(f.State)
}

func (s *Server) enrolledAddress(a Account, f importer.Factor) (made factor.Enrolled, identity string, err error) {
	codes, missing := s.mails, "mail.url is not set, so no code can be mailed"
	if f.Kind == sentcode.SMS {
		codes, missing = s.texts, "sms.provider and sms.countries are not set, so no code can be sent"
	}
	if codes == nil {
		return made, "", errors.New(missing)
	}
	if f.State != nil {
		made, err = codes.Restated(f.State)
		return made, string(f.State), err
	}
	to := f.To
	if to == "" && f.Kind == sentcode.Email {
		to = a.Email
	}
	made, err = codes.NewState(to)
	var refused *factor.Refused
	if errors.As(err, &refused) {
		return made, "", fmt.Errorf("the %s is %s", refused.Field, words(refused.Problem))
	}
	return made, to, err
}

// maxLabel is the longest name of an authenticator in code points; a number may follow it.
const maxLabel = 60

// cleanLabel is a name of another program as it can be shown on a line.
func cleanLabel(label string) string {
	label = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(label, "")))
	if utf8.RuneCountInString(label) > maxLabel {
		label = strings.TrimSpace(string([]rune(label)[:maxLabel]))
	}
	return label
}

// install installs what was prepared, and notes it.
func (t *TakingIn) install(ctx context.Context, account string, made []prepared) error {
	for _, m := range made {
		if err := t.s.Service.Install(ctx, m.in); err != nil {
			return err
		}
		if err := t.note(ctx, m.ref, account); err != nil {
			return err
		}
	}
	return nil
}

// unknown are those that were neither taken in before nor are held already. Recovery codes that an account has are not
// replaced.
func (t *TakingIn) unknown(ctx context.Context, a Account, made []prepared) (fresh []prepared, before int, err error) {
	for _, m := range made {
		known, err := t.known(ctx, m.ref)
		if err != nil {
			return nil, 0, err
		}
		if !known {
			if known, err = t.held(ctx, a, m); err != nil {
				return nil, 0, err
			}
		}
		if known {
			before++
		} else {
			fresh = append(fresh, m)
		}
	}
	return fresh, before, nil
}

func (t *TakingIn) held(ctx context.Context, a Account, m prepared) (bool, error) {
	_, held, err := t.s.Service.HeldOf(ctx, a.user(), m.in.Kind)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(held, func(h factor.Held) bool {
		switch m.in.Kind {
		case recovery.Kind:
			return h.Allows == factor.AllowsAll && h.ExpiresAt.IsZero()
		case totp.ByTime, totp.ByCounter:
			return totp.SameSecret(h.State, m.in.Enrolled.State)
		case webauthn.Kind:
			again, err := t.s.keys.Restated(h.State)
			return err == nil && again.Lookup == m.in.Enrolled.Lookup
		}
		return bytes.Equal(h.State, m.in.Enrolled.State)
	}), nil
}
