package web

import (
	"errors"
	"mime"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/locale"
)

// errorPage writes an error as a page, with the status that the API has for it.
func (g *Gate) errorPage(w http.ResponseWriter, r *http.Request, err error) {
	f := faultOf(err)
	g.logFault(r, f, err)
	if f.Code == "unauthenticated" {
		g.endedPage(w, r)
		return
	}
	readNoFurther(w, f)
	lang := g.pages.language(r)
	v := newError(lang, f.Status)
	if errors.Is(err, factor.ErrBusy) {
		v.Text = locale.T(lang, f.Title)
	}
	switch f.Code {
	case "cross_origin", "enrollment_needed":
		v.Text = locale.T(lang, f.Title)
	case "throttled":
		v.Text = throttledText(lang, time.Duration(f.RetryAfter)*time.Second)
	}
	g.retryAfter(w, f)
	g.pages.render(w, r, f.Status, "error", v)
}

// endedPage says that there is no sign-in to go on with.
func (g *Gate) endedPage(w http.ResponseWriter, r *http.Request) {
	g.drop(w, r, signInCookie)
	g.pages.render(w, r, http.StatusUnauthorized, "ended", endedView{Frame{To: g.to(r)}})
}

func (g *Gate) retryAfter(w http.ResponseWriter, f fault) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
}

// readForm reads the fields of a form. It refuses, with an error page, a body that is too large or no form, a
// field that stands twice, and bad UTF-8; it then returns false.
func (g *Gate) readForm(w http.ResponseWriter, r *http.Request) bool {
	err := formFault(r)
	if err != nil {
		g.errorPage(w, r, err)
	}
	return err == nil
}

func formFault(r *http.Request) error {
	if t := r.Header.Get("Content-Type"); t != "" || r.ContentLength != 0 {
		kind, _, err := mime.ParseMediaType(t)
		if err != nil || kind != "application/x-www-form-urlencoded" {
			return errMediaType
		}
	}
	err := r.ParseForm()
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return errTooLarge
	}
	if err != nil {
		return FieldsError{}
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return FieldsError{clip(name): "invalid"}
		}
		if !utf8.ValidString(name) || !utf8.ValidString(values[0]) {
			return FieldsError{}
		}
	}
	return nil
}

// The greatest lengths that people are told of, in characters.
const (
	mostPassword = 256
	mostUsername = 64
	mostEmail    = 254
	mostLabel    = 64
	mostReason   = 500
)

// fieldProblems says in words what is wrong with the fields of a form.
func (g *Gate) fieldProblems(r *http.Request, f fault) map[string]string {
	most := map[string]int{"password": mostPassword, "username": mostUsername, "email": mostEmail, "label": mostLabel, "new": mostPassword, "q": mostEmail, "reason": mostReason}
	problems := map[string]string{}
	for field, problem := range f.Fields {
		limit := most[field]
		if problem == "too_short" {
			limit = g.minPassword()
		}
		problems[field] = problemText(g.pages.language(r), field, problem, limit)
	}
	return problems
}

// wait is how long an error says to wait, or 0.
func wait(err error) time.Duration {
	var throttled *nightlatch.ThrottledError
	if errors.As(err, &throttled) {
		return throttled.RetryAfter
	}
	return 0
}

// goTo sends the browser where to names, which localPath has let through, else to a page of ours.
func (g *Gate) goTo(w http.ResponseWriter, r *http.Request, to, page string) {
	if to == "" {
		g.redirect(w, r, page)
		return
	}
	pageHeaders(w.Header())
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // see above
}
