package web

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// clock stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// people are accounts in memory; their passwords are the engine's to keep.
type people struct {
	mu     sync.Mutex
	svc    *nightlatch.Service
	byID   map[string]nightlatch.User
	closed bool
}

func (p *people) FindUser(_ context.Context, id string) (nightlatch.User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u, ok := p.byID[id]
	if !ok {
		return u, nightlatch.ErrNotFound
	}
	return u, nil
}

func (p *people) FindAccount(_ context.Context, identifier string) (user, key string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key = strings.ToLower(identifier)
	for _, u := range p.byID {
		if strings.ToLower(u.Name) == key {
			return u.ID, key, nil
		}
	}
	return "", key, nil
}

func (p *people) MayCreate() bool { return !p.closed }

func (p *people) CheckAccount(ctx context.Context, a NewAccount) error {
	if id, _, _ := p.FindAccount(ctx, a.Username); id != "" {
		return FieldsError{"username": "taken"}
	}
	_, err := p.svc.Prepare(ctx, nightlatch.User{Name: a.Username}, password.Kind, factor.Response{Password: a.Password})
	return err
}

func (p *people) CreateAccount(ctx context.Context, a NewAccount) (string, error) {
	if a.Username == "throttled" {
		return "", &nightlatch.ThrottledError{RetryAfter: time.Hour}
	}
	if id, _, _ := p.FindAccount(ctx, a.Username); id != "" {
		return "", FieldsError{"username": "taken"}
	}
	p.mu.Lock()
	u := nightlatch.User{ID: "id-" + strconv.Itoa(len(p.byID)), Name: a.Username, Email: a.Email}
	p.mu.Unlock()
	e, err := p.svc.Prepare(ctx, u, password.Kind, factor.Response{Password: a.Password})
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	p.byID[u.ID] = u
	p.mu.Unlock()
	return u.ID, p.svc.Change(ctx, u.ID, nightlatch.Event{Name: "account_created", Client: a.Client}, func(ctx context.Context) error {
		return p.svc.Install(ctx, nightlatch.Installation{User: u.ID, Kind: password.Kind, Enrolled: e})
	})
}

// site is a server with the real engine, store and factors.
type site struct {
	t      *testing.T
	clock  *clock
	people *people
	svc    *nightlatch.Service
	url    string
}

