package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestDemoOutboxHost: a page that has its own name point to this machine (DNS rebinding) is told no code.
func TestDemoOutboxHost(t *testing.T) {
	t.Parallel()
	h, err := newSite(t).demonstration().Handler()
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8080": 200, "demo.localhost:9": 200, "127.0.0.1:8080": 200, "127.8.8.8": 200,
		"[::1]:8080": 200, "[::1]": 200,
		"attacker.example": 421, "attacker.example:8080": 421, "localhost.attacker.example": 421, "notlocalhost": 421,
		"127.0.0.1.attacker.example": 421, "192.0.2.1:8080": 421, "": 421, "localhost:8080:8080": 421,
	} {
		for _, accept := range []string{"application/json", "text/html"} {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/demo/outbox", http.NoBody)
			r.Host = host
			r.Header.Set("Accept", accept)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("Host %q, %s: %d, want %d", host, accept, w.Code, want)
			}
			if want == 421 && strings.Contains(w.Body.String(), "Outbox") {
				t.Errorf("Host %q: %s", host, w.Body)
			}
		}
	}
}

// TestWebhookInClear: who reads the way to the receiver reads the codes. That may be meant, and is said.
func TestWebhookInClear(t *testing.T) {
	t.Parallel()
	for url, warned := range map[string]bool{
		"http://sms.internal/key": true, "https://sms.example.com/key": false, "http://127.0.0.1:9/key": false,
	} {
		_, log := newSite(t).startLogged("SMS_PROVIDER=webhook", "SMS_COUNTRIES=DE",
			"SMS_WEBHOOK_URL="+url, "SMS_WEBHOOK_SECRET=a-shared-secret")
		if strings.Contains(log, "codes can be read on the way") != warned {
			t.Errorf("%s: logged %q", url, log)
		}
		if strings.Contains(log, "/key") || strings.Contains(log, "a-shared-secret") {
			t.Errorf("%s: logged a secret: %q", url, log)
		}
	}
}
