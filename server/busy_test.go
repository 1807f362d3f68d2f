package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor/password"
)

// fullHouse is a server whose hashes all run and whose queue is full, until leave is called.
func fullHouse(t *testing.T, env ...string) (s *Server, p *site, fill, leave func()) {
	t.Helper()
	p = newSite(t)
	s, err := p.start(p.settings(append(env, "LIMITS_HASHES=1", "LIMITS_WAITING=2")...))
	if err != nil {
		t.Fatal(err)
	}
	l := s.password.Limiter()
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	release := func() {}
	fill = func() {
		if release, err = l.Acquire(ctx, ""); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			waiting.Go(func() {
				// The clients of these tests are of the same network.
				if _, err := l.Acquire(ctx, "192.0.2.0/24"); !errors.Is(err, context.Canceled) {
					t.Errorf("who waits got %v", err)
				}
			})
		}
		eventually(t, "a full queue", func() bool { return l.Load().Waiting == 2 })
	}
	return s, p, fill, func() {
		cancel()
		waiting.Wait()
		release()
	}
}

// While hashes have no room, whoever asks about whomever is told to come again, in one manner; nothing is judged, no try
// is lost, and what needs no hash is answered.
func TestNoRoomForHashes(t *testing.T) {
	t.Parallel()
	s, p, fill, leave := fullHouse(t, "TRUSTED_PROXIES=192.0.2.0/24", "THROTTLE_FREE_TRIES=2")
	add(t, s, Account{Username: "anna"})
	add(t, s, Account{Username: "bert"})
	if err := s.SetDisabled(t.Context(), find(t, s, "bert"), true, "test"); err != nil {
		t.Fatal(err)
	}
	in := newClient(t, s)
	in.mustSignIn("anna", secret, "done")
	app, _ := in.enroll(p.clock)
	half := newClient(t, s)
	half.mustSignIn("anna", secret, "verify")

	fill()
	c := newClient(t, s)
	var first *http.Response
	var text string
	for range 5 { // more than are free
		for _, who := range [][2]string{{"anna", secret}, {"anna", "wrong"}, {"nobody", secret}, {"bert", secret}, {"bert", "wrong"}} {
			w := c.raw("POST", "/api/v1/sign-in", `{"identifier":"`+who[0]+`","password":"`+who[1]+`"}`, "application/json")
			if first == nil {
				first, text = w.Result(), w.Body.String()
			}
			if w.Code != 503 || w.Header().Get("Retry-After") != "5" || !strings.Contains(w.Body.String(), `"code":"unavailable"`) {
				t.Fatalf("%v: %d %s", who, w.Code, w.Body)
			}
			if diff := cmp.Diff(first.Header, w.Result().Header); diff != "" || w.Body.String() != text {
				t.Errorf("%v is answered otherwise: %s\n%s", who, diff, w.Body)
			}
		}
	}
	if !strings.Contains(text, `"retry_after":5`) {
		t.Errorf("the API says %s", text)
	}
	page := c.raw("POST", "/sign-in", "identifier=anna&password=wrong", "application/x-www-form-urlencoded")
	if page.Code != 503 || page.Header().Get("Retry-After") != "5" || !strings.Contains(page.Body.String(), "Too many people are signing in right now.") {
		t.Errorf("the page: %d %s", page.Code, page.Body)
	}
	for _, path := range []string{"/healthz", "/readyz", "/", "/sign-in", "/api/v1/openapi.json"} {
		if w := c.raw("GET", path, "", ""); w.Code != http.StatusOK {
			t.Errorf("%s meanwhile: %d", path, w.Code)
		}
	}
	p.clock.move(time.Minute)
	half.want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": codeOf(t, app, p.clock.now())})
	half.want(http.StatusOK, "GET", "/session", nil)
	asked := httptest.NewRequestWithContext(t.Context(), "GET", "/forward-auth", nil)
	asked.RemoteAddr = "192.0.2.1:1234"
	for name, value := range map[string]string{"X-Forwarded-Method": "GET", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.example.com", "X-Forwarded-Uri": "/", "X-Forwarded-For": "192.0.2.9"} {
		asked.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	c.http.ServeHTTP(w, asked)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("/forward-auth meanwhile: %d %s", w.Code, w.Body)
	}

	leave()
	for range 2 { // as many as are free: none was lost
		if status, answer := c.signIn("anna", "wrong"); status != http.StatusUnauthorized {
			t.Errorf("afterwards: %d %v", status, answer)
		}
	}
	if load := s.Hashing(); load.Waiting != 0 || load.Running != 0 || load.Refused != 26 {
		t.Errorf("afterwards: %+v", load)
	}
}

// Whoever hangs up leaves the queue, and no try is counted: nothing was judged.
func TestWhoHangsUpLeavesTheQueue(t *testing.T) {
	t.Parallel()
	s, _, fill, leave := fullHouse(t, "THROTTLE_FREE_TRIES=1")
	add(t, s, Account{Username: "anna"})
	l := s.password.Limiter()
	release, err := l.Acquire(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan int)
		go func() {
			r := httptest.NewRequestWithContext(ctx, "POST", "/api/v1/sign-in", strings.NewReader(`{"identifier":"anna","password":"wrong"}`))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			c.http.ServeHTTP(w, r)
			gone <- w.Code
		}()
		eventually(t, "one who waits", func() bool { return l.Load().Waiting == 1 })
		cancel()
		if status := <-gone; status != http.StatusServiceUnavailable {
			t.Errorf("who has gone: %d", status)
		}
	}
	if load := l.Load(); load.Waiting != 0 || load.Left != 5 {
		t.Errorf("%+v", load)
	}
	release()
	c.mustSignIn("anna", secret, "done") // one try is free, and it is
	fill()
	leave()
}

// A recovery code is judged although the queue of the passwords is full.
func TestRecoveryCodeWhileNoRoom(t *testing.T) {
	t.Parallel()
	s, p, fill, leave := fullHouse(t)
	add(t, s, Account{Username: "anna"})
	in := newClient(t, s)
	in.mustSignIn("anna", secret, "done")
	_, codes := in.enroll(p.clock)
	half := newClient(t, s)
	half.mustSignIn("anna", secret, "verify")
	fill()
	done := make(chan int)
	go func() {
		status, _ := half.verify("recovery", codes[0].(string))
		done <- status
	}()
	eventually(t, "one who waits", func() bool { return s.Hashing().Waiting == 3 })
	leave()
	if status := <-done; status != http.StatusOK {
		t.Errorf("the code: %d", status)
	}
}

// What was refused is said once in a while, not once for each.
func TestFloodsAreLoggedOnce(t *testing.T) {
	t.Parallel()
	s, _, fill, leave := fullHouse(t)
	var log strings.Builder
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	fill()
	defer leave()
	c := newClient(t, s)
	for range 20 {
		c.want(http.StatusServiceUnavailable, "POST", "/sign-in", object{"identifier": "anna", "password": "wrong"})
	}
	s.sayBusy(t.Context())
	s.sayBusy(t.Context())
	if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), "refused=20") {
		t.Errorf("the log: %s", log.String())
	}
}

// The bounds are the operator's.
func TestLimitsOfHashes(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s, err := p.start(p.settings("LIMITS_HASHES=3", "LIMITS_WAITING=7"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Hashing(), (password.Load{Parallel: 3, Queue: 7}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// raw sends a request as it is.
func (c *client) raw(method, path, body, kind string) *httptest.ResponseRecorder {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), method, "http://localhost:8080"+path, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	w := httptest.NewRecorder()
	c.http.ServeHTTP(w, r)
	return w
}
