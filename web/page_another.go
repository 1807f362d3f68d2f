package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// pageAnother lists all that may be proven.
func (g *Gate) pageAnother(w http.ResponseWriter, r *http.Request, c caller) {
	a, ok := g.asked(w, r, c)
	if !ok {
		return
	}
	v := anotherView{Frame: Frame{To: g.to(r)}, Fresh: a.fresh, Recover: true, Offers: g.offersOf(a.offers)}
	g.pages.render(w, r, http.StatusOK, "another", v)
}

func (g *Gate) offersOf(offers []nightlatch.Offer) (views []offerView) {
	for _, o := range offers {
		views = append(views, g.offerOf(o))
	}
	return views
}

func (g *Gate) offerOf(o nightlatch.Offer) offerView {
	return offerView{
		ID: o.ID, Kind: string(o.Kind), Name: wordsOf(g.info(o.Kind)).Name, Label: o.Label, Hint: o.Hint, Model: o.Model, Left: o.Left,
		Preferred: o.Preferred, Suspended: o.Suspended, CreatedAt: o.CreatedAt, LastUsedAt: o.LastUsedAt,
	}
}

// info is what is known of a kind. One that is switched off goes by its own name.
func (g *Gate) info(kind factor.Kind) factor.Info {
	info, ok := g.svc.Factor(kind)
	if !ok {
		info = factor.Info{Kind: kind, Name: string(kind)}
	}
	return info
}

// formAnother takes the choice to /verify.
func (g *Gate) formAnother(w http.ResponseWriter, r *http.Request, _ caller) {
	if !g.readForm(w, r) {
		return
	}
	g.redirect(w, r, verifyWith(factor.Kind(r.PostFormValue("kind")), r.PostFormValue("id"), g.to(r)))
}

// verifyWith is the page that asks for one of the offers.
func verifyWith(kind factor.Kind, id, to string) string {
	query := url.Values{"kind": {string(kind)}}
	if id != "" {
		query.Set("id", id)
	}
	if to != "" {
		query.Set("to", to)
	}
	return "/verify?" + query.Encode()
}

// pageCancel gives a sign-in up; in a session it leaves the fresh proof. It is behind a link, which works only
// from our own pages: another site must not end what a person has begun.
func (g *Gate) pageCancel(w http.ResponseWriter, r *http.Request, c caller) {
	if fromElsewhere(r) {
		g.redirect(w, r, "/verify")
		return
	}
	if c.signIn == "" {
		if waits(g.cookie(r, saidCookie)) != "" {
			g.drop(w, r, saidCookie)
		}
		g.redirect(w, r, "/account")
		return
	}
	next, err := g.svc.SignIn(r.Context(), c.signIn)
	if err == nil {
		err = g.svc.GiveUp(r.Context(), c.signIn, c.client)
	}
	if err != nil && !errors.Is(err, nightlatch.ErrUnauthenticated) {
		g.errorPage(w, r, err)
		return
	}
	g.drop(w, r, signInCookie)
	if next.Confirms != "" {
		g.goTo(w, r, g.mayLead(next.To), "/")
		return
	}
	g.redirect(w, r, "/")
}

// fromElsewhere says whether a link on another site, or something that only fetches ahead, leads here.
func fromElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return r.Method == http.MethodHead || r.Header.Get("Sec-Purpose") != "" ||
		site != "" && site != "same-origin" && site != "none"
}
