package web

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// offerPasskey makes a challenge for a sign-in with a passkey. The browser gets the options, which are returned, and in
// a cookie the challenge, sealed; the store hears nothing of it. Where there are no passkeys it is "", also when
// something is wrong with them: the password still lets people in.
func (g *Gate) offerPasskey(w http.ResponseWriter, r *http.Request) string {
	if !g.svc.HasPasskeys(passkeyKind) {
		return ""
	}
	ch, token, err := g.svc.BeginPasskey(r.Context(), passkeyKind, g.client(r))
	prompt, ok := ch.Prompt.(factor.PublicKey)
	if err != nil || !ok {
		g.log.Error("no passkey can be asked for", "error", err)
		return ""
	}
	g.setCookie(w, challengeCookie, token, ch.ExpiresAt.Sub(g.svc.Now()))
	return string(prompt.Options)
}

// formPasskey takes what a passkey says. It is the whole sign-in.
func (g *Gate) formPasskey(w http.ResponseWriter, r *http.Request, c caller) {
	if g.options.Accounts == nil || !g.svc.HasPasskeys(passkeyKind) {
		g.errorPage(w, r, nightlatch.ErrNotFound)
		return
	}
	if !g.readForm(w, r) {
		return
	}
	v := g.newSignIn(r)
	v.Stay = r.PostFormValue("stay") != ""
	response := factor.Response{Kind: passkeyKind, Credential: credentialOf(r)}
	if response.Credential == nil {
		v.Alert = g.pages.say(r, "A passkey needs JavaScript. Switch it on, or sign in with your password.")
		g.showSignIn(w, r, http.StatusBadRequest, v)
		return
	}
	start := g.newStart(r, c, false)
	start.Stay, start.To = v.Stay, v.To
	next, err := g.svc.ProvePasskey(r.Context(), g.cookie(r, challengeCookie), response, start)
	if err != nil {
		g.passkeyFailed(w, r, v, err)
		return
	}
	g.drop(w, r, challengeCookie)
	g.keep(w, r, next)
	g.goOn(w, r, next, next.To, saidSignedIn)
}

// passkeyFailed shows the form again, with a new challenge in the place of the old one.
func (g *Gate) passkeyFailed(w http.ResponseWriter, r *http.Request, v signInView, err error) {
	f := faultOf(err)
	if f.Code != "refused" {
		g.errorPage(w, r, err)
		return
	}
	v.Alert = g.pages.say(r, "That passkey was not accepted. Try again, or sign in with your password.")
	if f.Reason == string(factor.Expired) {
		v.Alert = g.pages.say(r, "That passkey was not accepted. The page was open for too long: please try again.")
	}
	g.showSignIn(w, r, f.Status, v)
}

// credentialOf is what the script put into the form, the W3C JSON form; nil where there is none.
func credentialOf(r *http.Request) json.RawMessage {
	text := bytes.TrimSpace([]byte(r.PostFormValue("credential")))
	if !bytes.HasPrefix(text, []byte("{")) || !json.Valid(text) {
		return nil
	}
	return text
}
