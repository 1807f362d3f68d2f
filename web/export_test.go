package web

import "net/http"

// CookieNamed is cookieNamed.
func CookieNamed(r *http.Request, name string) (value string, came int) { return cookieNamed(r, name) }

// Route is a request that the handler serves, for the tests that walk all of them.
type Route struct {
	Method, Path string // Path begins with /api/v1 for the API
	Who          string // "anyone", "unfinished", "step", "start", "enrolling", "session" or "administrator"
	API          bool
}

// Routes are all of them.
func Routes() []Route {
	names := map[audience]string{
		anyone: "anyone", unfinished: "unfinished", step: "step", start: "start", enrolling: "enrolling", session: "session",
		administrator: "administrator",
	}
	var list []Route
	for _, r := range apiRoutes {
		list = append(list, Route{r.method, "/api/v1" + r.path, names[r.who], true})
	}
	for _, r := range pageRoutes {
		list = append(list, Route{r.method, r.path, names[r.who], false})
	}
	return list
}
