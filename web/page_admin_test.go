package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

// clerks administer the people of a site.
type clerks struct {
	*people
	mu   chan struct{} // holds one
	acts []Act
	set  string // an account that settings define
}

func newClerks() *clerks {
	c := &clerks{mu: make(chan struct{}, 1)}
	c.mu <- struct{}{}
	return c
}

func (c *clerks) FindAccounts(ctx context.Context, q AccountQuery) (page AccountPage, err error) {
	c.people.mu.Lock()
	defer c.people.mu.Unlock()
	var ids []string
	for id, u := range c.byID {
		if strings.HasPrefix(strings.ToLower(u.Name), strings.ToLower(q.Text)) && id > q.After {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if len(ids) > 2 {
		ids, page.Next = ids[:2], ids[1]
	}
	for _, id := range ids {
		page.Accounts = append(page.Accounts, ManagedAccount{User: c.byID[id]})
	}
	return page, nil
}

func (c *clerks) FindManaged(ctx context.Context, id string) (ManagedAccount, error) {
	u, err := c.FindUser(ctx, id)
	return ManagedAccount{User: u, Defined: id == c.set}, err
}

func (c *clerks) FindNames(ctx context.Context, ids []string) (map[string]string, error) {
	names := map[string]string{}
	for _, id := range ids {
		if u, err := c.FindUser(ctx, id); err == nil {
			names[id] = nameOf(u)
		}
	}
	return names, nil
}

func (c *clerks) Act(ctx context.Context, a Act) (GivenCode, error) {
	<-c.mu
	defer func() { c.mu <- struct{}{} }()
	c.acts = append(c.acts, a)
	switch {
	case a.Account == c.set && a.Do == ActEdit:
		return GivenCode{}, ErrDefined
	case a.Do == ActEdit && a.Edit.Groups != nil && slices.Contains(*a.Edit.Groups, "NO"):
		return GivenCode{}, FieldsError{"groups": "invalid"}
	case a.Do == ActReset || a.Do == ActGiveCode:
		if a.Reason == "" {
			return GivenCode{}, FieldsError{"reason": "missing"}
		}
		return GivenCode{Code: "k7qm-2xra-hb5d-9wp3", ExpiresAt: time.Date(2026, 11, 22, 10, 10, 0, 0, time.UTC)}, nil
	}
	return GivenCode{}, nil
}

// promote makes somebody an administrator.
func (p *people) promote(name string) (id string) {
	id, _, _ = p.FindAccount(context.Background(), name)
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.byID[id]
	u.Admin = true
	p.byID[id] = u
	return id
}

// newOffice is a site whose administrator is at the door of the pages, with a fresh second factor.
func newOffice(t *testing.T) (s *site, office *clerks, boss *visitor, app phone) {
	t.Helper()
	office = newClerks()
	s = newSite(t, func(_ *nightlatch.Config, o *Options) { o.Administration = office })
	office.people = s.people
	for _, name := range []string{"anna", "bert", "carla"} {
		s.visitor().signUp(name)
	}
	boss = s.visitor()
	boss.signUp("boss")
	s.people.promote("boss")
	app = boss.enroll("My phone")
	return s, office, boss, app
}

func TestAdministrationPages(t *testing.T) {
	t.Parallel()
	_, office, boss, _ := newOffice(t)
	boss.get("/account")
	boss.follow("Administration")
	boss.want(200, "/admin")
	boss.says("anna", "bert", "No second factor")
	boss.follow("Go on")
	boss.says("carla", "boss")
	boss.get("/admin")
	boss.press("Search", "", map[string]string{"Search": "B"})
	boss.want(200, "/admin?q=B")
	boss.says("bert", "boss")
	boss.press("Search", "", map[string]string{"Search": "nobody", "Only without a second factor": "false"})
	boss.want(200, "/admin?enrolled=false&q=nobody")
	boss.says("No account fits.")
	boss.get("/admin?q=" + strings.Repeat("x", 300))
	boss.want(400, boss.path)
	boss.alerted("Search", "Too long: it may have 254 characters at most.")

	boss.get("/admin?q=anna")
	boss.follow("anna")
	id := strings.TrimPrefix(boss.path, "/admin/accounts/")
	boss.says("The password alone leads in", "The account was made")
	boss.press("Save groups", "", map[string]string{"Groups": "ops,  qa"})
	boss.want(200, "/admin/accounts/"+id)
	boss.announced("status", "Done.")
	boss.press("Save groups", "", map[string]string{"Groups": "ops, NO"})
	boss.want(400, "/admin/accounts/"+id+"/groups")
	boss.alerted("Groups", "A group has 1 to 64 small letters, digits, dots, underscores and dashes.")
	if input(t, boss.all, "groups")["value"] != "ops, NO" {
		t.Error("what was typed is gone")
	}
	boss.press("Make administrator", "", nil)
	boss.press("Disable account", "", nil)
	boss.press("End all sessions", "", nil)
	boss.announced("status", "Done.")

	boss.press("Give a one-time code", "", map[string]string{"Reason for the code": ""})
	boss.want(400, "/admin/accounts/"+id+"/code")
	boss.alerted("Reason for the code", "This must be filled in.")
	boss.press("Reset the second factor", "", map[string]string{"Reason for the reset": ""})
	boss.alerted("Reason for the reset", "This must be filled in.")
	boss.press("Give a one-time code", "", map[string]string{"Reason for the code": "lost, called back"})
	boss.want(200, "/admin/accounts/"+id+"/code")
	boss.says("One-time code", "anna", "k7qm-2xra-hb5d-9wp3", "It is shown once.", "22 November 2026")
	if cc := boss.head.Get("Cache-Control"); cc != "no-store" {
		t.Errorf("a code with Cache-Control %q", cc)
	}
	boss.press("Done", "", nil)
	boss.want(200, "/admin/accounts/"+id)
	if strings.Contains(boss.body, "k7qm") {
		t.Error("the code is shown twice")
	}
	boss.press("Reset the second factor", "", map[string]string{"Reason for the reset": "lost"})
	boss.says("The second factor was reset", "k7qm-2xra-hb5d-9wp3")

	var did []string
	for _, a := range office.acts {
		if a.Account != id || a.By == id || a.By == "" || a.Client.Addr == "" {
			t.Errorf("an act of %q on %q", a.By, a.Account)
		}
		did = append(did, string(a.Do))
	}
	if got := strings.Join(did, " "); got != "edit edit edit edit end-sessions code reset code reset" {
		t.Errorf("did %s", got)
	}
	if e := office.acts[0].Edit; e.Groups == nil || !slices.Equal(*e.Groups, []string{"ops", "qa"}) || e.Admin != nil || e.Disabled != nil {
		t.Errorf("groups: %+v", e)
	}
	if a, d := office.acts[2].Edit, office.acts[3].Edit; a.Admin == nil || !*a.Admin || d.Disabled == nil || !*d.Disabled {
		t.Errorf("%+v, %+v", a, d)
	}

	boss.get("/admin")
	boss.follow("Events of all accounts")
	boss.press("Search", "", map[string]string{"Account": "ANNA", "Event": "signed_in"})
	boss.want(200, "/admin/events?account=ANNA&name=signed_in")
	boss.says("anna: Signed in")
	boss.press("Search", "", map[string]string{"Account": "", "Event": "unheard_of"})
	boss.says("No event fits.")
	boss.get("/admin/events?before=x")
	boss.want(400, "/admin/events?before=x")
}

// TestAdministrationLeads: who may administer is led to what is missing and back, and nobody else is let in.
func TestAdministrationLeads(t *testing.T) {
	t.Parallel()
	s, office, boss, app := newOffice(t)
	anna, _, _ := s.people.FindAccount(t.Context(), "anna")
	s.clock.advance(11 * time.Minute)
	boss.get("/admin/events?name=reset&account=anna")
	boss.want(200, "/verify?to=%2Fadmin%2Fevents%3Fname%3Dreset%26account%3Danna")
	boss.press("Continue", "", map[string]string{"Code": app.code()})
	boss.want(200, "/admin/events?name=reset&account=anna")

	boss.get("/admin/accounts/" + anna)
	s.clock.advance(11 * time.Minute)
	boss.press("Disable account", "", nil)
	if len(office.acts) != 0 {
		t.Error("a proof of long ago was enough")
	}

	// What was typed is there again after the proof, in its own field, and nothing was done yet.
	boss.press("Continue", "", map[string]string{"Code": app.code()})
	boss.want(200, "/admin/accounts/"+anna)
	for button, field := range map[string]string{
		"Reset the second factor": "Reason for the reset", "Give a one-time code": "Reason for the code", "Save groups": "Groups",
	} {
		s.clock.advance(11 * time.Minute)
		boss.press(button, "", map[string]string{field: "lost, called back"})
		boss.want(200, "/verify?to="+url.QueryEscape("/admin/accounts/"+anna))
		boss.press("Continue", "", map[string]string{"Code": app.code()})
		boss.want(200, "/admin/accounts/"+anna)
		id := map[string]string{"Reason for the reset": "reason-reset", "Reason for the code": "reason-code", "Groups": "groups"}[field]
		if got := input(t, boss.all, id)["value"]; got != "lost, called back" || len(office.acts) != 0 {
			t.Errorf("%s holds %q; done: %v", field, got, office.acts)
		}
	}

	plain := s.visitor()
	plain.signIn("anna")
	plain.get("/")
	if strings.Contains(plain.body, "Administration") {
		t.Error("who does not administer is offered to")
	}
	for _, page := range []string{"/admin", "/admin/events", "/admin/accounts/" + anna} {
		plain.get(page)
		plain.want(403, page)
	}
	if to := plain.once(http.MethodPost, "/admin/accounts/"+anna+"/administrator", url.Values{"on": {"yes"}}); plain.status != 403 || to != "" {
		t.Errorf("%d %s", plain.status, to)
	}
	s.people.promote("anna")
	plain.get("/admin")
	plain.want(200, "/account/authenticators/new?to=%2Fadmin")
	plain.get("/")
	plain.says("Administration")

	boss.get("/admin")
	boss.want(200, "/admin")
	bossID, _, _ := s.people.FindAccount(t.Context(), "boss")
	boss.get("/admin/accounts/" + bossID)
	boss.says("This is your own account.")
	for _, form := range adminForms {
		if strings.Contains(boss.body, "/"+form+`"`) {
			t.Errorf("the own page has the form %s", form)
		}
		boss.once(http.MethodPost, "/admin/accounts/"+bossID+"/"+form, url.Values{"reason": {"x"}, "on": {"yes"}})
		if boss.status != 403 {
			t.Errorf("%s to oneself: %d", form, boss.status)
		}
	}
	for _, path := range []string{"/admin/accounts/nobody", "/admin/accounts/" + anna + "/nothing"} {
		boss.request(http.MethodPost, path, url.Values{})
		if boss.status != 404 && boss.status != 405 {
			t.Errorf("%s: %d", path, boss.status)
		}
	}
	boss.get("/admin/accounts/nobody")
	boss.want(404, "/admin/accounts/nobody")
	if len(office.acts) != 0 {
		t.Errorf("acts: %+v", office.acts)
	}

	office.set = anna
	boss.get("/admin/accounts/" + anna)
	boss.says("The settings define this account")
	if strings.Contains(boss.body, "Disable account") {
		t.Error("what the settings say can be changed here")
	}
	boss.request(http.MethodPost, "/admin/accounts/"+anna+"/disabled", url.Values{"on": {"yes"}})
	boss.want(409, "/admin/accounts/"+anna+"/disabled")
	boss.announced("alert", "This account is defined by the settings. Change it there.")
}

// TestWithoutAdministration: an application that brings none has no such pages and no such requests, for nobody.
func TestWithoutAdministration(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("boss")
	s.people.promote("boss")
	v.enroll("My phone")
	for _, visitor := range []*visitor{v, s.visitor()} {
		for _, path := range []string{"/admin", "/admin/accounts/x", "/admin/events", "/api/v1/admin/accounts", "/api/v1/admin/events"} {
			visitor.once(http.MethodGet, path, nil)
			if visitor.status != 404 {
				t.Errorf("%s: %d", path, visitor.status)
			}
		}
	}
	v.get("/")
	if strings.Contains(v.body, "Administration") {
		t.Error("what is not there is offered")
	}
}
