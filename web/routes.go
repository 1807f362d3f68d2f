package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch"
)

// audience says who may ask for a route. A route refuses an unfinished sign-in unless its audience names it.
type audience int

const (
	anyone     audience = iota
	unfinished          // an unfinished sign-in
	step                // an unfinished sign-in, else a session
	start               // as step, else nobody yet: a sign-in may begin without a name
	enrolling           // a session, or an unfinished sign-in that must enroll
	session             // a session
	// administrator: the session of an administrator, with a fresh second factor
	administrator
)

// apiRoute is one request of the API. do returns the status and the value to answer with; 204 has none.
type apiRoute struct {
	method, path string
	who          audience
	do           func(g *Gate, w http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error)
}

// apiRoutes are all requests of the API, below Prefix + "/api/v1".
var apiRoutes = []apiRoute{
	{"POST", "/accounts", anyone, (*Gate).postAccounts},
	{"POST", "/sign-in", anyone, (*Gate).postSignIn},
	{"GET", "/sign-in", unfinished, (*Gate).getSignIn},
	{"DELETE", "/sign-in", unfinished, (*Gate).deleteSignIn},
	{"POST", "/challenges", start, (*Gate).postChallenges},
	{"POST", "/verifications", start, (*Gate).postVerifications},
	{"GET", "/factors", enrolling, (*Gate).getFactors},
	{"GET", "/session", session, (*Gate).getSession},
	{"DELETE", "/session", session, (*Gate).deleteSession},
	{"GET", "/sessions", session, (*Gate).getSessions},
	{"DELETE", "/sessions", session, (*Gate).deleteSessions},
	{"DELETE", "/sessions/{id}", session, (*Gate).deleteSessionsID},
	{"GET", "/devices", session, (*Gate).getDevices},
	{"DELETE", "/devices/{id}", session, (*Gate).deleteDevicesID},
	{"GET", "/authenticators", session, (*Gate).getAuthenticators},
	{"POST", "/authenticators", enrolling, (*Gate).postAuthenticators},
	{"POST", "/authenticators/finish", enrolling, (*Gate).postAuthenticatorsFinish},
	{"PATCH", "/authenticators/{id}", session, (*Gate).patchAuthenticator},
	{"DELETE", "/authenticators/{id}", session, (*Gate).deleteAuthenticator},
	{"GET", "/recovery-codes", session, (*Gate).getRecoveryCodes},
	{"POST", "/recovery-codes", session, (*Gate).postRecoveryCodes},
	{"GET", "/recoveries", step, (*Gate).getRecoveries},
	{"POST", "/recoveries", step, (*Gate).postRecoveries},
	{"DELETE", "/recoveries", step, (*Gate).deleteRecoveries},
	{"POST", "/recoveries/confirmations", anyone, (*Gate).postRecoveriesConfirmations},
	{"GET", "/events", session, (*Gate).getEvents},
	{"GET", "/admin/accounts", administrator, (*Gate).getAdminAccounts},
	{"GET", "/admin/accounts/{id}", administrator, (*Gate).getAdminAccount},
	{"PATCH", "/admin/accounts/{id}", administrator, (*Gate).patchAdminAccount},
	{"POST", "/admin/accounts/{id}/reset", administrator, (*Gate).postAdminReset},
	{"POST", "/admin/accounts/{id}/code", administrator, (*Gate).postAdminCode},
	{"DELETE", "/admin/accounts/{id}/sessions", administrator, (*Gate).deleteAdminSessions},
	{"GET", "/admin/events", administrator, (*Gate).getAdminEvents},
	{"POST", "/not-me", anyone, (*Gate).postNotMe},
	{"POST", "/password", session, (*Gate).postPassword},
	{"POST", "/password/reset-requests", anyone, (*Gate).postResetRequests},
	{"POST", "/password/resets", anyone, (*Gate).postResets},
	{"PUT", "/email", session, (*Gate).putEmail},
	{"POST", "/email/confirmation-requests", anyone, (*Gate).postConfirmationRequests},
	{"POST", "/email/confirmations", anyone, (*Gate).postConfirmations},
	{"POST", "/email/undo", session, (*Gate).postEmailUndo},
	{"PATCH", "/account", session, (*Gate).patchAccount},
	{"DELETE", "/account", session, (*Gate).deleteAccount},
	{"GET", "/account/export", session, (*Gate).getExport},
	{"GET", "/openapi.json", anyone, (*Gate).getOpenAPI},
}

