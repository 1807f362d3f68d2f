package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// recoveryKind stands in for an authenticator that is lost.
const recoveryKind factor.Kind = "recovery"

// asked is what a request to /verify serves.
type asked struct {
	caller
	fresh  bool // a session, for a fresh proof
	user   string
	offers []nightlatch.Offer
	next   nightlatch.Next // of a sign-in
	// remember: the device is to be remembered, by the form.
	remember bool
	// anew: only another sign-in, with the password, helps where the way leads afterwards.
	anew bool
	// elsewhere: the proof is asked for on the way to a page that is not ours.
	elsewhere bool
}

// pageVerify asks for what comes next: the second step of a sign-in, or in a session a fresh proof. It sends nothing.
func (g *Gate) pageVerify(w http.ResponseWriter, r *http.Request, c caller) {
	a, ok := g.asked(w, r, c)
	if !ok {
		return
	}
	query := r.URL.Query()
	v, err := g.newVerify(r, a, factor.Kind(query.Get("kind")), query.Get("id"))
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	if g.toldSent(w, r) && v.Shape == askCode && v.SentTo != "" {
		v.Status = g.pages.say(r, "Code sent to %s.", v.SentTo)
	}
	g.pages.render(w, r, http.StatusOK, "verify", v)
}

// isOwnPath says whether to is one of our own pages, or none at all.
func (g *Gate) isOwnPath(to string) bool {
	return to == "" || strings.HasPrefix(to, g.options.Prefix+"/")
}

// asked finds what there is to prove. Where there is nothing, it has answered and returns false.
func (g *Gate) asked(w http.ResponseWriter, r *http.Request, c caller) (asked, bool) {
	before := c.session
	err := g.attach(w, r, &c)
	if err == nil {
		err = g.admitStep(r.Context(), r, &c)
	}
	a := asked{caller: c, fresh: c.signIn == "", elsewhere: !g.isOwnPath(g.to(r))}
	if err == nil && c.session != "" && c.session != before && g.isDone(r, c) {
		g.goTo(w, r, g.to(r), "/account") // a remembered device has just spared the second step
		return a, false
	}
	if err == nil && a.fresh {
		if err = g.freshOffers(r, &a); err == nil {
			err = g.narrow(r, &a)
		}
	} else if err == nil {
		a.next, err = g.svc.SignIn(r.Context(), c.signIn)
		a.offers = a.next.Offers
	}
	switch {
	case errors.Is(err, nightlatch.ErrUnauthenticated) && g.options.Accounts == nil && g.stranger(r):
		g.sendAway(w, r)
	case errors.Is(err, nightlatch.ErrEnrollmentNeeded): // there is nothing yet to verify with
		g.redirect(w, r, withTo(choosePage, g.to(r)))
	case err != nil:
		g.errorPage(w, r, err)
	case !a.fresh && a.next.Step != nightlatch.StepVerify:
		page, _ := pageOf(a.next)
		g.redirect(w, r, page)
	default:
		return a, true
	}
	return a, false
}

// isDone says whether a session has proven two factors.
func (g *Gate) isDone(r *http.Request, c caller) bool {
	ses, err := g.svc.Session(r.Context(), c.session)
	return err == nil && ses.Level >= nightlatch.Level2
}

// stranger says whether the application does not know who asks either.
func (g *Gate) stranger(r *http.Request) bool {
	_, ok := g.options.CurrentUser(r)
	return !ok
}

// newVerify is the page for one of the offers: the one of kind and id, else the first.
func (g *Gate) newVerify(r *http.Request, a asked, kind factor.Kind, id string) (verifyView, error) {
	v := verifyView{
		Frame: Frame{To: g.to(r)}, Fresh: a.fresh, Another: len(a.offers) > 1, Cancel: "/verify/cancel", Confirms: a.next.Confirms,
		MayRemember: a.next.MayRemember, Remember: g.svc.Policy().Remember, Remembers: a.remember,
	}
	o, ok := choose(a.offers, kind, id)
	v.ID, v.Kind, v.Label = o.ID, string(o.Kind), o.Label
	v.Recover, v.SameMailbox = o.Kind != passwordKind, a.next.SameMailbox
	v.First = ok && o.ID == "" && g.info(o.Kind).Elsewhere
	if a.fresh {
		u, err := g.svc.FindUser(r.Context(), a.user)
		if err != nil {
			return v, err
		}
		v.User, v.Username = nameOf(u), nameOf(u)
	}
	if a.anew {
		v.Shape, v.Recover = askAnew, false
		if g.options.Accounts == nil {
			v.Shape, v.SignIn = askAgain, g.options.SignIn
		}
		return v, nil
	}
	if kind == recoveryKind && o.Kind != recoveryKind {
		// A code that an administrator is still to give: it is on offer once it is given.
		v.ID, v.Kind, v.Label, v.Shape = "", string(recoveryKind), "", askRecovery
		return v, nil
	}
	v.Shape = askWait
	if !ok && a.fresh && g.options.Accounts == nil {
		v.Shape, v.SignIn, v.Recover = askAgain, g.options.SignIn, false
	}
	if !ok {
		return v, nil
	}
	if g.info(o.Kind).Unguessable && o.ID != id { // none was chosen: any key will do
		v.ID, v.AnyKey = "", severalOf(a.offers, o.Kind)
	}
	return v, g.showOffer(r, a, o, &v)
}

