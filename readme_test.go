package nightlatch_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"

	_ "modernc.org/sqlite"
)

// lock is the README's section on the library, word for word, with the errors looked at.
func lock(ctx context.Context, dir string, users nightlatch.Users,
	currentUser func(*http.Request) (web.Login, bool), mux *http.ServeMux,
) (http.Handler, func(), error) {
	store, err := sqlstore.OpenDir(ctx, "sqlite", dir, rand.Reader, time.Now())
	if err != nil {
		return nil, nil, err
	}
	svc, err := nightlatch.New(nightlatch.Config{
		Users: users, Store: store, Key: store.Key, Origin: "https://example.com",
		Factors: []factor.Factor{totp.New(totp.Options{}), recovery.New(recovery.Options{})},
	})
	if err != nil {
		return nil, nil, err
	}
	gate, err := web.New(svc, web.Options{
		PublicURL: "https://example.com", Prefix: "/2fa",
		CurrentUser: currentUser, SignIn: "/login", SignOut: "/logout",
	})
	if err != nil {
		return nil, nil, err
	}
	mux.Handle("/2fa/", gate.Handler())
	handler := gate.Require(nightlatch.Level2, mux)
	return handler, func() { svc.Close(); _ = store.Close() }, nil
}

type oneUser struct{}

func (oneUser) FindUser(_ context.Context, id string) (nightlatch.User, error) {
	if id != "7" {
		return nightlatch.User{}, nightlatch.ErrNotFound
	}
	return nightlatch.User{ID: "7", Name: "ada"}, nil
}

// TestReadmeLibrary: what the README shows compiles and locks.
func TestReadmeLibrary(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("the application")) })
	at := time.Now()
	currentUser := func(r *http.Request) (web.Login, bool) {
		return web.Login{User: "7", Session: "1", At: at}, r.Header.Get("Application-User") == "ada"
	}
	handler, stop, err := lock(t.Context(), t.TempDir(), oneUser{}, currentUser, mux)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	get := func(path, user string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com"+path, nil)
		r.Header.Set("Application-User", user)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	if w := get("/orders", ""); w.Code != http.StatusOK || w.Body.String() != "the application" {
		t.Errorf("without a user: %d %q, want it untouched, for the application to refuse", w.Code, w.Body)
	}
	w := get("/orders", "ada")
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/2fa/") {
		t.Errorf("with a password only: %d to %q, want 303 to /2fa/…", w.Code, to)
	}
	if strings.Contains(w.Body.String(), "the application") {
		t.Error("the application answered somebody with a password only")
	}
}

// TestReadmeIsTrue: each line of code in the README's section on the library stands in lock above.
func TestReadmeIsTrue(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "```go\n")
	section, _, found := strings.Cut(section, "```")
	if !found {
		t.Fatal("the README shows no Go code")
	}
	for line := range strings.Lines(section) {
		code, _, _ := strings.Cut(line, "//")
		if strings.Contains(line, "https://") {
			code = line
		}
		if code = strings.TrimSpace(code); code != "" && !strings.Contains(string(self), code) {
			t.Errorf("the README's %q is in no test", code)
		}
	}
}
