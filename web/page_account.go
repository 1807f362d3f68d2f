package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/locale"
)

// eventsShown is how many events the account page has.
const eventsShown = 10

// pageAccount shows everything that an account is and holds.
func (g *Gate) pageAccount(w http.ResponseWriter, r *http.Request, c caller) {
	v, err := g.newAccount(r, c)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	key, words := g.told(w, r)
	v.Status = words
	v.fill(g.filled(r, c, key, "/account"))
	if key == saidCodeUsed && v.Codes != nil {
		v.Notices = append(v.Notices, locale.N(c.client.Lang, v.Codes.Left,
			"You signed in with a recovery code: %d is left. Make new ones below before they are used up.",
			"You signed in with a recovery code: %d are left. Make new ones below before they are used up."))
	}
	g.pages.render(w, r, http.StatusOK, "account", v)
}

// fill shows the name that an authenticator was to have, before a fresh proof was asked for.
func (v *accountView) fill(kept keptForm) {
	id, ok := strings.CutPrefix(kept.Action, "/account/authenticators/rename/")
	if typed := kept.Fields["label"]; ok && typed != "" {
		for _, k := range v.Kinds {
			for i := range k.Held {
				if k.Held[i].ID == id {
					k.Held[i].Typed = typed
				}
			}
		}
	}
}

// accountFailed shows the account with what was wrong with a form of it.
func (g *Gate) accountFailed(w http.ResponseWriter, r *http.Request, c caller, status int, change func(v *accountView)) {
	v, err := g.newAccount(r, c)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	change(&v)
	g.pages.render(w, r, status, "account", v)
}

func (g *Gate) newAccount(r *http.Request, c caller) (accountView, error) {
	ctx := r.Context()
	ses, err := g.session(r, c)
	if err != nil {
		return accountView{}, err
	}
	u, err := g.svc.FindUser(ctx, ses.User)
	if err != nil {
		return accountView{}, err
	}
	held, err := g.svc.Holdings(ctx, c.session)
	if err != nil {
		return accountView{}, err
	}
	v := accountView{
		Frame: Frame{User: nameOf(u)}, Username: u.Name, Email: u.Email, EmailConfirmed: !u.EmailConfirmedAt.IsZero(),
		Groups: u.Groups, Admin: u.Admin, Administers: g.administers(u), SignOut: g.options.Accounts != nil, Kinds: g.kindsOf(held.Authenticators), Codes: codesOf(held),
		SuggestSecond: len(working(held.Authenticators)) == 1, Signals: g.signals(ctx, u.ID),
	}
	if g.options.Profiles != nil {
		kept, err := g.options.Profiles.Profile(ctx, u.ID)
		if err != nil {
			return v, err
		}
		v.MayChange, v.SendsMail = !kept.Fixed, kept.SendsMail
	}
	if v.EnrollBy, err = g.svc.EnrollBy(ctx, c.session); err != nil {
		return v, err
	}
	if p := g.svc.Policy(); len(held.Authenticators) == 0 && p.Requires(u.Admin) && !p.ReportOnly && v.EnrollBy.IsZero() {
		v.Notices = append(v.Notices, g.pages.say(r, "Please add an authenticator: soon you cannot sign in without one."))
	}
	if held.SameMailbox {
		v.Notices = append(v.Notices, g.pages.say(r, "Your password was set by a link that was mailed to you. Until you change it here, codes mailed to the same mailbox are not asked for."))
	}
	if v.Sessions, err = g.sessionsOf(ctx, ses, c.client.Lang); err != nil {
		return v, err
	}
	all, err := g.svc.Recoveries(ctx, c.session)
	if err != nil {
		return v, err
	}
	v.Hold = g.holdOf(all.Hold)
	if v.Unread, err = g.unread(r, c); err != nil {
		return v, err
	}
	if v.Devices, err = g.devicesOf(r, u.ID, c.client.Lang); err != nil {
		return v, err
	}
	v.Events, err = g.eventsOf(ctx, u.ID, c.client.Lang)
	return v, err
}

// signals is what the browser should know of the user's passkeys, or "": nothing hangs on it.
func (g *Gate) signals(ctx context.Context, user string) string {
	if g.options.Signals == nil {
		return ""
	}
	text, err := g.options.Signals(ctx, user)
	if err != nil || len(text) > 0 && !json.Valid(text) {
		g.log.Warn("the browser is not told of passkeys", "error", err)
		return ""
	}
	return string(text)
}

// kindsOf are all kinds that may be added, and those that are held though they may not be added any more.
func (g *Gate) kindsOf(held []nightlatch.Offer) []kindView {
	may := g.svc.Policy().Kinds()
	kinds := slices.Clone(may)
	for _, o := range held {
		if !slices.Contains(kinds, o.Kind) {
			kinds = append(kinds, o.Kind)
		}
	}
	words := make([]kindWords, len(kinds))
	for i, k := range kinds {
		words[i] = wordsOf(g.info(k))
	}
	strongestFirst(words)
	views := make([]kindView, len(words))
	for i, k := range words {
		views[i] = kindView{kindWords: k, May: slices.Contains(may, factor.Kind(k.Kind))}
		for _, o := range held {
			if string(o.Kind) == k.Kind {
				offer := g.offerOf(o)
				offer.MayPrefer = !o.Preferred && !o.Suspended && len(working(held)) > 1
				views[i].Held = append(views[i].Held, offer)
			}
		}
	}
	return views
}

// working are those that may be proven: all but the suspended ones.
func working(held []nightlatch.Offer) []nightlatch.Offer {
	return slices.DeleteFunc(slices.Clone(held), func(o nightlatch.Offer) bool { return o.Suspended })
}

// codesOf is nil where no second factor is held that recovery codes could stand in for.
func codesOf(held nightlatch.Holdings) *codesView {
	if len(held.Authenticators) == 0 {
		return nil
	}
	v := &codesView{}
	for _, o := range held.Codes {
		v.Left, v.CreatedAt, v.Suspended = v.Left+o.Left, o.CreatedAt, o.Suspended
	}
	return v
}

func (g *Gate) sessionsOf(ctx context.Context, own nightlatch.Session, lang string) ([]sessionView, error) {
	list, err := g.svc.SessionsOf(ctx, own.User)
	views := make([]sessionView, len(list))
	for i, s := range list {
		views[i] = sessionView{
			ID: s.ID, Browser: browserText(lang, s.Client.Agent), Addr: s.Client.Addr, Current: s.ID == own.ID,
			CreatedAt: s.CreatedAt, LastUsedAt: s.LastUsedAt,
		}
	}
	return views, err
}

func (g *Gate) eventsOf(ctx context.Context, user, lang string) ([]eventView, error) {
	events, err := g.svc.EventsOf(ctx, user, 0, eventsShown)
	views := make([]eventView, len(events))
	for i, e := range events {
		views[i] = eventView{At: e.At, Text: textOf(lang, e), From: e.Client.Addr}
	}
	return views, err
}