// showOffer gives the page the shape of what the offer asks for.
func (g *Gate) showOffer(r *http.Request, a asked, o nightlatch.Offer, v *verifyView) error {
	challenge, err := g.svc.Show(r.Context(), a.step(), o.Kind, v.ID, a.client)
	switch {
	case errors.Is(err, factor.ErrRefused): // its kind is switched off, or it went meanwhile
		return nil
	case err != nil:
		return err
	case challenge.Prompt == nil:
		v.Shape, v.SentTo = askSend, o.Hint
		return nil
	}
	v.show(challenge.Prompt, g.svc.Now())
	switch {
	case o.Kind == recoveryKind:
		v.Shape = askRecovery
	case v.Shape == askKey:
		v.Offers = g.offersOf(a.offers)
	}
	return nil
}

// severalOf says whether there is more than one offer of a kind.
func severalOf(offers []nightlatch.Offer, kind factor.Kind) bool {
	n := 0
	for _, o := range offers {
		if o.Kind == kind {
			n++
		}
	}
	return n > 1
}

// choose finds an offer. The first one stands for what is not on offer; ok is false where there is none.
func choose(offers []nightlatch.Offer, kind factor.Kind, id string) (o nightlatch.Offer, ok bool) {
	if len(offers) == 0 {
		return o, false
	}
	i := slices.IndexFunc(offers, func(o nightlatch.Offer) bool { return o.Kind == kind && (id == "" || o.ID == id) })
	return offers[max(i, 0)], true
}

// formVerify takes the response.
func (g *Gate) formVerify(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	a, ok := g.asked(w, r, c)
	if !ok {
		return
	}
	response := factor.Response{
		Kind: factor.Kind(r.PostFormValue("kind")), ID: r.PostFormValue("id"), Code: r.PostFormValue("code"),
		NextCode: r.PostFormValue("next_code"), Password: r.PostFormValue("password"), Credential: credentialOf(r),
	}
	a.remember = r.PostFormValue("remember_device") != ""
	next, err := g.judgeForm(r.Context(), a, response)
	if err != nil {
		g.verifyFailed(w, r, a, response, err)
		return
	}
	g.keep(w, r, next)
	g.proven(w, r, a, response.Kind, next)
}

func (g *Gate) judgeForm(ctx context.Context, a asked, response factor.Response) (nightlatch.Next, error) {
	if field := g.missing(response); field != "" {
		return nightlatch.Next{}, FieldsError{field: "missing"}
	}
	options := remember(a.remember)
	if a.elsewhere {
		options = append(options, nightlatch.ServesNoChange)
	}
	return g.svc.Verify(ctx, a.step(), response, a.client, options...)
}

// proven goes on after a right response.
func (g *Gate) proven(w http.ResponseWriter, r *http.Request, a asked, kind factor.Kind, next nightlatch.Next) {
	switch {
	case next.Confirms != "" && next.Step == nightlatch.StepDone:
		g.goTo(w, r, g.mayLead(next.To), "/account")
	case !a.fresh && kind == recoveryKind:
		g.goOn(w, r, next, next.To, saidCodeUsed)
	case !a.fresh:
		g.goOn(w, r, next, next.To, saidSignedIn)
	case waits(g.cookie(r, saidCookie)) != "": // left by the form that has to be sent again
		g.goTo(w, r, g.to(r), "/account")
	default:
		g.goOn(w, r, next, g.to(r), saidVerified)
	}
}

// verifyFailed shows the page again with what was wrong.
func (g *Gate) verifyFailed(w http.ResponseWriter, r *http.Request, a asked, response factor.Response, err error) {
	f := faultOf(err)
	switch f.Code {
	case "refused", "throttled", "invalid_request":
	default:
		g.errorPage(w, r, err)
		return
	}
	v, pageErr := g.newVerify(r, a, response.Kind, response.ID)
	if pageErr != nil {
		g.errorPage(w, r, pageErr)
		return
	}
	lang := g.pages.language(r)
	switch {
	case f.Code == "throttled":
		v.Alert = throttledText(lang, wait(err))
	case f.Fields["credential"] != "":
		v.Alert = g.pages.say(r, "A security key needs JavaScript. Switch it on, or try another way.")
	case f.Code == "invalid_request":
		v.Problems = g.fieldProblems(r, f)
	case v.Shape == askKey:
		v.Alert = keyRefusedText(lang, err)
	case response.Kind == passwordKind:
		v.Problems = map[string]string{"password": g.pages.say(r, "That password is wrong.")}
	case v.Shape == askCode || v.Shape == askRecovery:
		v.Problems = map[string]string{"code": refusedText(lang, err)}
		if f.Reason == string(factor.Used) && v.Shape == askCode && v.SentTo == "" {
			v.CodeHint = g.pages.say(r, "Each code is good once: wait for the next one.")
		}
	default:
		v.Alert = refusedText(lang, err)
	}
	g.retryAfter(w, f)
	g.pages.render(w, r, f.Status, "verify", v)
}
