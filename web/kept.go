package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// A form that meets a fresh proof is not lost. A handler of a form answers a *nightlatch.FreshProofError with needsProof,
// which keeps what was entered, leads to /verify, and from there back to a page; nothing more is to be done to keep it.
// The handler of that page takes it out again:
//
//	key, words := g.told(w, r)
//	v.Status = words
//	kept := g.filled(r, c, key, page) // page as needsProof got it
//	if kept.Fields != nil {
//		v.Email = kept.Fields["email"]
//	}
//
// The words say that the form is to be sent now. Where a page has several forms, kept.Action tells which it was.

// keptForm is a form that was sent before a fresh proof was there.
type keptForm struct {
	Action string            `json:"action"` // the path of the form, below Prefix
	Fields map[string]string `json:"fields"` // nil: nothing was kept
}

// neverKept are fields that are secrets, or good once, or say only where the form stands.
var neverKept = []string{"password", "current", "new", "confirm", "code", "next_code", "credential", "token", "enrollment", "to"}

// keepForm keeps the fields of a form until the way comes back to page, and says whether there were any to keep. Losing
// them is no reason to refuse anything.
func (g *Gate) keepForm(r *http.Request, page string) bool {
	f := keptForm{Action: strings.TrimPrefix(r.URL.Path, g.options.Prefix), Fields: map[string]string{}}
	for name := range r.PostForm {
		if !slices.Contains(neverKept, name) {
			f.Fields[name] = r.PostForm.Get(name)
		}
	}
	if len(f.Fields) == 0 {
		return false
	}
	data, err := json.Marshal(f)
	if err == nil {
		err = g.svc.KeepForm(r.Context(), g.cookie(r, sessionCookie), page, data)
	}
	if err != nil {
		g.log.Warn("a form was not kept", "error", err)
	}
	return err == nil
}

// filled returns the form that was kept for a page, where the way has just come back to it: key is what told returned.
func (g *Gate) filled(r *http.Request, c caller, key, page string) (f keptForm) {
	if key != saidFilled || c.session == "" {
		return keptForm{}
	}
	data, err := g.svc.KeptForm(r.Context(), c.session, page)
	if err == nil && data != nil {
		err = json.Unmarshal(data, &f)
	}
	if err != nil {
		g.log.Warn("a kept form is not shown", "error", err)
		return keptForm{}
	}
	return f
}
