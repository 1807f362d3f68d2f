package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch"
)

// administers says whether a user is offered the way to the administration.
func (g *Gate) administers(u nightlatch.User) bool { return g.options.Administration != nil && u.Admin }

// adminFrame is what the pages of administrators carry.
func (g *Gate) adminFrame(w http.ResponseWriter, r *http.Request, c caller) (f adminFrame, err error) {
	ses, err := g.session(r, c)
	if err != nil {
		return f, err
	}
	u, err := g.svc.FindUser(r.Context(), ses.User)
	if err != nil {
		return f, err
	}
	f.User, f.own = nameOf(u), u.ID
	f.said, f.Status = g.told(w, r)
	return f, nil
}

// adminFrame is a Frame with whose it is, and the key of its Status.
type adminFrame struct {
	Frame
	own, said string
}

// pageAdmin lists and searches accounts.
func (g *Gate) pageAdmin(w http.ResponseWriter, r *http.Request, c caller) {
	frame, err := g.adminFrame(w, r, c)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	q, err := accountQuery(r)
	v := adminView{Frame: frame.Frame, Query: q.Text, NotEnrolled: q.Enrolled != nil && !*q.Enrolled}
	var page AccountPage
	if err == nil {
		page, err = g.options.Administration.FindAccounts(r.Context(), q)
	}
	if f := faultOf(err); err != nil && f.Fields["q"] != "" {
		v.Problems = g.fieldProblems(r, f)
		g.pages.render(w, r, f.Status, "admin", v)
		return
	}
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	for _, a := range page.Accounts {
		v.Accounts = append(v.Accounts, managedViewOf(a))
	}
	if page.Next != "" {
		next := r.URL.Query()
		next.Set("after", page.Next)
		v.Next = "/admin?" + next.Encode()
	}
	g.pages.render(w, r, http.StatusOK, "admin", v)
}

func managedViewOf(a ManagedAccount) managedView {
	return managedView{
		ID: a.ID, Name: nameOf(a.User), Username: a.User.Name, Email: a.Email, Confirmed: !a.EmailConfirmedAt.IsZero(), Groups: a.Groups,
		Admin: a.Admin, Disabled: a.Disabled, Enrolled: a.Enrolled, Defined: a.Defined, CreatedAt: a.CreatedAt,
	}
}

// pageAdminAccount shows one account with what may be done to it.
func (g *Gate) pageAdminAccount(w http.ResponseWriter, r *http.Request, c caller) {
	v, err := g.newAdminAccount(w, r, c)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	g.pages.render(w, r, http.StatusOK, "admin-account", v)
}

func (g *Gate) newAdminAccount(w http.ResponseWriter, r *http.Request, c caller) (v adminAccountView, err error) {
	frame, err := g.adminFrame(w, r, c)
	if err != nil {
		return v, err
	}
	m, err := g.findManaged(r.Context(), r.PathValue("id"))
	if err != nil {
		return v, err
	}
	lang := c.client.Lang
	v = adminAccountView{
		Frame: frame.Frame, managedView: managedViewOf(m.ManagedAccount), Own: frame.own == m.ID,
		CodeUntil: m.overview.CodeUntil, AfterReset: m.overview.AfterReset, TypedReason: map[string]string{},
	}
	v.TypedGroups = strings.Join(v.Groups, ", ")
	v.fill(g.filled(r, c, frame.said, g.adminPage(r)))
	for _, o := range m.overview.Authenticators {
		v.Authenticators = append(v.Authenticators, g.offerOf(o))
	}
	for _, o := range m.overview.Codes {
		v.CodesLeft += o.Left
	}
	for _, k := range m.overview.Throttled {
		v.Throttled = append(v.Throttled, wordsOf(g.info(k)).Name)
	}
	if m.overview.Hold != nil {
		v.HoldUntil = m.overview.Hold.Until
	}
	for _, s := range m.sessions {
		v.Sessions = append(v.Sessions, sessionView{
			ID: s.ID, Browser: browserText(lang, s.Client.Agent), Addr: s.Client.Addr, CreatedAt: s.CreatedAt, LastUsedAt: s.LastUsedAt,
		})
	}
	for _, d := range m.devices {
		v.Devices = append(v.Devices, deviceView{
			ID: d.ID, Browser: browserText(lang, d.Client.Agent), CreatedAt: d.CreatedAt, LastUsedAt: d.LastUsedAt, ExpiresAt: d.ExpiresAt,
		})
	}
	v.Events, err = g.eventsOf(r.Context(), m.ID, lang)
	return v, err
}

