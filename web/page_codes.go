package web

import (
	"net/http"

	"github.com/nightlatch/nightlatch"
)

const codesPage = "/account/recovery-codes"

// pageCodes says how many recovery codes are left.
func (g *Gate) pageCodes(w http.ResponseWriter, r *http.Request, c caller) {
	u, err := g.userOf(r, c)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	held, err := g.svc.Holdings(r.Context(), c.session)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	v := recoveryView{Frame: Frame{User: nameOf(u)}}
	_, v.Status = g.told(w, r)
	for _, o := range held.Codes {
		v.Left, v.CreatedAt = v.Left+o.Left, o.CreatedAt
	}
	g.pages.render(w, r, http.StatusOK, "recovery-codes", v)
}

// formCodes makes a new set. It is shown in the answer, and never again.
func (g *Gate) formCodes(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	codes, err := g.svc.RenewCodes(r.Context(), c.session, recoveryKind, c.client)
	if err != nil {
		if !g.needsProof(w, r, err, codesPage) {
			g.errorPage(w, r, err)
		}
		return
	}
	ses, err := g.session(r, c)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	next := nightlatch.Next{Step: nightlatch.StepDone, User: ses.User}
	g.showCodes(w, r, next, recoveryView{
		Frame: Frame{Status: g.pages.say(r, "These are your new recovery codes. The old ones are dead.")}, Codes: codes,
	})
}

// showCodes shows recovery codes, once. **Continue** leads to where the sign-in goes on.
func (g *Gate) showCodes(w http.ResponseWriter, r *http.Request, next nightlatch.Next, v recoveryView) {
	page, done := pageOf(next)
	v.Next = page
	if done {
		u, err := g.svc.FindUser(r.Context(), next.User)
		if err == nil { // the codes are shown whatever happens: there is no second time
			v.User, v.Account = nameOf(u), nameOf(u)
		}
		if v.To != "" {
			v.Next = "/sign-in" // which leads on to it
		}
	}
	g.pages.render(w, r, http.StatusOK, "recovery-codes", v)
}