// pageRoute is one request for a page or from a form of one.
type pageRoute struct {
	method, path string
	who          audience
	do           func(g *Gate, w http.ResponseWriter, r *http.Request, c caller)
}

// pageRoutes are all pages, below Prefix.
var pageRoutes = []pageRoute{
	{"GET", "/{$}", anyone, (*Gate).pageHome},
	{"GET", "/sign-up", anyone, (*Gate).pageSignUp},
	{"POST", "/sign-up", anyone, (*Gate).formSignUp},
	{"GET", "/sign-in", anyone, (*Gate).pageSignIn},
	{"POST", "/sign-in", anyone, (*Gate).formSignIn},
	{"POST", "/sign-in/passkey", anyone, (*Gate).formPasskey},
	{"GET", "/verify", anyone, (*Gate).pageVerify},
	{"POST", "/verify", anyone, (*Gate).formVerify},
	{"POST", "/verify/send", anyone, (*Gate).formSend},
	{"GET", "/verify/another", step, (*Gate).pageAnother},
	{"POST", "/verify/another", step, (*Gate).formAnother},
	{"GET", "/verify/cancel", step, (*Gate).pageCancel},
	{"GET", "/recover", anyone, (*Gate).pageRecover},
	{"POST", "/recover", step, (*Gate).formRecover},
	{"POST", "/recover/confirm", anyone, (*Gate).formHold},
	{"POST", "/recover/cancel", step, (*Gate).formCancelHold},
	{"GET", "/sign-out", anyone, (*Gate).pageSignOut},
	{"POST", "/sign-out", anyone, (*Gate).formSignOut},
	{"GET", "/account", session, (*Gate).pageAccount},
	{"POST", "/account/sessions/end", session, (*Gate).formEndSessions},
	{"POST", "/account/sessions/{id}/end", session, (*Gate).formEndSession},
	{"POST", "/account/devices/{id}/forget", session, (*Gate).formForget},
	{"GET", "/account/authenticators/new", enrolling, (*Gate).pageChoose},
	{"GET", "/account/authenticators/new/{kind}", enrolling, (*Gate).pageEnroll},
	{"POST", "/account/authenticators/new/{kind}", enrolling, (*Gate).formDestination},
	{"GET", "/account/authenticators/new/{kind}/cancel", enrolling, (*Gate).pageCancelEnroll},
	{"POST", "/account/authenticators/finish/{kind}", enrolling, (*Gate).formEnroll},
	{"POST", "/account/authenticators/rename/{id}", session, (*Gate).formRename},
	{"POST", "/account/authenticators/prefer/{id}", session, (*Gate).formPrefer},
	{"POST", "/account/authenticators/remove/{id}", session, (*Gate).formRemove},
	{"GET", "/account/recovery-codes", session, (*Gate).pageCodes},
	{"POST", "/account/recovery-codes", session, (*Gate).formCodes},
	{"GET", "/admin", administrator, (*Gate).pageAdmin},
	{"GET", "/admin/accounts/{id}", administrator, (*Gate).pageAdminAccount},
	{"POST", "/admin/accounts/{id}/{act}", administrator, (*Gate).formAdminAct},
	{"GET", "/admin/events", administrator, (*Gate).pageAdminEvents},
	{"GET", "/not-me", anyone, (*Gate).pageNotMe},
	{"POST", "/not-me", anyone, (*Gate).formNotMe},
	{"POST", "/account/notices/read", session, (*Gate).formNoticesRead},
	{"GET", "/account/password", session, (*Gate).pagePassword},
	{"POST", "/account/password", session, (*Gate).formPassword},
	{"GET", "/password/forgot", anyone, (*Gate).pageForgot},
	{"POST", "/password/forgot", anyone, (*Gate).formForgot},
	{"GET", "/password/reset", anyone, (*Gate).pageReset},
	{"POST", "/password/reset", anyone, (*Gate).formReset},
	{"GET", "/account/email", session, (*Gate).pageEmail},
	{"POST", "/account/email", session, (*Gate).formEmail},
	{"POST", "/account/email/resend", session, (*Gate).formResendEmail},
	{"POST", "/account/email/undo", session, (*Gate).formUndoEmail},
	{"GET", "/email/confirm", anyone, (*Gate).pageConfirm},
	{"POST", "/email/confirm", anyone, (*Gate).formConfirm},
	{"GET", "/account/name", session, (*Gate).pageName},
	{"POST", "/account/name", session, (*Gate).formName},
	{"GET", "/account/export", session, (*Gate).pageExport},
	{"GET", "/account/delete", session, (*Gate).pageDelete},
	{"POST", "/account/delete", session, (*Gate).formDelete},
	{"GET", "/asset/{name}", anyone, (*Gate).getAsset},
	{"GET", "/favicon.ico", anyone, (*Gate).getIcon},
}

