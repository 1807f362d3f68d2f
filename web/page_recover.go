package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/locale"
)

const recoverPage = "/recover"

// recoverView is the page "recover", **Lost your device?** The codes go to POST /verify/another with kind recovery, the
// other ways to POST /recover: way, to; the hold is canceled by POST /recover/cancel: to.
type recoverView struct {
	Frame
	Codes    int    // recovery codes left
	SentTo   string // "a•••@example.com": where a link may be mailed to, or ""
	Admin    bool   // the administrators may be asked by mail
	HoldFor  time.Duration
	Hold     *holdView
	Elsewise bool // in a session: nothing can be asked for
}

// holdView is a recovery by mail that waits, or whose code is out.
type holdView struct {
	Begun, Until time.Time
	Out          bool
}

// holdPageView is the page "hold", to which a mailed link leads. The button goes to POST /recover/confirm: token.
type holdPageView struct {
	Frame
	Token   string // "": there is nothing to confirm
	HoldFor time.Duration
	Begun   bool // it was just begun
}

// holdOf is nil where there is none.
func (g *Gate) holdOf(h *nightlatch.Hold) *holdView {
	if h == nil {
		return nil
	}
	return &holdView{Begun: h.Begun, Until: h.Until, Out: !h.Until.After(g.svc.Now())}
}

// pageRecover lists the ways that are left when an authenticator is lost; with ?token= it is where a mailed link leads.
func (g *Gate) pageRecover(w http.ResponseWriter, r *http.Request, c caller) {
	if tok := r.URL.Query().Get("token"); tok != "" {
		g.pageHold(w, r, tok)
		return
	}
	if !g.admitPage(w, r, &c) {
		return
	}
	v, err := g.newRecover(r, c)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	_, v.Status = g.told(w, r)
	g.pages.render(w, r, http.StatusOK, "recover", v)
}

// admitPage admits an unfinished sign-in, else a session. Whom it does not admit it has sent away.
func (g *Gate) admitPage(w http.ResponseWriter, r *http.Request, c *caller) bool {
	err := g.admit(w, r, c, step)
	switch {
	case err == nil:
		return true
	case errors.Is(err, nightlatch.ErrUnauthenticated):
		g.sendAway(w, r)
	default:
		g.errorPage(w, r, err)
	}
	return false
}

func (g *Gate) newRecover(r *http.Request, c caller) (recoverView, error) {
	v := recoverView{Frame: Frame{To: g.to(r)}, HoldFor: g.svc.HoldLife(), Elsewise: c.signIn == ""}
	all, err := g.svc.Recoveries(r.Context(), c.step())
	if err != nil {
		return v, err
	}
	for _, o := range all.Ways {
		switch o.Way {
		case nightlatch.WayCodes:
			v.Codes = o.Left
		case nightlatch.WayEmail:
			v.SentTo = o.SentTo
		case nightlatch.WayAdmin:
			v.Admin = true
		}
	}
	v.Hold = g.holdOf(all.Hold)
	if v.Elsewise {
		return v, g.frameOf(r, c, &v.Frame)
	}
	return v, nil
}

// frameOf puts the name of who is signed in.
func (g *Gate) frameOf(r *http.Request, c caller, f *Frame) error {
	u, err := g.userOf(r, c)
	f.User = nameOf(u)
	return err
}

// formRecover asks for a way.
func (g *Gate) formRecover(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	way := nightlatch.Way(r.PostFormValue("way"))
	err := g.svc.AskRecovery(r.Context(), c.step(), way, c.client)
	if err == nil {
		said := saidLinkMailed
		if way == nightlatch.WayAdmin {
			said = saidHelpAsked
		}
		g.tell(w, said)
		g.redirect(w, r, withTo(recoverPage, g.to(r)))
		return
	}
	f := faultOf(err)
	switch f.Code {
	case "forbidden", "throttled":
	default:
		g.errorPage(w, r, err)
		return
	}
	v, pageErr := g.newRecover(r, c)
	if pageErr != nil {
		g.errorPage(w, r, pageErr)
		return
	}
	v.Alert = g.pages.say(r, "This way is not open to your account now.")
	if f.Code == "throttled" {
		v.Alert = g.pages.say(r, "That was asked for several times already. Please wait %s.", locale.Duration(g.pages.language(r), wait(err)))
	}
	g.retryAfter(w, f)
	g.pages.render(w, r, f.Status, "recover", v)
}

// formCancelHold ends the hold. That it is over already is as good.
func (g *Gate) formCancelHold(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	err := g.svc.CancelHold(r.Context(), c.step(), c.client)
	if err != nil && !errors.Is(err, nightlatch.ErrNotFound) {
		g.errorPage(w, r, err)
		return
	}
	g.tell(w, saidHoldCanceled)
	if c.signIn == "" {
		g.redirect(w, r, "/account")
		return
	}
	g.redirect(w, r, withTo(recoverPage, g.to(r)))
}

// pageHold shows the button that begins the hold. Looking at it changes nothing.
func (g *Gate) pageHold(w http.ResponseWriter, r *http.Request, tok string) {
	v := holdPageView{HoldFor: g.svc.HoldLife()}
	if _, err := g.svc.FindLink(r.Context(), nightlatch.ForRecovery, tok); err != nil {
		g.holdFailed(w, r, err)
		return
	}
	v.Token = tok
	g.pages.render(w, r, http.StatusOK, "hold", v)
}

// formHold begins the hold.
func (g *Gate) formHold(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	if err := g.svc.BeginHold(r.Context(), r.PostFormValue("token"), c.client); err != nil {
		g.holdFailed(w, r, err)
		return
	}
	g.pages.render(w, r, http.StatusOK, "hold", holdPageView{HoldFor: g.svc.HoldLife(), Begun: true})
}

func (g *Gate) holdFailed(w http.ResponseWriter, r *http.Request, err error) {
	show := func(status int, alert string) {
		g.pages.render(w, r, status, "hold", holdPageView{Frame: Frame{Alert: alert}, HoldFor: g.svc.HoldLife()})
	}
	if errors.Is(err, nightlatch.ErrForbidden) {
		show(faultOf(err).Status, g.pages.say(r, "This way is not open to your account now."))
		return
	}
	g.linkFailed(w, r, err, show)
}
