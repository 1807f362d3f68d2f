package web

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// How many accounts an answer holds.
const (
	accountsUsual = 50
	accountsMost  = 200
)

// managedJSON is an account in the list of an administrator.
type managedJSON struct {
	accountJSON
	Disabled  bool      `json:"disabled"`
	Enrolled  bool      `json:"enrolled"`
	Defined   bool      `json:"defined_by_settings"`
	CreatedAt time.Time `json:"created_at"`
}

func managedOf(a ManagedAccount) managedJSON {
	return managedJSON{accountOf(a.User), a.Disabled, a.Enrolled, a.Defined, a.CreatedAt.UTC()}
}

// managedWholeJSON is one account with all that an administrator may see of it.
type managedWholeJSON struct {
	managedJSON
	Authenticators []authenticatorJSON `json:"authenticators"`
	CodesLeft      int                 `json:"recovery_codes_left"`
	CodeUntil      *time.Time          `json:"one_time_code_until"`
	AfterReset     bool                `json:"after_reset"`
	Throttled      []factor.Kind       `json:"throttled"`
	Hold           *managedHoldJSON    `json:"hold"`
	Sessions       []sessionLineJSON   `json:"sessions"`
	Devices        []managedDeviceJSON `json:"devices"`
}

type managedHoldJSON struct {
	BegunAt time.Time `json:"begun_at"`
	Until   time.Time `json:"until"`
}

type managedDeviceJSON struct {
	ID         string    `json:"id"`
	Browser    string    `json:"browser"`
	Addr       string    `json:"addr"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// managedWhole is an account with all that is told of it.
type managedWhole struct {
	ManagedAccount
	overview nightlatch.Overview
	sessions []nightlatch.Session
	devices  []nightlatch.Device
}

func (g *Gate) findManaged(ctx context.Context, id string) (m managedWhole, err error) {
	if m.ManagedAccount, err = g.options.Administration.FindManaged(ctx, id); err != nil {
		return m, err
	}
	if m.overview, err = g.svc.Overview(ctx, id); err != nil {
		return m, err
	}
	if m.sessions, err = g.svc.SessionsOf(ctx, id); err != nil {
		return m, err
	}
	m.devices, err = g.svc.DevicesOf(ctx, id)
	return m, err
}

// accountQuery reads what is searched for. q is what a name or an address begins with.
func accountQuery(r *http.Request) (q AccountQuery, err error) {
	limit, err := number(r, "limit", accountsUsual, accountsMost)
	if err != nil {
		return q, err
	}
	q.Limit = int(limit)
	if q.Text, err = queryText(r, "q", mostEmail); err != nil {
		return q, err
	}
	if q.After, err = queryText(r, "after", 2*maxCursor); err != nil {
		return q, err
	}
	enrolled, err := queryText(r, "enrolled", mostEmail)
	switch {
	case err != nil:
		return q, err
	case enrolled == "true" || enrolled == "false":
		yes := enrolled == "true"
		q.Enrolled = &yes
	case enrolled != "":
		return q, FieldsError{"enrolled": "invalid"}
	}
	return q, nil
}

// queryText returns a parameter of the query, "" where it is not given.
func queryText(r *http.Request, name string, most int) (string, error) {
	values := r.URL.Query()[name]
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1 || !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0):
		return "", FieldsError{name: "invalid"}
	case utf8.RuneCountInString(values[0]) > most:
		return "", FieldsError{name: "too_long"}
	}
	return values[0], nil
}

// getAdminAccounts lists and searches accounts.
func (g *Gate) getAdminAccounts(_ http.ResponseWriter, r *http.Request, _ caller, _ []byte) (int, any, error) {
	q, err := accountQuery(r)
	if err != nil {
		return 0, nil, err
	}
	page, err := g.options.Administration.FindAccounts(r.Context(), q)
	if err != nil {
		return 0, nil, err
	}
	j := struct {
		Accounts []managedJSON `json:"accounts"`
		Next     *string       `json:"next"`
	}{Accounts: []managedJSON{}, Next: orNull(page.Next)}
	for _, a := range page.Accounts {
		j.Accounts = append(j.Accounts, managedOf(a))
	}
	return http.StatusOK, j, nil
}

// orNull is null for nothing.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// getAdminAccount shows one account, never a secret of it.
func (g *Gate) getAdminAccount(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	m, err := g.findManaged(r.Context(), r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, managedWholeOf(m, c.client.Lang), nil
}

func managedWholeOf(m managedWhole, lang string) managedWholeJSON {
	j := managedWholeJSON{
		managedJSON: managedOf(m.ManagedAccount), Authenticators: []authenticatorJSON{}, Sessions: []sessionLineJSON{},
		Devices: []managedDeviceJSON{}, Throttled: append([]factor.Kind{}, m.overview.Throttled...),
		AfterReset: m.overview.AfterReset, CodeUntil: timeJSON(m.overview.CodeUntil),
	}
	for _, o := range m.overview.Authenticators {
		j.Authenticators = append(j.Authenticators, authenticatorOf(o))
	}
	for _, o := range m.overview.Codes {
		j.CodesLeft += o.Left
	}
	if h := m.overview.Hold; h != nil {
		j.Hold = &managedHoldJSON{h.Begun.UTC(), h.Until.UTC()}
	}
	for _, s := range m.sessions {
		j.Sessions = append(j.Sessions, sessionLineJSON{
			ID: s.ID, Level: s.Level, Browser: browserText(lang, s.Client.Agent), Addr: s.Client.Addr,
			CreatedAt: s.CreatedAt, LastUsedAt: s.LastUsedAt, ExpiresAt: s.ExpiresAt,
		})
	}
	for _, d := range m.devices {
		j.Devices = append(j.Devices, managedDeviceJSON{
			ID: d.ID, Browser: browserText(lang, d.Client.Agent), Addr: d.Client.Addr,
			CreatedAt: d.CreatedAt, LastUsedAt: d.LastUsedAt, ExpiresAt: d.ExpiresAt,
		})
	}
	return j
}

// patchAdminAccount changes groups, role and state of one.
func (g *Gate) patchAdminAccount(w http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	var in struct {
		Groups   *[]string `json:"groups"`
		Admin    *bool     `json:"admin"`
		Disabled *bool     `json:"disabled"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	edit := AccountEdit{Groups: in.Groups, Admin: in.Admin, Disabled: in.Disabled}
	if _, err := g.act(r, c, Act{Do: ActEdit, Edit: edit}); err != nil {
		return 0, nil, err
	}
	return g.getAdminAccount(w, r, c, nil)
}

// postAdminReset takes away every authenticator, and shows once the code with which to enroll anew.
func (g *Gate) postAdminReset(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	return g.giveByAPI(r, c, ActReset, body)
}

// postAdminCode shows once a code that stands for the second factor.
func (g *Gate) postAdminCode(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	return g.giveByAPI(r, c, ActGiveCode, body)
}

func (g *Gate) giveByAPI(r *http.Request, c caller, do ActKind, body []byte) (int, any, error) {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	given, err := g.act(r, c, Act{Do: do, Reason: in.Reason})
	return http.StatusOK, struct {
		Code      string    `json:"code"`
		ExpiresAt time.Time `json:"expires_at"`
	}{given.Code, given.ExpiresAt}, err
}

// deleteAdminSessions ends all sessions of one.
func (g *Gate) deleteAdminSessions(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	_, err := g.act(r, c, Act{Do: ActEndSessions})
	return http.StatusNoContent, nil, err
}
