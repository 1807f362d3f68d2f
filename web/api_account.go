package web

import (
	"context"
	"net/http"
	"time"

	"github.com/nightlatch/nightlatch"
)

// exportedMost is how many events an export holds, the newest.
const exportedMost = 10_000

// patchAccount changes the name.
func (g *Gate) patchAccount(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	p, err := g.profiles()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Username *string `json:"username"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if in.Username == nil {
		err = g.svc.Fresh(r.Context(), c.session)
	} else {
		err = p.Rename(r.Context(), c.session, *in.Username, c.client)
	}
	if err != nil {
		return 0, nil, err
	}
	_, u, err := g.ownUser(r, c)
	return http.StatusOK, accountOf(u), err
}

// ownUser returns the session of a request, and its user.
func (g *Gate) ownUser(r *http.Request, c caller) (nightlatch.Session, nightlatch.User, error) {
	ses, err := g.session(r, c)
	if err != nil {
		return ses, nightlatch.User{}, err
	}
	u, err := g.svc.FindUser(r.Context(), ses.User)
	return ses, u, err
}

// deleteAccount removes the account of the session.
func (g *Gate) deleteAccount(w http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	p, err := g.profiles()
	if err != nil {
		return 0, nil, err
	}
	if err := p.RemoveOwn(r.Context(), c.session, c.client); err != nil {
		return 0, nil, err
	}
	g.leave(w, r)
	return http.StatusNoContent, nil, nil
}

// leave takes away all that a browser held for an account that is no more.
func (g *Gate) leave(w http.ResponseWriter, r *http.Request) {
	g.drop(w, r, sessionCookie)
	g.drop(w, r, signInCookie)
}

// exportJSON is what is kept of an account, without its secrets.
type exportJSON struct {
	ExportedAt     time.Time           `json:"exported_at"`
	Account        accountJSON         `json:"account"`
	Kept           keptJSON            `json:"kept"`
	Authenticators []authenticatorJSON `json:"authenticators"`
	RecoveryCodes  int                 `json:"recovery_codes_left"`
	Sessions       []sessionLineJSON   `json:"sessions"`
	Devices        []exportedDevice    `json:"devices"`
	Events         []eventJSON         `json:"events"`
}

// keptJSON is what the application keeps beside.
type keptJSON struct {
	CreatedAt   *time.Time `json:"created_at"`
	WantedEmail string     `json:"wanted_email,omitempty"`
	FormerEmail string     `json:"former_email,omitempty"`
	FormerUntil *time.Time `json:"former_email_until,omitempty"`
	FormerNames []string   `json:"former_usernames"`
}

type exportedDevice struct {
	ID         string    `json:"id"`
	Browser    string    `json:"browser"`
	Addr       string    `json:"addr"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// getExport shows all that is kept of the account.
func (g *Gate) getExport(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	p, err := g.profiles()
	if err != nil {
		return 0, nil, err
	}
	if err := g.svc.Fresh(r.Context(), c.session); err != nil {
		return 0, nil, err
	}
	j, err := g.export(r, c, p)
	return http.StatusOK, j, err
}

func (g *Gate) export(r *http.Request, c caller, p Profiles) (exportJSON, error) {
	ctx := r.Context()
	ses, u, err := g.ownUser(r, c)
	if err != nil {
		return exportJSON{}, err
	}
	kept, err := p.Profile(ctx, u.ID)
	if err != nil {
		return exportJSON{}, err
	}
	held, err := g.svc.Holdings(ctx, c.session)
	if err != nil {
		return exportJSON{}, err
	}
	j := exportJSON{ExportedAt: g.svc.Now(), Account: accountOf(u), Authenticators: []authenticatorJSON{}, Kept: keptJSON{
		CreatedAt: timeJSON(kept.CreatedAt), WantedEmail: kept.Wanted, FormerEmail: kept.Former,
		FormerUntil: timeJSON(kept.FormerUntil), FormerNames: append([]string{}, kept.FormerNames...),
	}}
	for _, o := range held.Authenticators {
		j.Authenticators = append(j.Authenticators, authenticatorOf(o))
	}
	for _, o := range held.Codes {
		j.RecoveryCodes += o.Left
	}
	if j.Sessions, err = g.sessionLines(ctx, ses, c.client.Lang); err != nil {
		return j, err
	}
	if j.Devices, err = g.exportedDevices(ctx, u.ID, c.client.Lang); err != nil {
		return j, err
	}
	j.Events, err = g.exportedEvents(ctx, u.ID, c.client.Lang)
	return j, err
}

func (g *Gate) exportedDevices(ctx context.Context, user, lang string) ([]exportedDevice, error) {
	devices, err := g.svc.DevicesOf(ctx, user)
	list := make([]exportedDevice, len(devices))
	for i, d := range devices {
		list[i] = exportedDevice{
			ID: d.ID, Browser: browserText(lang, d.Client.Agent), Addr: d.Client.Addr,
			CreatedAt: d.CreatedAt, LastUsedAt: d.LastUsedAt, ExpiresAt: d.ExpiresAt,
		}
	}
	return list, err
}

func (g *Gate) exportedEvents(ctx context.Context, user, lang string) ([]eventJSON, error) {
	list := []eventJSON{}
	var before int64
	for len(list) < exportedMost {
		events, err := g.svc.EventsOf(ctx, user, before, eventsMost)
		if err != nil || len(events) == 0 {
			return list, err
		}
		for _, e := range events {
			list = append(list, eventOf(e, lang))
		}
		if before = events[len(events)-1].Seq; before <= 1 {
			break
		}
	}
	return list, nil
}
