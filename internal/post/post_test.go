package post

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url+"/a/secret/path", strings.NewReader("text"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
	for name, tc := range map[string]struct {
		handle http.HandlerFunc
		status int
		body   string
	}{
		"plain": {func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			_, _ = w.Write(append([]byte(r.Method+" "), b...))
		}, 200, "POST text"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		}, 307, ""},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte("half"))
		}, 201, "half"},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<12))
			}
		}, 200, strings.Repeat("x", maxAnswer)},
	} {
		a, err := Do(t.Context(), Client(nil), request(t, serve(t, tc.handle)))
		if err != nil || a.Status != tc.status || string(a.Body) != tc.body {
			t.Errorf("%s: %d, %.40q, %v", name, a.Status, a.Body, err)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	hanging, hangUp := context.WithCancel(t.Context())
	for name, tc := range map[string]struct {
		ctx       context.Context
		url       string
		connected bool
	}{
		"nobody listens":  {t.Context(), nobody, false},
		"no TLS":          {t.Context(), strings.Replace(serve(t, nil), "http:", "https:", 1), false},
		"caller has gone": {gone, serve(t, nil), false},
		"dropped": {t.Context(), serve(t, func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}), true},
		"caller goes": {hanging, serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			hangUp()
			<-r.Context().Done()
		}), true},
	} {
		_, err := Do(tc.ctx, Client(nil), request(t, tc.url))
		var e *Error
		if !errors.As(err, &e) || e.Connected != tc.connected {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the URL is in %q", name, err)
		}
	}
}

func TestReadURL(t *testing.T) {
	t.Parallel()
	type is struct{ sound, secret bool }
	for text, want := range map[string]is{
		"https://api.example.com": {true, true}, "https://api.example.com:8443/a?b=c": {true, true},
		"http://localhost:8080": {true, true}, "http://sms.localhost": {true, true},
		"http://127.0.0.2": {true, true}, "http://[::1]:1": {true, true},
		"http://api.example.com": {true, false}, "http://10.0.0.1": {true, false}, "http://localhost.example.com": {true, false},
		"": {}, "api.example.com": {}, "ftp://api.example.com": {}, "https://": {}, "https:///path": {},
		"https://api.example.com/#secret": {}, "https://api.example.com/secret%zz": {}, "https://secret\x7f": {},
	} {
		u, err := ReadURL(text)
		if (err == nil) != want.sound || err == nil && IsSecret(u) != want.secret {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q is quoted: %v", text, err)
		}
	}
}
