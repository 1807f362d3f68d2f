package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

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
	need := g.need(r)
	v.Required = v.Required || need.Level >= nightlatch.Level2
	if c.signIn == "" && g.needsAnew(need) {
		g.redirect(w, r, verifyPath(v.To))
		return
	}
	v.Kinds = need.choices(g.kindsOf(nil))
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

// setUp is which enrollment a page is about, as its address or its form says.
type setUp struct {
	kind     factor.Kind
	passkey  bool
	replaces string
	to       string
}

func (g *Gate) setUp(r *http.Request) setUp {
	return setUp{
		kind: factor.Kind(r.PathValue("kind")), passkey: r.FormValue("passkey") != "",
		replaces: r.FormValue("replaces"), to: g.to(r),
	}
}

// page is where it is set up. more are further words of the query.
func (s setUp) page(more ...string) string {
	query := url.Values{}
	for name, value := range map[string]string{"replaces": s.replaces, "to": s.to} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if s.passkey {
		query.Set("passkey", "1")
	}
	for _, name := range more {
		query.Set(name, "1")
	}
	page := url.URL{
		Path: choosePage + "/" + string(s.kind), RawPath: choosePage + "/" + url.PathEscape(string(s.kind)), RawQuery: query.Encode(),
	}
	return page.String()
}

// pageEnroll shows what is to be scanned, touched or typed. It shows the same until that is finished, canceled or
// over. Where a message is to be sent, it asks for the destination and sends nothing.
func (g *Gate) pageEnroll(w http.ResponseWriter, r *http.Request, c caller) {
	s := g.setUp(r)
	if g.info(s.kind).Elsewhere {
		g.pageDestination(w, r, c, s)
		return
	}
	e, err := g.begin(r, c, s, factor.Response{Passkey: s.passkey}, true)
	if err != nil {
		g.enrollFailed(w, r, s, err)
		return
	}
	g.showEnrollment(w, r, c, s, e, http.StatusOK, setUpView{Label: e.Label})
}

func (g *Gate) begin(r *http.Request, c caller, s setUp, response factor.Response, resume bool) (nightlatch.Enrollment, error) {
	return g.svc.BeginEnrollment(r.Context(), c.step(), nightlatch.NewEnrollment{
		Kind: s.kind, Replaces: s.replaces, Response: response, Resume: resume,
	}, c.client)
}

func (g *Gate) enrollFailed(w http.ResponseWriter, r *http.Request, s setUp, err error) {
	var invalid *nightlatch.InvalidError
	switch {
	case g.needsProof(w, r, err, s.page()):
	case errors.As(err, &invalid) && invalid.Field == "kind":
		g.errorPage(w, r, nightlatch.ErrNotFound)
	default:
		g.errorPage(w, r, err)
	}
}

// showEnrollment shows the page that fits the prompt. v has what is to be said there.
func (g *Gate) showEnrollment(
	w http.ResponseWriter, r *http.Request, c caller, s setUp, e nightlatch.Enrollment, status int, v setUpView,
) {
	v.Enrollment = e.ID
	if err := g.frame(r, c, s, &v); err != nil {
		g.errorPage(w, r, err)
		return
	}
	page, view, err := "", any(nil), error(nil)
	switch p := e.Prompt.(type) {
	case factor.Scan:
		page = "scan"
		view, err = newScan(v, p)
	case factor.PublicKey:
		page, view = "key", g.newKey(s, v, p)
	case factor.Code:
		page, view = "sent", g.newSent(r, s, v, p)
	default: // there is no page for a kind that shows something else
		err = nightlatch.ErrNotFound
	}
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	g.pages.render(w, r, status, page, view)
}

// frame fills in what all pages of an enrollment have.
func (g *Gate) frame(r *http.Request, c caller, s setUp, v *setUpView) error {
	v.To, v.Kind, v.Passkey, v.Replaces = s.to, string(s.kind), s.passkey, s.replaces
	v.Cancel = setUp{kind: s.kind}.page() + "/cancel"
	if c.signIn != "" {
		return nil
	}
	u, err := g.userOf(r, c)
	v.User = nameOf(u)
	if err != nil || s.replaces == "" {
		return err
	}
	held, err := g.svc.Holdings(r.Context(), c.step())
	i := slices.IndexFunc(held.Authenticators, func(o nightlatch.Offer) bool { return o.ID == s.replaces })
	if i >= 0 {
		v.ReplacesLabel = held.Authenticators[i].Label
	}
	return err
}

// newKey is the page where a key is touched. What replaces a key may be a passkey, and the other way round.
func (g *Gate) newKey(s setUp, v setUpView, p factor.PublicKey) keyView {
	k := keyView{setUpView: v, Options: string(p.Options)}
	if s.replaces != "" {
		s.passkey = !s.passkey
		k.Instead = s.page()
	}
	return k
}
