package web

import (
	"errors"
	"net/http"

	"github.com/nightlatch/nightlatch"
)

// formRename gives an authenticator another name.
func (g *Gate) formRename(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	id, label := r.PathValue("id"), r.PostFormValue("label")
	_, err := g.svc.EditAuthenticator(r.Context(), c.session, id, nightlatch.Edit{Label: &label}, c.client)
	f := faultOf(err)
	if err != nil && len(f.Fields) > 0 {
		problem := g.fieldProblems(r, f)["label"]
		g.accountFailed(w, r, c, f.Status, func(v *accountView) { v.mark(id, label, problem) })
		return
	}
	g.changed(w, r, err, saidRenamed)
}

// mark says what is wrong with the name that an authenticator was to have.
func (v *accountView) mark(id, typed, problem string) {
	for _, k := range v.Kinds {
		for i := range k.Held {
			if k.Held[i].ID == id {
				k.Held[i].Typed, k.Held[i].Problem = typed, problem
				v.Problems = map[string]string{"name-" + id: problem}
			}
		}
	}
}

// formPrefer makes an authenticator the one that is asked for first.
func (g *Gate) formPrefer(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	yes := true
	_, err := g.svc.EditAuthenticator(r.Context(), c.session, r.PathValue("id"), nightlatch.Edit{Preferred: &yes}, c.client)
	g.changed(w, r, err, saidPrefer)
}

// formRemove removes an authenticator.
func (g *Gate) formRemove(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	err := g.svc.RemoveAuthenticator(r.Context(), c.session, r.PathValue("id"), c.client)
	if errors.Is(err, nightlatch.ErrConflict) {
		g.accountFailed(w, r, c, http.StatusConflict, func(v *accountView) {
			v.Alert = g.pages.say(r, "This is your last authenticator, and one is required. Add another one first.")
		})
		return
	}
	g.changed(w, r, err, saidRemoved)
}

// formEndSession ends one session, formEndSessions all others.
func (g *Gate) formEndSession(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	own, err := g.session(r, c)
	if err == nil {
		err = g.svc.EndSession(r.Context(), c.session, r.PathValue("id"), c.client)
	}
	if err == nil && own.ID == r.PathValue("id") {
		g.drop(w, r, sessionCookie)
		g.redirect(w, r, "/")
		return
	}
	g.changed(w, r, err, saidEnded)
}

func (g *Gate) formEndSessions(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	g.changed(w, r, g.svc.EndOtherSessions(r.Context(), c.session, c.client), saidEnded)
}

// changed goes back to the account after a form of it.
func (g *Gate) changed(w http.ResponseWriter, r *http.Request, err error, said string) {
	switch {
	case err == nil:
		g.tell(w, said)
		g.redirect(w, r, "/account")
	case !g.needsProof(w, r, err, "/account"):
		g.errorPage(w, r, err)
	}
}
