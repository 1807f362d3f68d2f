package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// hostileRoute is a request with a body that would be taken, and what its fields are.
type hostileRoute struct {
	method, path string
	fields       []field // the first is sent; it is wrong enough to change nothing where it is taken
	others       string  // further members of the body that is sent
	mayBeEmpty   bool    // {} is understood
	noBody       bool    // no body at all is understood
}

type field struct{ name, json string }

func hostileRoutes(authenticator string) []hostileRoute {
	const unknown = `"nobody here 1"`
	return []hostileRoute{
		{method: "POST", path: "/accounts", others: `,"password":"x"`, fields: []field{
			{"username", unknown}, {"email", `"x"`}, {"password", `"x"`}, {"transport", `"cookie"`},
		}},
		{method: "POST", path: "/sign-in", others: `,"password":"x"`, fields: []field{
			{"identifier", unknown}, {"password", `"x"`}, {"transport", `"cookie"`}, {"stay", `true`},
		}},
		{method: "POST", path: "/challenges", fields: []field{{"id", unknown}, {"kind", unknown}}},
		{method: "POST", path: "/verifications", others: `,"code":"1"`, fields: []field{
			{"kind", unknown},
			{"id", unknown},
			{"code", `"1"`},
			{"next_code", `"1"`},
			{"password", `"x"`},
			{"remember_device", `true`},
			{"credential", `{}`},
		}},
		{method: "POST", path: "/authenticators", fields: []field{
			{"kind", unknown}, {"label", `"x"`}, {"phone", `"1"`}, {"email", `"1"`}, {"passkey", `true`}, {"replaces", unknown},
		}},
		{method: "POST", path: "/authenticators/finish", others: `,"code":"1"`, fields: []field{
			{"enrollment", unknown}, {"code", `"1"`}, {"next_code", `"1"`}, {"label", `"x"`}, {"credential", `{}`},
		}},
		{method: "PATCH", path: "/authenticators/" + authenticator, mayBeEmpty: true, fields: []field{
			{"label", `""`}, {"preferred", `true`},
		}},
		{method: "POST", path: "/recovery-codes", mayBeEmpty: true, noBody: true},
	}
}

// TestHostileBodies: what cannot be understood gets a clear 4xx and changes nothing.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	p.enroll()
	before := h.dump()
	for _, r := range hostileRoutes(p.authID) {
		for name, c := range r.cases() {
			a := p.send(r.method, "/api/v1"+r.path, http.Header{"Content-Type": c.contentType}, strings.NewReader(c.body))
			if a.status != c.status || a.at("code") != c.code || c.field != "" && a.at("fields", c.field) != c.problem {
				t.Errorf("%s %s, %s: %d %.300s, want %d %s %s", r.method, r.path, name, a.status, a.body, c.status, c.code, c.field)
			}
			if h.dump() != before {
				t.Fatalf("%s %s, %s: something changed", r.method, r.path, name)
			}
		}
	}
	p.get("/session").want(http.StatusOK).is("level", 2.0)
	whole := strings.NewReader(`{"label":"\ud83d\ude00 \\ud83d"}`) // two halves of a character, and the text of one
	p.send("PATCH", "/api/v1/authenticators/"+p.authID, http.Header{"Content-Type": asJSON}, whole).
		want(http.StatusOK).is("label", "😀 \\ud83d")
}

type hostileCase struct {
	contentType    []string
	body           string
	status         int
	code           string
	field, problem string
}

var asJSON = []string{"application/json"}