// fill puts in what was typed before a fresh proof was there.
func (v *adminAccountView) fill(kept keptForm) {
	switch name := kept.Action[strings.LastIndexByte(kept.Action, '/')+1:]; name {
	case "groups":
		v.TypedGroups = kept.Fields["groups"]
	case "code", "reset":
		v.TypedReason[name] = kept.Fields["reason"]
	}
}

// adminForms are the acts that the page of an account has a button for.
var adminForms = []string{"groups", "administrator", "disabled", "end-sessions", "code", "reset"}

// formAdminAct does something to an account. A code is shown on the answer, and nowhere again.
func (g *Gate) formAdminAct(w http.ResponseWriter, r *http.Request, c caller) {
	name := r.PathValue("act")
	if !slices.Contains(adminForms, name) {
		g.errorPage(w, r, nightlatch.ErrNotFound)
		return
	}
	if !g.readForm(w, r) {
		return
	}
	given, err := g.act(r, c, actOf(name, r.PostForm))
	switch f := faultOf(err); {
	case err == nil && given.Code != "":
		g.showGiven(w, r, c, name, given)
	case err == nil:
		g.tell(w, saidSaved)
		g.redirect(w, r, g.adminPage(r))
	case len(f.Fields) > 0 || errors.Is(err, ErrDefined):
		g.adminFailed(w, r, c, name, f)
	case !g.leadAdministrator(w, r, err):
		g.errorPage(w, r, err)
	}
}

func actOf(name string, form url.Values) Act {
	on := form.Get("on") == "yes"
	switch name {
	case "groups":
		groups := strings.FieldsFunc(form.Get("groups"), func(r rune) bool { return r == ',' || r == ' ' })
		return Act{Do: ActEdit, Edit: AccountEdit{Groups: &groups}}
	case "administrator":
		return Act{Do: ActEdit, Edit: AccountEdit{Admin: &on}}
	case "disabled":
		return Act{Do: ActEdit, Edit: AccountEdit{Disabled: &on}}
	case "end-sessions":
		return Act{Do: ActEndSessions}
	case "code":
		return Act{Do: ActGiveCode, Reason: form.Get("reason")}
	}
	return Act{Do: ActReset, Reason: form.Get("reason")}
}

// adminFailed shows the account with what was wrong with a form of it.
func (g *Gate) adminFailed(w http.ResponseWriter, r *http.Request, c caller, name string, f fault) {
	v, err := g.newAdminAccount(w, r, c)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	problems := g.fieldProblems(r, f)
	switch {
	case problems["reason"] != "":
		v.Problems = map[string]string{"reason-" + name: problems["reason"]}
		v.TypedReason[name] = r.PostFormValue("reason")
	case problems["groups"] != "":
		v.Problems = map[string]string{"groups": problems["groups"]}
		v.TypedGroups = r.PostFormValue("groups")
	default:
		v.Alert = g.pages.say(r, f.Title)
	}
	g.pages.render(w, r, f.Status, "admin-account", v)
}

func (g *Gate) showGiven(w http.ResponseWriter, r *http.Request, c caller, name string, given GivenCode) {
	v := givenView{ID: r.PathValue("id"), Reset: name == "reset", Code: given.Code, Until: given.ExpiresAt}
	// The code is shown whatever happens: there is no second time.
	if frame, err := g.adminFrame(w, r, c); err == nil {
		v.Frame = frame.Frame
	}
	if u, err := g.svc.FindUser(r.Context(), v.ID); err == nil {
		v.Name = nameOf(u)
	}
	g.pages.render(w, r, http.StatusOK, "given", v)
}

// pageAdminEvents searches the trails of all.
func (g *Gate) pageAdminEvents(w http.ResponseWriter, r *http.Request, c caller) {
	frame, err := g.adminFrame(w, r, c)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	list, before, err := g.findEvents(r, eventsUsual)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	query := r.URL.Query()
	v := adminEventsView{Frame: frame.Frame, Account: query.Get("account"), Name: query.Get("name")}
	for _, e := range list {
		v.Events = append(v.Events, managedEventView{
			eventView: eventView{At: e.At, Text: textOf(c.client.Lang, e.Event), From: e.Client.Addr},
			ID:        e.User, Account: e.name, Event: e.Name, Reason: e.Reason, By: strings.TrimSpace(e.By + " " + e.Detail["administrator"]),
		})
	}
	if before != "" {
		query.Set("before", before)
		v.Next = "/admin/events?" + query.Encode()
	}
	g.pages.render(w, r, http.StatusOK, "admin-events", v)
}
