package web

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/sparing"
	"github.com/nightlatch/nightlatch/locale"
)

// What only this package refuses.
var (
	errCrossOrigin = errors.New("cross origin")
	errMethod      = errors.New("method not allowed")
	errMixed       = errors.New("both a session cookie and Authorization")
	errToken       = errors.New("a browser asked for a token")
)

// fault is an error as the outside sees it. The API writes it as application/problem+json (RFC 9457), a page as words.
type fault struct {
	Status     int
	Code       string
	Title      string // in English; it passes through locale.T
	Detail     string // in English, or ""
	Reason     string
	ClockOffBy int // seconds
	Fields     map[string]string
	RetryAfter int // seconds
	Offers     []nightlatch.Offer
}

// faultOf is the one function that maps errors to the outside. What it does not know says nothing.
func faultOf(err error) fault {
	var (
		fields    FieldsError
		invalid   *nightlatch.InvalidError
		refused   *factor.Refused
		throttled *nightlatch.ThrottledError
		fresh     *nightlatch.FreshProofError
	)
	switch {
	case errors.As(err, &fields):
		return fieldsFault(fields)
	case errors.As(err, &invalid):
		return fieldsFault(FieldsError{invalid.Field: invalid.Problem})
	case errors.As(err, &refused):
		return refusedFault(refused)
	case errors.As(err, &throttled):
		return fault{
			Status: http.StatusTooManyRequests, Code: "throttled", Title: locale.Mark("Too many tries. Please wait."),
			RetryAfter: seconds(throttled.RetryAfter), Offers: throttled.Offers,
		}
	case errors.As(err, &fresh):
		return fault{
			Status: http.StatusForbidden, Code: "fresh_proof_needed",
			Title: locale.Mark("Please prove again that it is you."), Offers: fresh.Offers,
		}
	}
	return plainFault(err)
}

// plainFaults are the errors that say it all by being that error.
var plainFaults = []struct {
	err   error
	fault fault
}{
	{errTooLarge, fault{Status: 413, Code: "too_large", Title: locale.Mark("The request is too large.")}},
	{errMediaType, fault{Status: 415, Code: "unsupported_media_type", Title: locale.Mark("The body must be application/json.")}},
	{errCrossOrigin, fault{Status: 403, Code: "cross_origin", Title: locale.Mark("The request came from another site.")}},
	{errMethod, fault{Status: 405, Code: "method_not_allowed", Title: locale.Mark("The method is not allowed here.")}},
	{errMixed, fault{
		Status: 400, Code: "invalid_request", Title: locale.Mark("The request cannot be understood."),
		Detail: locale.Mark("Send a session cookie or Authorization, not both."),
	}},
	{errToken, fault{
		Status: 400, Code: "invalid_request", Title: locale.Mark("The request cannot be understood."),
		Detail: locale.Mark("A browser keeps cookies and may not ask for a token."),
	}},
	{factor.ErrBusy, fault{
		Status: 503, Code: "unavailable", RetryAfter: 5,
		Title: locale.Mark("Too many people are signing in right now. Please wait a moment and try again."),
	}},
	{nightlatch.ErrWrongCredentials, fault{Status: 401, Code: "wrong_credentials", Title: locale.Mark("Wrong name or password.")}},
	{nightlatch.ErrUnauthenticated, fault{Status: 401, Code: "unauthenticated", Title: locale.Mark("Please sign in.")}},
	{nightlatch.ErrForbidden, fault{Status: 403, Code: "forbidden", Title: locale.Mark("This is not allowed.")}},
	{nightlatch.ErrEnrollmentNeeded, fault{Status: 403, Code: "enrollment_needed", Title: locale.Mark("A second factor is needed first.")}},
	{nightlatch.ErrDeliveryFailed, fault{Status: 502, Code: "delivery_failed", Title: locale.Mark("The message could not be sent. Please try again.")}},
	{ErrDefined, fault{Status: 409, Code: "conflict", Title: locale.Mark("This account is defined by the settings. Change it there.")}},
	{nightlatch.ErrNotFound, fault{Status: 404, Code: "not_found", Title: locale.Mark("There is nothing here.")}},
	{nightlatch.ErrConflict, fault{Status: 409, Code: "conflict", Title: locale.Mark("This is not possible as things stand.")}},
}