// routes puts both lists behind one handler. A path answers 405 for the methods that it has not.
func (g *Gate) routes() http.Handler {
	mux := http.NewServeMux()
	api := g.options.Prefix + "/api/v1"
	byPath := map[string]map[string]http.Handler{}
	add := func(path, method string, h http.Handler) {
		if byPath[path] == nil {
			byPath[path] = map[string]http.Handler{}
		}
		byPath[path][method] = h
	}
	for _, route := range apiRoutes {
		add(api+route.path, route.method, g.serveAPI(route))
	}
	for _, route := range pageRoutes {
		add(g.options.Prefix+route.path, route.method, g.servePage(route))
	}
	for path, methods := range byPath {
		mux.Handle(path, g.byMethod(methods, strings.HasPrefix(path, api)))
	}
	for _, path := range []string{api, api + "/"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { g.problem(w, r, nightlatch.ErrNotFound) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { g.errorPage(w, r, nightlatch.ErrNotFound) })
	return g.guard(mux, api)
}

// byMethod answers a HEAD as a GET, and 405 for what is not there.
func (g *Gate) byMethod(methods map[string]http.Handler, api bool) http.Handler {
	var allow []string
	for m := range methods {
		allow = append(allow, m)
	}
	if methods[http.MethodGet] != nil {
		allow = append(allow, http.MethodHead)
	}
	slices.Sort(allow)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if h := methods[method]; h != nil {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		if api {
			g.problem(w, r, errMethod)
			return
		}
		g.errorPage(w, r, errMethod)
	})
}

// guard is around every route: requests that change something come from our own pages or from a program.
func (g *Gate) guard(next http.Handler, api string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.secure {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		isAPI := strings.HasPrefix(r.URL.Path, api+"/")
		byToken := isAPI && r.Header.Get("Authorization") != "" && r.Header.Get("Cookie") == ""
		if err := g.cross.Check(r); err != nil && !byToken {
			if isAPI {
				g.problem(w, r, errCrossOrigin)
				return
			}
			g.errorPage(w, r, errCrossOrigin)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serveAPI judges who asks before what is asked, save the body's size and type.
func (g *Gate) serveAPI(route apiRoute) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := readBody(w, r)
		if err != nil && !errors.Is(err, errTooLarge) && !errors.Is(err, errMediaType) {
			body = []byte{}
			err = nil
		}
		if err != nil {
			g.problem(w, r, err)
			return
		}
		c := g.caller(r)
		if c.mixed {
			g.problem(w, r, errMixed)
			return
		}
		if err := g.admit(w, r, &c, route.who); err != nil {
			g.problem(w, r, err)
			return
		}
		status, v, err := route.do(g, w, r, c, body)
		switch {
		case err != nil:
			g.problem(w, r, err)
		case status == http.StatusNoContent:
			apiHeaders(w.Header())
			w.WriteHeader(status)
		case v != nil:
			answer(w, status, v)
		}
	})
}

