package web

import (
	"net/http"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// formSend sends a code, or the same one again.
func (g *Gate) formSend(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	a, ok := g.asked(w, r, c)
	if !ok {
		return
	}
	kind, id := factor.Kind(r.PostFormValue("kind")), r.PostFormValue("id")
	if g.send(w, r, a, kind, id) {
		g.redirect(w, r, verifyWith(kind, id, g.to(r)))
	}
}

// sendFirst sends the code that is asked for next, if it is one that is sent: whoever has typed a password need not
// press another button. Where that failed, it has answered and returns false.
func (g *Gate) sendFirst(w http.ResponseWriter, r *http.Request, c caller, next nightlatch.Next) bool {
	if next.Step != nightlatch.StepVerify || len(next.Offers) == 0 || !g.info(next.Offers[0].Kind).Elsewhere {
		return true
	}
	a := asked{caller: caller{signIn: next.Token, client: c.client}, offers: next.Offers, next: next}
	return g.send(w, r, a, next.Offers[0].Kind, next.Offers[0].ID)
}

// send sends a code and leaves word of it for /verify. Where that failed, it has answered and returns false.
func (g *Gate) send(w http.ResponseWriter, r *http.Request, a asked, kind factor.Kind, id string) bool {
	_, err := g.svc.Challenge(r.Context(), a.step(), kind, id, a.client)
	if err == nil {
		g.tellSent(w, r)
		return true
	}
	f := faultOf(err)
	switch f.Code {
	case "refused", "throttled", "delivery_failed":
	default:
		g.errorPage(w, r, err)
		return false
	}
	v, pageErr := g.newVerify(r, a, kind, id)
	if pageErr != nil {
		g.errorPage(w, r, pageErr)
		return false
	}
	v.Alert = unsentText(g.pages.language(r), f)
	g.logFault(r, f, err)
	g.retryAfter(w, f)
	g.pages.render(w, r, f.Status, "verify", v)
	return false
}