// newSite begins a site. change, if not nil, changes what it is made of.
func newSite(t *testing.T, change func(*nightlatch.Config, *Options)) *site {
	t.Helper()
	store, err := sqlstore.OpenSQLite(t.Context(), "sqlite", filepath.Join(t.TempDir(), "nightlatch.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		t: t, clock: &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)},
		people: &people{byID: map[string]nightlatch.User{}},
	}
	if err := store.Migrate(t.Context(), s.clock.now); err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewUnstartedServer(nil)
	s.url = "http://" + listener.Listener.Addr().String()
	c := nightlatch.Config{
		Users: s.people, Store: store, Origin: s.url, Now: s.clock.Now, Factors: []factor.Factor{
			totp.New(totp.Options{}), totp.NewCounter(totp.Options{}), recovery.New(recovery.Options{Cost: recovery.Cost{Memory: 64, Passes: 1, Lanes: 1}}),
			password.New(password.Options{Cost: password.Cost{Memory: 64, Passes: 1, Lanes: 1}}),
		},
	}
	if c.Key, err = nightlatch.NewKeyRing(counting{}, s.clock.now); err != nil {
		t.Fatal(err)
	}
	o := Options{PublicURL: s.url, Accounts: s.people}
	if change != nil {
		change(&c, &o)
	}
	if s.svc, err = nightlatch.New(c); err != nil {
		t.Fatal(err)
	}
	s.people.svc = s.svc
	gate, err := New(s.svc, o)
	if err != nil {
		t.Fatal(err)
	}
	listener.Config.Handler = gate.Handler()
	listener.Start()
	t.Cleanup(func() {
		listener.Close()
		s.svc.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// counting is a source of randomness that is none: the key of a test guards nothing.
type counting struct{}

func (counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i)
	}
	return len(p), nil
}

// visitor is a person with a browser that runs no scripts.
type visitor struct {
	t      *testing.T
	site   *site
	client *http.Client
	header http.Header

	// What the browser shows.
	status int
	path   string // with the query
	head   http.Header
	body   string
	all    []*element
	sent   func() // sends the last request again
}

func (s *site) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &visitor{
		t: s.t, site: s, client: &http.Client{Jar: jar},
		header: http.Header{"Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"navigate"}},
	}
}

// request sends a request, follows redirects, and reads the page that comes.
func (v *visitor) request(method, path string, form url.Values) {
	v.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.site.url+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	maps.Copy(r.Header, v.header)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.status, v.head, v.body, v.path = answer.StatusCode, answer.Header, string(text), answer.Request.URL.RequestURI()
	v.sent = func() { v.request(method, path, form) }
	v.all = nil
	if method != http.MethodHead && strings.HasPrefix(v.head.Get("Content-Type"), "text/html") && v.status/100 != 3 {
		v.all = elementsOf(v.t, v.body)
		for _, fault := range markupFaults(v.all, "") {
			v.t.Errorf("%s %s: %s", method, path, fault)
		}
	}
}

// once sends a request and follows no redirect; it returns the Location.
func (v *visitor) once(method, path string, form url.Values) string {
	v.t.Helper()
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { v.client.CheckRedirect = nil }()
	v.request(method, path, form)
	return v.head.Get("Location")
}

func (v *visitor) get(path string) {
	v.t.Helper()
	v.request(http.MethodGet, path, nil)
}

// follow follows the link with that text.
func (v *visitor) follow(text string) {
	v.t.Helper()
	for _, a := range named(v.all, "a") {
		if a.text == text {
			v.get(a.attrs["href"])
			return
		}
	}
	v.t.Fatalf("no link %q on %s:\n%s", text, v.path, v.body)
}

// press fills fields in by their labels and presses the button with that text; of several the one about whose
// name the button is described by, or the first.
func (v *visitor) press(button, about string, fields map[string]string) {
	v.t.Helper()
	action, method, form := v.form(button, about, fields)
	if method == "post" {
		v.request(http.MethodPost, action, form)
		return
	}
	v.get(action + "?" + form.Encode())
}

// form is what the browser would send.
func (v *visitor) form(button, about string, fields map[string]string) (action, method string, form url.Values) {
	v.t.Helper()
	texts, labels := map[string]string{}, map[string]string{}
	for _, e := range v.all {
		texts[e.attrs["id"]] = e.text
		if e.name == "label" {
			labels[e.attrs["for"]] = e.text
		}
	}
	var inputs []*element
	var of *element
	found := false
	for _, e := range v.all {
		switch {
		case e.name == "form":
			if found {
				goto collected
			}
			of, inputs = e, nil
		case e.name == "input" && slices.Contains(e.above, "form"):
			inputs = append(inputs, e)
		case e.name == "button" && (e.text == button || strings.HasPrefix(e.text, button+" ") && e.attrs["class"] == "offer"):
			if about == "" || texts[e.attrs["aria-describedby"]] == about {
				found = true
			}
		}
	}
collected:
	if !found {
		v.t.Fatalf("no button %q %q on %s:\n%s", button, about, v.path, v.body)
	}
	form = url.Values{}
	left := maps.Clone(fields)
	for _, i := range inputs {
		name, label := i.attrs["name"], labels[i.attrs["id"]]
		typed, filled := left[label]
		_, checked := i.attrs["checked"]
		delete(left, label)
		switch {
		case i.attrs["type"] == "checkbox" && !filled && !checked:
		case filled:
			form.Set(name, typed)
		default:
			form.Set(name, i.attrs["value"])
		}
	}
	if len(left) > 0 {
		v.t.Fatalf("no fields %v beside %q on %s", left, button, v.path)
	}
	return of.attrs["action"], of.attrs["method"], form
}

// want checks where the visitor is.
func (v *visitor) want(status int, path string) {
	v.t.Helper()
	if v.status != status || strings.TrimSuffix(v.path, "?") != path {
		v.t.Fatalf("%d %s, want %d %s\n%s", v.status, v.path, status, path, v.body)
	}
}

// role returns the texts with a role: what is announced.
func (v *visitor) role(role string) (texts []string) {
	for _, e := range v.all {
		if e.attrs["role"] == role && e.text != "" {
			texts = append(texts, e.text)
		}
	}
	return texts
}

func (v *visitor) announced(role, text string) {
	v.t.Helper()
	if got := v.role(role); !slices.Contains(got, text) {
		v.t.Fatalf("%s %q is announced, want %q\n%s", role, got, text, v.body)
	}
}

// alerted checks that a fault is announced and tied to the field with the label.
func (v *visitor) alerted(label, text string) {
	v.t.Helper()
	v.announced("alert", text)
	for _, l := range named(v.all, "label") {
		if l.text != label {
			continue
		}
		field := input(v.t, v.all, l.attrs["for"])
		for _, id := range strings.Fields(field["aria-describedby"]) {
			for _, e := range v.all {
				if e.attrs["id"] == id && e.text == text && field["aria-invalid"] == "true" {
					return
				}
			}
		}
	}
	v.t.Errorf("%q is not tied to %s\n%s", text, label, v.body)
}

func (v *visitor) says(words ...string) {
	v.t.Helper()
	for _, w := range words {
		if !strings.Contains(v.all[0].text, w) {
			v.t.Errorf("%s does not say %q:\n%s", v.path, w, v.all[0].text)
		}
	}
}

// cookie is the value of a cookie of ours.
func (v *visitor) cookie(name string) string {
	u, _ := url.Parse(v.site.url)
	for _, c := range v.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

const phrase = "kq tz mw xp vrb sesam"

// signUp makes an account.
func (v *visitor) signUp(name string) {
	v.t.Helper()
	v.get("/sign-up")
	v.press("Create account", "", map[string]string{"Username": name, "Password": phrase, "Confirm password": phrase})
}

func (v *visitor) signIn(name string) {
	v.t.Helper()
	v.get("/sign-in")
	v.press("Sign in", "", map[string]string{"Username or email": name, "Password": phrase})
}

// phone is an authenticator app.
type phone struct {
	site *site
	totp.Generator
}

// scan takes the secret from the page.
func (v *visitor) scan() phone {
	v.t.Helper()
	i := slices.IndexFunc(v.all, func(e *element) bool { return e.attrs["id"] == "secret" })
	if i < 0 {
		v.t.Fatalf("no secret on %s:\n%s", v.path, v.body)
	}
	secret, err := totp.ParseSecret(v.all[i].text)
	if err != nil {
		v.t.Fatal(err)
	}
	return phone{v.site, totp.Generator{Secret: secret}}
}

func (p phone) code() string {
	code, err := p.At(p.site.clock.Now())
	if err != nil {
		p.site.t.Fatal(err)
	}
	return code
}

// next waits for the next code.
func (p phone) next() string {
	p.site.clock.advance(30 * time.Second)
	return p.code()
}

// codes are the recovery codes on the page.
func (v *visitor) codes() []string {
	for _, e := range v.all {
		if e.attrs["id"] == "codes" {
			return strings.Fields(e.text)
		}
	}
	return nil
}

// enroll sets an authenticator app up in a session or a sign-in.
func (v *visitor) enroll(label string) phone {
	v.t.Helper()
	v.get("/account/authenticators/new/totp")
	v.want(200, "/account/authenticators/new/totp")
	p := v.scan()
	v.press("Continue", "", map[string]string{"Code": p.code(), "Name": label})
	if v.status != 200 {
		v.t.Fatalf("%d\n%s", v.status, v.body)
	}
	return p
}