// admit returns nil when the caller is of the audience, and leaves in c only the token that the route serves.
func (g *Gate) admit(w http.ResponseWriter, r *http.Request, c *caller, who audience) error {
	if who == anyone {
		return nil
	}
	if who == administrator && g.options.Administration == nil {
		return nightlatch.ErrNotFound
	}
	if err := g.attach(w, r, c); err != nil {
		return err
	}
	switch who {
	case unfinished:
		c.session = ""
		_, err := g.svc.SignIn(r.Context(), c.signIn)
		return err
	case step:
		return g.admitStep(r.Context(), r, c)
	case start:
		err := g.admitStep(r.Context(), r, c)
		if errors.Is(err, nightlatch.ErrUnauthenticated) && g.mayBegin(*c) {
			c.signIn, c.session = "", ""
			return nil
		}
		return err
	case enrolling:
		if _, err := g.session(r, *c); err == nil || !errors.Is(err, nightlatch.ErrUnauthenticated) {
			c.signIn = ""
			return err
		}
		next, err := g.svc.SignIn(r.Context(), c.signIn)
		if err == nil && next.Step != nightlatch.StepEnroll {
			return nightlatch.ErrUnauthenticated
		}
		c.session = ""
		return err
	case administrator:
		c.signIn = ""
		return g.admitAdministrator(r, *c)
	}
	c.signIn = ""
	_, err := g.session(r, *c)
	return err
}

// mayBegin says whether nobody yet may begin a sign-in by a passkey. A token that leads nowhere is not nobody.
func (g *Gate) mayBegin(c caller) bool {
	return g.options.Accounts != nil && g.svc.HasPasskeys(passkeyKind) && (!c.bearer || nightlatch.IsAnonymousChallenge(c.passkey))
}

// admitStep serves the unfinished sign-in, if it is alive, and else the session.
func (g *Gate) admitStep(ctx context.Context, r *http.Request, c *caller) error {
	_, err := g.svc.SignIn(ctx, c.signIn)
	if err == nil {
		c.session = ""
		return nil
	}
	if !errors.Is(err, nightlatch.ErrUnauthenticated) {
		return err
	}
	c.signIn = ""
	_, err = g.session(r, *c)
	return err
}

// attach begins our part of a sign-in that the application has done by itself, unless it has begun already.
func (g *Gate) attach(w http.ResponseWriter, r *http.Request, c *caller) error {
	if g.options.CurrentUser == nil {
		return nil
	}
	login, ok := g.options.CurrentUser(r)
	if !ok {
		c.signIn, c.session = "", ""
		return nil
	}
	if _, err := g.session(r, *c); err == nil || !errors.Is(err, nightlatch.ErrUnauthenticated) {
		return err
	}
	c.session = ""
	next, err := g.svc.SignIn(r.Context(), c.signIn)
	if err == nil && next.User == login.User && next.Binding == binding(login) {
		return nil
	}
	if err != nil && !errors.Is(err, nightlatch.ErrUnauthenticated) {
		return err
	}
	start := g.newStart(r, *c, false)
	start.Binding, start.To, start.Device = binding(login), g.to(r), g.deviceOf(r, login.User, false)
	next, err = g.svc.Begin(r.Context(), login.User, passwordProof(login), start)
	if err != nil {
		return err
	}
	g.keep(w, r, next)
	c.signIn, c.session = "", ""
	if next.Step == nightlatch.StepDone {
		c.session = next.Token
	} else {
		c.signIn = next.Token
	}
	return nil
}

// servePage sends those away whom a page is not for: an unfinished sign-in to /verify, a stranger to /sign-in.
func (g *Gate) servePage(route pageRoute) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		c := g.caller(r)
		c.bearer = false
		if r.Header.Get("Authorization") != "" { // pages know cookies only
			c.signIn, c.session = g.cookie(r, signInCookie), g.cookie(r, sessionCookie)
		}
		err := g.admit(w, r, &c, route.who)
		switch {
		case err == nil:
			route.do(g, w, r, c)
		case errors.Is(err, nightlatch.ErrUnauthenticated):
			g.sendAway(w, r)
		case route.who != administrator || !g.leadAdministrator(w, r, err):
			g.errorPage(w, r, err)
		}
	})
}