func (r hostileRoute) cases() map[string]hostileCase {
	whole := "{}"
	if len(r.fields) > 0 {
		whole = `{"` + r.fields[0].name + `":` + r.fields[0].json + r.others + `}`
	}
	invalid := func(body string) hostileCase {
		return hostileCase{contentType: asJSON, body: body, status: 400, code: "invalid_request"}
	}
	cases := map[string]hostileCase{
		"null": invalid(`null`), "a list": invalid(`[` + whole + `]`), "a text": invalid(`"x"`), "a number": invalid(`7`),
		"half": invalid(whole[:len(whole)-1]), "trailing object": invalid(whole + `{}`), "trailing text": invalid(whole + ` x`),
		"trailing brace": invalid(whole + `}`), "a comment": invalid(`/**/` + whole), "a byte order mark": invalid("\ufeff" + whole),
		"bad UTF-8": invalid(strings.TrimSuffix(whole, "}") + ",\"x\":\"\xff\"}"), "another encoding": invalid("{\x00}\x00"),
		"deep":     invalid(`{"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`),
		"deep too": invalid(strings.Repeat(`{"x":`, 10_000) + `1` + strings.Repeat(`}`, 10_000)),
		"unknown field": {
			contentType: asJSON, body: strings.Replace(whole+" ", "{", `{"admin":true`+comma(whole), 1), status: 400,
			code: "invalid_request", field: "admin", problem: "unknown",
		},
		"a nameless field": invalid(strings.Replace(whole, "{", `{"":1`+comma(whole), 1)),
		"too large":        {contentType: asJSON, body: whole + strings.Repeat(" ", 64<<10), status: 413, code: "too_large"},
		"text":             {contentType: []string{"text/plain"}, body: whole, status: 415, code: "unsupported_media_type"},
		"a form":           {contentType: []string{"application/x-www-form-urlencoded"}, body: whole, status: 415, code: "unsupported_media_type"},
		"no type":          {body: whole, status: 415, code: "unsupported_media_type"},
		"two types":        {contentType: []string{"application/json, text/plain"}, body: whole, status: 415, code: "unsupported_media_type"},
		"Latin 1": {
			contentType: []string{"application/json; charset=iso-8859-1"}, body: whole, status: 415,
			code: "unsupported_media_type",
		},
	}
	if !r.noBody {
		cases["empty"] = invalid("")
		cases["neither body nor type"] = hostileCase{status: 415, code: "unsupported_media_type"}
	}
	if !r.mayBeEmpty {
		cases["no field"] = invalid("{}")
	}
	for i, f := range r.fields {
		one := `"` + f.name + `":`
		if i == 0 {
			cases["doubled"] = invalid(strings.Replace(whole, "{", "{"+one+f.json+",", 1))
			cases["half a character"] = invalid(strings.Replace(whole, "{"+one+f.json, "{"+one+`"\ud83d"`, 1))
			cases["another case"] = hostileCase{
				contentType: asJSON, status: 400, code: "invalid_request",
				body:  strings.Replace(whole, one, `"`+strings.ToUpper(f.name)+`":`, 1),
				field: strings.ToUpper(f.name), problem: "unknown",
			}
		}
		for _, value := range []string{`7`, `[]`, `["x"]`, `"x"`, `true`, `{}`, `1e999`} {
			if sameType(value, f.json) {
				continue
			}
			body := "{" + one + value + "}"
			if !strings.Contains(r.others, one) && i > 0 {
				body = strings.Replace(whole, "{", "{"+one+value+",", 1)
			}
			cases[f.name+" is "+value] = hostileCase{
				contentType: asJSON, body: body, status: 400, code: "invalid_request",
				field: f.name, problem: "invalid",
			}
		}
	}
	return cases
}

func comma(object string) string {
	if object == "{}" {
		return ""
	}
	return ","
}

func sameType(a, b string) bool { return a[0] == b[0] }

