package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// Need is what a place asks for that a session has not proven. The zero Need is nothing.
type Need struct {
	// Level is the level that it must have, and has not.
	Level nightlatch.Level
	// Kinds are those of which one must be proven; none: any.
	Kinds []factor.Kind
}

// need is what the place asks for where the way leads afterwards.
func (g *Gate) need(r *http.Request) Need {
	to := g.to(r)
	if to == "" || g.options.Needs == nil {
		return Need{}
	}
	return g.options.Needs(r, to)
}

// narrow leaves of what may be proven in a session what helps where the way leads afterwards, so that nobody is sent
// from there to /verify again. Where nothing is left, another sign-in may help, and a.anew is set.
// ErrEnrollmentNeeded: nothing that is held does, another authenticator may.
func (g *Gate) narrow(r *http.Request, a *asked) error {
	need := g.need(r)
	if need.Level < nightlatch.Level2 && len(need.Kinds) == 0 || len(a.offers) == 0 {
		return nil
	}
	a.offers = slices.DeleteFunc(slices.Clone(a.offers), func(o nightlatch.Offer) bool {
		if len(need.Kinds) > 0 {
			return !slices.Contains(need.Kinds, o.Kind)
		}
		return o.ID == "" && (o.Kind == passwordKind || g.info(o.Kind).Elsewhere) // what is asked for before a first enrollment
	})
	if len(a.offers) > 0 {
		return nil
	}
	if a.anew = g.needsAnew(need); a.anew {
		return nil
	}
	return nightlatch.ErrEnrollmentNeeded
}

// needsAnew says whether a place asks for a password, and for nothing that could be added instead. Who holds a second
// factor proves the password at a sign-in only.
func (g *Gate) needsAnew(n Need) bool {
	return slices.Contains(n.Kinds, passwordKind) && len(n.choices(g.kindsOf(nil))) == 0
}

// choices leaves of what may be added what helps where the way leads afterwards.
func (n Need) choices(all []kindView) []kindView {
	if len(n.Kinds) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(k kindView) bool { return !slices.Contains(n.Kinds, factor.Kind(k.Kind)) })
}

// verifyPath is the way to /verify for a fresh proof, and back.
func verifyPath(to string) string { return withTo("/verify", to) }

// withTo is the path of a page of ours from which the way leads on to to.
func withTo(page, to string) string {
	if to == "" {
		return page
	}
	return page + "?to=" + url.QueryEscape(to)
}

// needsProof answers a request for which a fresh proof is needed: the way leads to /verify and then to page, where
// what was not done may be repeated; what was entered is there again (see kept.go). It says whether err was that.
func (g *Gate) needsProof(w http.ResponseWriter, r *http.Request, err error, page string) bool {
	var needed *nightlatch.FreshProofError
	if !errors.As(err, &needed) {
		return false
	}
	if r.Method == http.MethodPost {
		key := saidRepeat
		if g.keepForm(r, page) {
			key = saidFilled
		}
		g.setCookie(w, saidCookie, key, repeatLife)
	}
	g.redirect(w, r, verifyPath(g.options.Prefix+page))
	return true
}
