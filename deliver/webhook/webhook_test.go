package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
)

const secret = "a-secret-that-nobody-knows"

var code = factor.Message{Kind: "sms", To: "+4915123456712", Once: true, Text: "Übung <&>: 012345\n@example.com #012345"}

func newSender(t *testing.T, url string) *Sender {
	t.Helper()
	s, err := New(Options{URL: url, Secret: secret, Rand: bytes.NewReader(bytes.Repeat([]byte{0xab}, 64))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL + "/sms?token=in-the-url"
}

func TestSend(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.Method != http.MethodPost || r.URL.RequestURI() != "/sms?token=in-the-url" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s, %s", r.Method, r.URL, r.Header.Get("Content-Type"))
		}
		if got := r.Header.Get("X-Nightlatch-Signature"); got != Signature(secret, b) {
			t.Errorf("signature %q", got)
		}
		var got map[string]string
		if err := json.Unmarshal(b, &got); err != nil || len(got) != 3 || got["to"] != code.To || got["text"] != code.Text ||
			got["id"] != strings.Repeat("ab", 16) {
			t.Errorf("%s, %v", b, err)
		}
		w.WriteHeader(http.StatusAccepted)
	})
	if err := newSender(t, url).Send(t.Context(), code); err != nil {
		t.Error(err)
	}
}

// The HMAC of RFC 4231 §4.3.
func TestSignature(t *testing.T) {
	t.Parallel()
	const want = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
	if got := Signature("Jefe", []byte("what do ya want for nothing?")); got != want {
		t.Error(got)
	}
}

func kindOf(err error) string {
	switch {
	case err == nil:
		return "sent"
	case errors.Is(err, deliver.ErrUnclear):
		return "unclear"
	case errors.Is(err, factor.ErrDestination):
		return "refused"
	case deliver.IsTemporary(err):
		return "temporary"
	}
	return "plain"
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		200: "sent", 202: "sent", 204: "sent", 301: "plain", 307: "plain", 400: "plain", 401: "plain", 404: "plain", 410: "plain",
		422: "refused", 429: "temporary", 500: "temporary", 502: "unclear", 503: "temporary", 504: "unclear",
	} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/sms" {
				t.Errorf("%d was followed", status)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		err := newSender(t, url).Send(t.Context(), code)
		if got := kindOf(err); got != want {
			t.Errorf("%d: %s, want %s: %v", status, got, want, err)
		}
		tellsNothing(t, err)
	}
}

func tellsNothing(t *testing.T, err error) {
	t.Helper()
	for _, private := range []string{secret, "012345", "in-the-url", code.To} {
		if err != nil && strings.Contains(err.Error(), private) {
			t.Errorf("%q is in %q", private, err)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	dropping := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	ctx, hangUp := context.WithCancel(t.Context())
	hanging := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		hangUp()
		<-r.Context().Done()
	})
	for name, tc := range map[string]struct {
		ctx       context.Context
		url, want string
	}{
		"dropped": {t.Context(), dropping, "unclear"},
		"hanging": {ctx, hanging, "unclear"},
		"no TLS":  {t.Context(), strings.Replace(dropping, "http:", "https:", 1), "temporary"},
	} {
		err := newSender(t, tc.url).Send(tc.ctx, code)
		if got := kindOf(err); got != tc.want {
			t.Errorf("%s: %s, want %s: %v", name, got, tc.want, err)
		}
		tellsNothing(t, err)
	}
}

func TestNothingIsPosted(t *testing.T) {
	t.Parallel()
	url := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("something was posted") })
	if err := newSender(t, url).Send(t.Context(), factor.Message{Kind: "email"}); kindOf(err) != "plain" {
		t.Errorf("a mail: %v", err)
	}
	s, err := New(Options{URL: url, Secret: secret, Rand: iotest.ErrReader(errors.New("gone"))})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), code); kindOf(err) != "plain" {
		t.Errorf("without randomness: %v", err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"":                {URL: "https://sms.example.com/send", Secret: secret},
		"own network":     {URL: "http://sms:8080", Secret: secret},
		"url: none":       {Secret: secret},
		"url: not read":   {URL: "https://%zz in-the-url", Secret: secret},
		"url: other":      {URL: "ftp://sms.example.com/in-the-url", Secret: secret},
		"secret: missing": {URL: "https://sms.example.com/in-the-url"},
	} {
		_, err := New(o)
		option, _, wrong := strings.Cut(name, ":")
		if (err != nil) != wrong || wrong && !strings.HasPrefix(err.Error(), "webhook: "+option+": ") {
			t.Errorf("%s: %v", name, err)
		}
		tellsNothing(t, err)
	}
}
