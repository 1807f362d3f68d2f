package web

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// formEnroll finishes an enrollment. Recovery codes that come with it are shown in the answer, and never again.
func (g *Gate) formEnroll(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	s := g.setUp(r)
	done, err := g.finish(r, c, s)
	if err != nil {
		g.finishFailed(w, r, c, s, err)
		return
	}
	g.keep(w, r, done.Next)
	to := g.mayLead(done.Next.To)
	if to == "" {
		to = s.to
	}
	if len(done.Codes) == 0 {
		g.goOn(w, r, done.Next, to, saidAdded)
		return
	}
	g.showCodes(w, r, done.Next, recoveryView{
		Frame: Frame{Status: g.pages.say(r, "Authenticator added."), To: to}, Codes: done.Codes,
	})
}

func (g *Gate) finish(r *http.Request, c caller, s setUp) (nightlatch.Enrolled, error) {
	response := factor.Response{Kind: s.kind, Code: r.PostFormValue("code"), Credential: credentialOf(r)}
	if field := g.missing(response); field != "" {
		return nightlatch.Enrolled{}, FieldsError{field: "missing"}
	}
	id, label := r.PostFormValue("enrollment"), r.PostFormValue("label")
	return g.svc.FinishEnrollment(r.Context(), c.step(), id, label, response, c.client)
}

// finishFailed shows the same page again with what was wrong; where the enrollment is over, another one.
func (g *Gate) finishFailed(w http.ResponseWriter, r *http.Request, c caller, s setUp, err error) {
	f := faultOf(err)
	over := f.Code == "not_found"
	if over && g.justAdded(r, c, s.kind) { // the form was sent twice
		g.redirect(w, r, codesPage)
		return
	}
	if !over && f.Code != "refused" && len(f.Fields) == 0 {
		g.errorPage(w, r, err)
		return
	}
	if _, known := g.svc.Factor(s.kind); known && g.svc.Policy().ShownOnce(s.kind) {
		g.askAgain(w, r, c, s, f, err)
		return
	}
	e, pageErr := g.begin(r, c, s, factor.Response{Passkey: s.passkey}, true)
	gone := errors.As(pageErr, new(*nightlatch.InvalidError)) && g.info(s.kind).Elsewhere // nothing is known of where to
	v := setUpView{Kind: string(s.kind), Label: r.PostFormValue("label")}
	if over || gone || pageErr == nil && e.ID != r.PostFormValue("enrollment") {
		v.Alert = g.pages.say(r, "This set-up was over. Please begin again with what you see below.")
	} else {
		g.blame(r, &v, f, err)
	}
	switch {
	case gone:
		g.showDestination(w, r, c, s, f.Status, destinationView{setUpView: v, Destination: r.PostFormValue(destinationFields[s.kind])})
	case pageErr != nil:
		g.enrollFailed(w, r, s, pageErr)
	default:
		g.showEnrollment(w, r, c, s, e, f.Status, v)
	}
}

// askAgain asks for the response again, and shows nothing of what it answers: the form may be a script's, which has not
// seen it. Where the enrollment is over, it leads to where it is begun anew.
func (g *Gate) askAgain(w http.ResponseWriter, r *http.Request, c caller, s setUp, f fault, err error) {
	v := againView{Code: !g.info(s.kind).Unguessable, Anew: s.page()}
	v.Enrollment, v.Label, v.Kind = r.PostFormValue("enrollment"), r.PostFormValue("label"), string(s.kind)
	if errors.Is(g.svc.Enrolling(r.Context(), c.step(), v.Enrollment), nightlatch.ErrNotFound) {
		v.Code, v.Alert = false, g.pages.say(r, "This set-up was over. Please begin again with what you see below.")
	} else {
		g.blame(r, &v.setUpView, f, err)
	}
	if err := g.frame(r, c, s, &v.setUpView); err != nil {
		g.errorPage(w, r, err)
		return
	}
	g.pages.render(w, r, f.Status, "again", v)
}

// blame says what was wrong with the response: at its field, if it has one.
func (g *Gate) blame(r *http.Request, v *setUpView, f fault, err error) {
	lang := g.pages.language(r)
	switch {
	case f.Fields["credential"] == "taken":
		v.Alert = g.pages.say(r, "This key is added already. Take another one.")
	case f.Fields["credential"] != "":
		v.Alert = g.pages.say(r, "A key or a passkey needs JavaScript. Switch it on, or choose another kind.")
	case f.Code == "refused" && g.info(factor.Kind(v.Kind)).Unguessable:
		v.Alert = g.pages.say(r, "That key was not accepted. Please try again, or take another one.")
	case f.Code == "refused":
		v.Problems = map[string]string{"code": refusedText(lang, err)}
	default:
		v.Problems = g.fieldProblems(r, f)
	}
}

// justAdded says whether an authenticator of the kind was added a moment ago.
func (g *Gate) justAdded(r *http.Request, c caller, kind factor.Kind) bool {
	if c.session == "" {
		return false
	}
	held, err := g.svc.Holdings(r.Context(), c.session)
	return err == nil && slices.ContainsFunc(held.Authenticators, func(o nightlatch.Offer) bool {
		return o.Kind == kind && g.svc.Now().Sub(o.CreatedAt) < 15*time.Minute
	})
}

// pageCancelEnroll forgets the secret that was shown.
func (g *Gate) pageCancelEnroll(w http.ResponseWriter, r *http.Request, c caller) {
	page := "/account"
	if c.signIn != "" {
		page = choosePage
	}
	if !fromElsewhere(r) {
		err := g.svc.CancelEnrollment(r.Context(), c.step(), factor.Kind(r.PathValue("kind")))
		if err != nil {
			g.errorPage(w, r, err)
			return
		}
	}
	g.redirect(w, r, page)
}
