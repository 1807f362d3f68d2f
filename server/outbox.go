package server

import (
	"embed"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/deliver/outbox"
	"github.com/nightlatch/nightlatch/internal/post"
	"github.com/nightlatch/nightlatch/web"
)

//go:embed page/*.html
var ownPages embed.FS

// outboxView is the page "outbox".
type outboxView struct {
	web.Frame
	Messages []outbox.Entry
}

// entryJSON is one message.
type entryJSON struct {
	ID      string    `json:"id"`
	To      string    `json:"to"`
	Kind    string    `json:"kind"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
}

// demoOutbox shows what the demonstration would have sent, the newest first.
func (s *Server) demoOutbox(gate *web.Gate) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.isOurHost(r.Host) {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "the messages are shown at this machine's own names only, like localhost", http.StatusMisdirectedRequest)
			return
		}
		messages := s.outbox.List()
		if !strings.Contains(r.Header.Get("Accept"), "application/json") {
			gate.Page(w, r, http.StatusOK, "outbox", outboxView{Messages: messages})
			return
		}
		list := make([]entryJSON, 0, len(messages))
		for _, m := range messages {
			list = append(list, entryJSON{
				ID: m.ID, To: m.To, Kind: string(m.Kind), Subject: m.Subject, Text: m.Text, At: m.At.UTC(),
			})
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_ = json.NewEncoder(w).Encode(list) // a reader who went away is no fault
	}
}

// isOurHost: the request is for a loopback name, or for that of public_url. Any other name is a stranger's whose page
// would be told the codes once the name points to this machine (DNS rebinding).
func (s *Server) isOurHost(host string) bool {
	u, err := post.ReadURL("http://" + host)
	return err == nil && (post.IsSecret(u) || strings.EqualFold(u.Hostname(), s.settings.Public().Hostname()))
}
