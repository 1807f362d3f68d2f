package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/deliver/webhook"
	"github.com/nightlatch/nightlatch/factor"
)

// receiver takes messages from Nightlatch and gives them to send.
func receiver(secret string, send func(to, text string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		want := "sha256=" + hex.EncodeToString(mac.Sum(nil))
		if !hmac.Equal([]byte(want), []byte(r.Header.Get("X-Nightlatch-Signature"))) {
			http.Error(w, "wrong signature", http.StatusUnauthorized)
			return
		}
		var message struct{ To, Text, ID string }
		if err := json.Unmarshal(body, &message); err != nil {
			http.Error(w, "no JSON", http.StatusBadRequest)
			return
		}
		if err := send(message.To, message.Text); err != nil {
			http.Error(w, "not sent", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}
}

func Example_receiver() {
	server := httptest.NewServer(receiver("shared secret", func(to, text string) error {
		fmt.Printf("to %s: %s\n", to, text)
		return nil
	}))
	defer server.Close()
	for _, secret := range []string{"shared secret", "another secret"} {
		sms, err := webhook.New(webhook.Options{URL: server.URL, Secret: secret})
		if err != nil {
			fmt.Println(err)
			return
		}
		err = sms.Send(context.Background(), factor.Message{Kind: "sms", To: "+4915123456712", Text: "012345 is your code."})
		fmt.Println(err)
	}
	// Output:
	// to +4915123456712: 012345 is your code.
	// <nil>
	// webhook: the receiver answered 401
}

// TestReceiverIsTheOneOfThePage: what docs/webhook-receiver.md shows is what the example above runs.
func TestReceiverIsTheOneOfThePage(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("receiver_test.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/webhook-receiver.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	from, to := strings.Index(text, "// receiver takes"), strings.Index(text, "func Example_receiver")
	if from < 0 || to < from || !strings.Contains(string(page), strings.TrimSpace(text[from:to])) {
		t.Error("docs/webhook-receiver.md shows another receiver")
	}
}