func plainFault(err error) fault {
	for _, p := range plainFaults {
		if errors.Is(err, p.err) {
			return p.fault
		}
	}
	return fault{
		Status: http.StatusServiceUnavailable, Code: "unavailable", RetryAfter: 5,
		Title: locale.Mark("The service cannot answer right now. Please try again."),
	}
}

func fieldsFault(fields FieldsError) fault {
	f := fault{
		Status: http.StatusBadRequest, Code: "invalid_request", Title: locale.Mark("The request cannot be understood."), Fields: fields,
	}
	for _, problem := range fields {
		if problem == "taken" {
			f.Status, f.Code, f.Title = http.StatusConflict, "conflict", locale.Mark("This is taken already.")
		}
	}
	return f
}

func refusedFault(refused *factor.Refused) fault {
	f := fault{Status: http.StatusUnauthorized, Code: "refused", Reason: string(refused.Reason)}
	switch refused.Reason {
	case factor.Used:
		f.Title = locale.Mark("That code was already used.")
	case factor.Expired:
		f.Title = locale.Mark("That code has expired.")
	case factor.Clock:
		f.Title = locale.Mark("That code is wrong.")
		f.ClockOffBy = int(refused.ClockOffBy / time.Second)
	default:
		f.Title = locale.Mark("That code is wrong.")
	}
	return f
}

func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// problemJSON is a fault as RFC 9457 has it.
type problemJSON struct {
	Type       string            `json:"type"`
	Title      string            `json:"title"`
	Status     int               `json:"status"`
	Code       string            `json:"code"`
	Detail     string            `json:"detail"`
	Reason     string            `json:"reason,omitempty"`
	ClockOffBy *int              `json:"clock_off_by,omitempty"`
	Fields     map[string]string `json:"fields,omitempty"`
	RetryAfter int               `json:"retry_after,omitempty"`
	Offers     []offerJSON       `json:"offers,omitempty"`
}

// problem writes an error as application/problem+json.
func (g *Gate) problem(w http.ResponseWriter, r *http.Request, err error) {
	f := faultOf(err)
	g.logFault(r, f, err)
	lang := g.pages.language(r)
	p := problemJSON{
		Type: "urn:nightlatch:problem:" + f.Code, Title: locale.T(lang, f.Title), Status: f.Status, Code: f.Code,
		Reason: f.Reason, Fields: f.Fields, RetryAfter: f.RetryAfter, Offers: offersJSON(f.Offers, g.svc),
	}
	p.Detail = p.Title
	if f.Detail != "" {
		p.Detail = locale.T(lang, f.Detail)
	}
	if f.Reason == string(factor.Clock) {
		p.ClockOffBy = &f.ClockOffBy
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Language", lang)
	readNoFurther(w, f)
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	if f.Status == http.StatusUnauthorized && f.Code == "unauthenticated" {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	answer(w, f.Status, p)
}

// readNoFurther ends the connection of who sends too much. http.MaxBytesReader does so only where nothing is around the
// http.ResponseWriter.
func readNoFurther(w http.ResponseWriter, f fault) {
	if f.Status == http.StatusRequestEntityTooLarge {
		w.Header().Set("Connection", "close")
	}
}

// logFault tells the operator what the client is not told. A flood must not fill the log: who is refused for want of room is
// counted where the room is.
func (g *Gate) logFault(r *http.Request, f fault, err error) {
	switch f.Code {
	case "cross_origin":
		g.logRefused(g.crossed, r, f.Code)
	case "forbidden":
		g.logRefused(g.refused, r, f.Code)
	}
	if f.Code == "unavailable" && !errors.Is(err, factor.ErrBusy) && !errors.Is(err, r.Context().Err()) {
		g.log.Error("a request was not answered", "method", r.Method, "path", r.URL.Path, "error", err)
	}
}

// logRefused tells the operator of a request that nobody makes who only uses the pages (ASVS 16.3.2, 16.3.3). Its query, which
// may hold a token, is left out.
func (g *Gate) logRefused(log *sparing.Log, r *http.Request, code string) {
	const most = 200
	short := func(text string) string { return text[:min(len(text), most)] }
	log.WarnWith("a request was refused", func() []any {
		args := []any{"code", code, "method", short(r.Method), "path", short(r.URL.Path), "addr", g.addr(r)}
		if origin := r.Header.Get("Origin"); origin != "" {
			args = append(args, "origin", short(origin))
		}
		if ses, err := g.session(r, g.caller(r)); err == nil {
			args = append(args, "user", ses.User)
		}
		return args
	})
}