// TestHostileValues: what is understood and absurd is refused like what is merely wrong.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	p.enroll()
	long := strings.Repeat("x", 60_000)
	digits := strings.Repeat("1", 60_000)
	tests := map[string]struct {
		path   string
		body   map[string]any
		status int
		code   string
		field  string
	}{
		"long identifier":      {"/sign-in", map[string]any{"identifier": long, "password": secret}, 401, "wrong_credentials", ""},
		"NUL in identifier":    {"/sign-in", map[string]any{"identifier": "anna\x00", "password": secret}, 401, "wrong_credentials", ""},
		"long password":        {"/sign-in", map[string]any{"identifier": "anna", "password": long}, 401, "wrong_credentials", ""},
		"NUL in password":      {"/sign-in", map[string]any{"identifier": "anna", "password": secret + "\x00"}, 401, "wrong_credentials", ""},
		"empty password":       {"/sign-in", map[string]any{"identifier": "anna", "password": ""}, 400, "invalid_request", "password"},
		"long username":        {"/accounts", map[string]any{"username": long, "password": secret}, 400, "invalid_request", "username"},
		"at in username":       {"/accounts", map[string]any{"username": "a@b", "password": secret}, 400, "invalid_request", "username"},
		"long email":           {"/accounts", map[string]any{"email": long + "@b.c", "password": secret}, 400, "invalid_request", "email"},
		"long new password":    {"/accounts", map[string]any{"username": "q", "password": long}, 400, "invalid_request", "password"},
		"short new password":   {"/accounts", map[string]any{"username": "q", "password": "moon"}, 400, "invalid_request", "password"},
		"no name":              {"/accounts", map[string]any{"password": secret}, 400, "invalid_request", "username"},
		"unknown transport":    {"/accounts", map[string]any{"username": "q", "password": secret, "transport": "x"}, 400, "invalid_request", "transport"},
		"taken in other case":  {"/accounts", map[string]any{"username": "ANNA", "password": secret}, 409, "conflict", "username"},
		"long code":            {"/verifications", map[string]any{"kind": "totp", "code": digits}, 401, "refused", ""},
		"long recovery code":   {"/verifications", map[string]any{"kind": "recovery", "code": long}, 401, "refused", ""},
		"NUL in code":          {"/verifications", map[string]any{"kind": "totp", "code": "12345\x00"}, 401, "refused", ""},
		"number as code":       {"/verifications", map[string]any{"kind": "totp", "code": 123456}, 400, "invalid_request", "code"},
		"long id":              {"/verifications", map[string]any{"kind": "totp", "id": long, "code": "123456"}, 401, "refused", ""},
		"long kind":            {"/verifications", map[string]any{"kind": long, "code": "123456"}, 401, "refused", ""},
		"no kind":              {"/verifications", map[string]any{"code": "123456"}, 400, "invalid_request", "kind"},
		"no code":              {"/verifications", map[string]any{"kind": "totp"}, 400, "invalid_request", "code"},
		"no password":          {"/verifications", map[string]any{"kind": "password", "code": "x"}, 400, "invalid_request", "password"},
		"long challenge":       {"/challenges", map[string]any{"kind": long}, 401, "refused", ""},
		"nothing to challenge": {"/challenges", map[string]any{"id": ""}, 400, "invalid_request", "kind"},
		"long label":           {"/authenticators", map[string]any{"kind": "totp", "label": long}, 400, "invalid_request", "label"},
		"line in label":        {"/authenticators", map[string]any{"kind": "totp", "label": "a\nb"}, 400, "invalid_request", "label"},
		"long new kind":        {"/authenticators", map[string]any{"kind": long}, 400, "invalid_request", "kind"},
		"long enrollment":      {"/authenticators/finish", map[string]any{"enrollment": long, "code": "1"}, 404, "not_found", ""},
		"NUL in enrollment":    {"/authenticators/finish", map[string]any{"enrollment": "a\x00", "code": "1"}, 404, "not_found", ""},
		"no enrollment":        {"/authenticators/finish", map[string]any{"code": "1"}, 400, "invalid_request", "enrollment"},
	}
	for name, tt := range tests {
		a := p.post(tt.path, tt.body)
		if a.status != tt.status || a.at("code") != tt.code || tt.field != "" && a.at("fields", tt.field) == nil {
			t.Errorf("%s: %d %.300s, want %d %s %s", name, a.status, a.body, tt.status, tt.code, tt.field)
		}
	}
	largest := `{"kind":"totp"}` + strings.Repeat(" ", 64<<10-15)
	p.send("POST", "/api/v1/challenges", http.Header{"Content-Type": asJSON}, strings.NewReader(largest)).want(http.StatusOK)
	for _, id := range []string{"x", "%00", "%2e%2e", "%ff", strings.Repeat("x", 5000), "finish"} {
		p.del("/sessions/"+id).refuses(http.StatusNotFound, "not_found")
		p.patch("/authenticators/"+id, map[string]any{"label": "x"})
		p.del("/authenticators/" + id)
	}
	if got := p.get("/authenticators").want(http.StatusOK); got.text(0, "label") != "My phone" {
		t.Errorf("authenticators: %s", got.body)
	}
}
