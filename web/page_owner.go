package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/nightlatch/nightlatch"
)

// nameView is the page "change-name". The form goes to POST /account/name: username.
type nameView struct {
	Frame
	Username, Typed string
}

// deleteView is the page "delete". The form goes to POST /account/delete: name.
type deleteView struct {
	Frame
	Name, Typed string // what must be typed, and what was
}

// pageName shows the form that changes the name.
func (g *Gate) pageName(w http.ResponseWriter, r *http.Request, c caller) {
	key, words := g.told(w, r)
	g.showName(w, r, c, http.StatusOK, func(v *nameView) {
		v.Status = words
		if typed := g.filled(r, c, key, "/account/name").Fields["username"]; typed != "" {
			v.Typed = typed
		}
	})
}

func (g *Gate) showName(w http.ResponseWriter, r *http.Request, c caller, status int, change func(v *nameView)) {
	if u, _, ok := g.changeable(w, r, c); ok {
		v := nameView{Frame: Frame{User: nameOf(u)}, Username: u.Name, Typed: u.Name}
		change(&v)
		g.pages.render(w, r, status, "change-name", v)
	}
}

// changeable returns who is signed in with what is kept of the account, or answers that nothing of the account can be changed here.
func (g *Gate) changeable(w http.ResponseWriter, r *http.Request, c caller) (u nightlatch.User, kept Profile, ok bool) {
	p, ok := g.profilesPage(w, r)
	if !ok {
		return u, kept, false
	}
	_, u, err := g.ownUser(r, c)
	if err == nil {
		kept, err = p.Profile(r.Context(), u.ID)
	}
	if err == nil && kept.Fixed {
		err = nightlatch.ErrForbidden
	}
	if err != nil {
		g.errorPage(w, r, err)
	}
	return u, kept, err == nil
}

// formName changes the name.
func (g *Gate) formName(w http.ResponseWriter, r *http.Request, c caller) {
	p, ok := g.profilesPage(w, r)
	if !ok || !g.readForm(w, r) {
		return
	}
	name := strings.TrimSpace(r.PostFormValue("username"))
	err := p.Rename(r.Context(), c.session, name, c.client)
	f := faultOf(err)
	switch {
	case err != nil && len(f.Fields) > 0:
		g.showName(w, r, c, f.Status, func(v *nameView) { v.Typed, v.Problems = name, g.fieldProblems(r, f) })
	case err != nil && f.Code == "throttled":
		g.retryAfter(w, f)
		g.showName(w, r, c, f.Status, func(v *nameView) {
			v.Typed, v.Alert = name, g.pages.say(r, "The name was changed too often lately. Please try again later.")
		})
	case err != nil && g.needsProof(w, r, err, "/account/name"):
	default:
		g.changed(w, r, err, saidName)
	}
}

// pageDelete shows what it means to delete the account.
func (g *Gate) pageDelete(w http.ResponseWriter, r *http.Request, c caller) {
	key, words := g.told(w, r)
	g.showDelete(w, r, c, http.StatusOK, func(v *deleteView) {
		v.Status, v.Typed = words, g.filled(r, c, key, "/account/delete").Fields["name"]
	})
}

func (g *Gate) showDelete(w http.ResponseWriter, r *http.Request, c caller, status int, change func(v *deleteView)) {
	if u, _, ok := g.changeable(w, r, c); ok {
		v := deleteView{Frame: Frame{User: nameOf(u)}, Name: nameOf(u)}
		change(&v)
		g.pages.render(w, r, status, "delete", v)
	}
}

// formDelete deletes the account of whoever has typed its name.
func (g *Gate) formDelete(w http.ResponseWriter, r *http.Request, c caller) {
	p, ok := g.profilesPage(w, r)
	if !ok || !g.readForm(w, r) {
		return
	}
	_, u, err := g.ownUser(r, c)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	if !strings.EqualFold(strings.TrimSpace(r.PostFormValue("name")), nameOf(u)) {
		g.showDelete(w, r, c, http.StatusBadRequest, func(v *deleteView) {
			v.Problems = map[string]string{"name": g.pages.say(r, "This is not the name of your account.")}
		})
		return
	}
	err = p.RemoveOwn(r.Context(), c.session, c.client)
	switch {
	case errors.Is(err, nightlatch.ErrConflict):
		g.showDelete(w, r, c, http.StatusConflict, func(v *deleteView) {
			v.Alert = g.pages.say(r, "You are the last administrator. Make somebody else one first.")
		})
	case err != nil && g.needsProof(w, r, err, "/account/delete"):
	case err != nil:
		g.errorPage(w, r, err)
	default:
		g.leave(w, r)
		g.tell(w, saidDeleted)
		g.redirect(w, r, "/")
	}
}

// pageExport gives all that is kept of the account as a file.
func (g *Gate) pageExport(w http.ResponseWriter, r *http.Request, c caller) {
	p, ok := g.profilesPage(w, r)
	if !ok {
		return
	}
	err := g.svc.Fresh(r.Context(), c.session)
	if err != nil && g.needsProof(w, r, err, "/account/export") {
		return
	}
	var kept exportJSON
	if err == nil {
		kept, err = g.export(r, c, p)
	}
	var text []byte
	if err == nil {
		text, err = json.MarshalIndent(kept, "", "  ")
	}
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	pageHeaders(w.Header())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="account.json"`)
	_, _ = w.Write(append(text, '\n'))
}
