package web_test

import (
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/nightlatchtest"
	"github.com/nightlatch/nightlatch/web"
)

// TestMountedAnywhere: the pages work below any path, and no link leads out of it.
func TestMountedAnywhere(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"/2fa", "/my/account/second-factor", "/x/"} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			at := strings.TrimSuffix(prefix, "/")
			kit, gate, _ := newShop(t, func(o *web.Options) { o.Prefix = prefix })
			mux := http.NewServeMux()
			mux.Handle(at+"/", gate.Handler())
			mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/orders" {
					t.Errorf("a page of ours is asked for at %s", r.URL)
				}
				_, _ = w.Write([]byte("the shop"))
			})
			mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "shop", Value: r.FormValue("session"), Path: "/", Secure: true})
			})
			b := kit.Browser(gate.Require(nightlatch.Level2, mux))
			b.Post("/login", url.Values{"session": {"1"}})
			if p := b.Get("/orders"); p.Path != at+"/account/authenticators/new?to=%2Forders" {
				t.Errorf("the way leads to %s", p.Path)
			}
			phone := b.EnrollPhone(at, "My phone")
			b.Post("/login", url.Values{"session": {"2"}})
			b.Get("/orders")
			if p := b.Verify(at, phone); p.Path != "/orders" || p.Body != "the shop" {
				t.Errorf("the code leads to %s", p.Path)
			}
			page := b.Get(at + "/account")
			for _, link := range strings.Split(page.Body, `href="/`)[1:] {
				if link, _, _ = strings.Cut(link, `"`); !strings.HasPrefix("/"+link, at+"/") {
					t.Errorf("a link leads to /%s", link)
				}
			}
		})
	}
	for _, bad := range []string{"2fa", "/a/../b", "//a", "/{x}", "/a b", "/a?b"} {
		_, err := web.New(nil, web.Options{
			PublicURL: nightlatchtest.Origin, Prefix: bad, CurrentUser: func(*http.Request) (web.Login, bool) { return web.Login{}, false },
		})
		if err == nil || !strings.Contains(err.Error(), "Prefix") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestReplacedFileByFile: a page, the layout, an asset and a sentence of an application's own, over HTTP.
func TestReplacedFileByFile(t *testing.T) {
	t.Parallel()
	overlay := func(name, text string) fs.FS { return fstest.MapFS{name: {Data: []byte(text)}} }
	for name, test := range map[string]struct {
		overlay    fs.FS
		path, want string
	}{
		"a page": {overlay("page/account.html", `{{define "title"}}Mine{{end}}{{define "main"}}<h1>My own page</h1>{{end}}`), "/2fa/account", "<h1>My own page</h1>"},
		"the layout": {
			overlay("page/layout.html", `<!doctype html><title>{{template "title" .View}}</title><body class="shop">{{template "main" .View}}`),
			"/2fa/account", `<body class="shop">`,
		},
		"an asset":   {overlay("asset/nightlatch.css", "body { color: teal }"), "/2fa/asset/nightlatch.css", "teal"},
		"a sentence": {overlay("text/en.json", `{"Add authenticator app": "Add an app of your phone"}`), "/2fa/account", "Add an app of your phone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kit, _, shop := newShop(t, func(o *web.Options) { o.Overlay = test.overlay })
			b := kit.Browser(shop)
			b.Post("/login", url.Values{"session": {"1"}})
			if p := b.Get(test.path); p.Status != http.StatusOK || !strings.Contains(p.Body, test.want) {
				t.Errorf("%d %s: %s", p.Status, p.Path, p.Body)
			}
		})
	}
}
