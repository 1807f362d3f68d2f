package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

const choosePage = "/account/authenticators/new"

// pageChoose lists the kinds of authenticator that may be added.
func (g *Gate) pageChoose(w http.ResponseWriter, r *http.Request, c caller) {
	v := chooseView{Frame: Frame{To: g.to(r)}, Required: c.signIn != "", Cancel: "/verify/cancel"}
	if c.signIn == "" {
		u, err := g.userOf(r, c)
		if err != nil {
			g.errorPage(w, r, err)
			return
		}
		v.User, v.Cancel = nameOf(u), "/account"
	}
	v.Kinds = g.kindsOf(nil)
	for i := range v.Kinds {
		v.Kinds[i].To = v.To
	}
	g.pages.render(w, r, http.StatusOK, "choose", v)
}

// userOf is the user of a session.
func (g *Gate) userOf(r *http.Request, c caller) (nightlatch.User, error) {
	ses, err := g.session(r, c)
	if err != nil {
		return nightlatch.User{}, err
	}
	return g.svc.FindUser(r.Context(), ses.User)
}

// newPage is the page where a kind is set up.
func newPage(kind factor.Kind, replaces, to string) string {
	query := url.Values{}
	for name, value := range map[string]string{"replaces": replaces, "to": to} {
		if value != "" {
			query.Set(name, value)
		}
	}
	page := url.URL{Path: choosePage + "/" + string(kind), RawPath: choosePage + "/" + url.PathEscape(string(kind)), RawQuery: query.Encode()}
	return page.String()
}

// pageEnroll shows what is to be scanned. It shows the same until that is finished, canceled or over.
func (g *Gate) pageEnroll(w http.ResponseWriter, r *http.Request, c caller) {
	kind := factor.Kind(r.PathValue("kind"))
	replaces := r.URL.Query().Get("replaces")
	v, err := g.newScanView(r, c, kind, replaces)
	if err != nil {
		g.enrollFailed(w, r, newPage(kind, replaces, g.to(r)), err)
		return
	}
	g.pages.render(w, r, http.StatusOK, "scan", v)
}

func (g *Gate) enrollFailed(w http.ResponseWriter, r *http.Request, page string, err error) {
	var invalid *nightlatch.InvalidError
	switch {
	case g.needsProof(w, r, err, page):
	case errors.As(err, &invalid) && invalid.Field == "kind":
		g.errorPage(w, r, nightlatch.ErrNotFound)
	default:
		g.errorPage(w, r, err)
	}
}

func (g *Gate) newScanView(r *http.Request, c caller, kind factor.Kind, replaces string) (scanView, error) {
	e, err := g.svc.BeginEnrollment(r.Context(), c.step(), nightlatch.NewEnrollment{
		Kind: kind, Replaces: replaces, Resume: true,
	}, c.client)
	if err != nil {
		return scanView{}, err
	}
	scan, ok := e.Prompt.(factor.Scan)
	if !ok { // there is no page yet for a kind that shows something else
		return scanView{}, nightlatch.ErrNotFound
	}
	qr, err := qrSVG(scan.URI)
	if err != nil {
		return scanView{}, err
	}
	v := newScan(scan, qr)
	v.To, v.Kind, v.Enrollment, v.Label, v.Replaces = g.to(r), string(kind), e.ID, e.Label, replaces
	v.Cancel = newPage(kind, "", "") + "/cancel"
	if c.signIn != "" {
		return v, nil
	}
	u, err := g.userOf(r, c)
	if err != nil || replaces == "" {
		v.User = nameOf(u)
		return v, err
	}
	v.User = nameOf(u)
	held, err := g.svc.Holdings(r.Context(), c.step())
	i := slices.IndexFunc(held.Authenticators, func(o nightlatch.Offer) bool { return o.ID == replaces })
	if i >= 0 {
		v.ReplacesLabel = held.Authenticators[i].Label
	}
	return v, err
}

// formEnroll finishes an enrollment. Recovery codes that come with it are shown in the answer, and never again.
func (g *Gate) formEnroll(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	id, code, label := r.PostFormValue("enrollment"), r.PostFormValue("code"), r.PostFormValue("label")
	var done nightlatch.Enrolled
	var err error = FieldsError{"code": "missing"}
	if code != "" {
		done, err = g.svc.FinishEnrollment(r.Context(), c.step(), id, label, factor.Response{Code: code}, c.client)
	}
	if err != nil {
		g.finishFailed(w, r, c, label, err)
		return
	}
	g.keep(w, r, done.Next)
	to := localPath(done.Next.To)
	if to == "" {
		to = g.to(r)
	}
	if len(done.Codes) == 0 {
		g.goOn(w, r, done.Next, to, saidAdded)
		return
	}
	g.showCodes(w, r, done.Next, recoveryView{
		Frame: Frame{Status: g.pages.say(r, "Authenticator added."), To: to}, Codes: done.Codes,
	})
}

// finishFailed shows the same secret again with what was wrong; where the enrollment is over, another one.
func (g *Gate) finishFailed(w http.ResponseWriter, r *http.Request, c caller, label string, err error) {
	kind := factor.Kind(r.PathValue("kind"))
	f := faultOf(err)
	over := f.Code == "not_found"
	if over && g.justAdded(r, c, kind) { // the form was sent twice
		g.redirect(w, r, codesPage)
		return
	}
	if !over && f.Code != "refused" && len(f.Fields) == 0 {
		g.errorPage(w, r, err)
		return
	}
	replaces := r.PostFormValue("replaces")
	v, pageErr := g.newScanView(r, c, kind, replaces)
	if pageErr != nil {
		g.enrollFailed(w, r, newPage(kind, replaces, g.to(r)), pageErr)
		return
	}
	v.Label = label
	switch {
	case over || v.Enrollment != r.PostFormValue("enrollment"):
		v.Alert = g.pages.say(r, "This set-up was over. Please begin again with the new code below.")
	case f.Code == "refused":
		v.Problems = map[string]string{"code": refusedText(g.pages.language(r), err)}
	default:
		v.Problems = g.fieldProblems(r, f)
	}
	g.pages.render(w, r, f.Status, "scan", v)
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
