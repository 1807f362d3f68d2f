package password

import (
	"context"
	"slices"

	"golang.org/x/text/unicode/norm"

	"github.com/nightlatch/nightlatch/factor"
)

// Verify judges a password: against a hash of ours in NFC, against one from elsewhere as it was typed, then in NFC,
// then in NFKD. With nothing held, and for a text that can be no password, it does the same work all the same, so that its time says
// nothing; while hashes from elsewhere are in use (Options.Foreign) that is the work of their kinds too. A right password
// whose hash is of another cost or from elsewhere comes with a new State. It returns ErrBusy under load.
func (f *Factor) Verify(
	ctx context.Context, c factor.Call, _ factor.State, r factor.Response,
) (factor.Verdict, error) {
	spellings, possible := []string{r.Password}, judgeable(r.Password)
	if possible {
		spellings = spell(r.Password)
	}
	l, err := f.account(ctx, len(spellings))
	if err != nil {
		return factor.Verdict{}, err
	}
	release, err := f.limiter.Acquire(ctx, c.From)
	if err != nil {
		return factor.Verdict{}, err
	}
	defer release()
	v := factor.Verdict{}
	if possible {
		for _, held := range c.Candidates() {
			if v, err = f.judge(ctx, c, l, held, spellings); err != nil || v.Authenticator != "" {
				break
			}
		}
	}
	if err != nil {
		return factor.Verdict{}, err
	}
	if err := l.level(ctx); err != nil {
		return factor.Verdict{}, err
	}
	if v.Authenticator == "" {
		return factor.Verdict{}, factor.Refuse(factor.Wrong)
	}
	return v, nil
}

// spell is how a password may have been spelt when another program hashed it: as it is typed, in NFC, in NFKD (which
// Flask-Security's default is), each once.
func spell(typed string) []string {
	all := []string{typed}
	for _, form := range []norm.Form{norm.NFC, norm.NFKD} {
		if s := form.String(typed); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// judge returns an empty verdict for a wrong password.
func (f *Factor) judge(
	ctx context.Context, c factor.Call, l *ledger, held factor.Held, spellings []string,
) (factor.Verdict, error) {
	h, k, err := decode(held.State)
	if err != nil {
		return factor.Verdict{}, err
	}
	normal := norm.NFC.String(spellings[0])
	if !k.Foreign {
		spellings = []string{normal}
	}
	right := ""
	for _, text := range spellings {
		switch ok, err := l.matches(ctx, h, text); {
		case err != nil:
			return factor.Verdict{}, err
		case ok:
			right = text
		}
		if right != "" {
			break
		}
	}
	if right == "" {
		return factor.Verdict{}, nil
	}
	v := factor.Verdict{
		Authenticator: held.ID,
		Proof:         factor.Proof{Classes: []factor.Class{factor.Knowledge}, Allows: held.Allows},
	}
	switch {
	case right != normal || !h.current(f.cost):
		v.State, err = f.renewed(c, normal)
	case k.Foreign: // it is as one of ours
		v.State, err = encode(kept{PHC: k.PHC})
	}
	return v, err
}

// renewed is the state of the same password at today's cost. The caller holds the limiter's slot.
func (f *Factor) renewed(c factor.Call, normal string) (factor.State, error) {
	h, err := newArgon2id(c.Rand, normal, f.cost, f.limiter)
	if err != nil {
		return nil, err
	}
	return encode(kept{PHC: h.String()})
}
