package server

import (
	"encoding/json"
	"net/http"
)

// changePassword leads whoever keeps passwords for people to where one is changed (W3C, A Well-Known URL for Changing
// Passwords).
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, s.settings.PublicURL+"/account/password", http.StatusSeeOther)
}

// passkeyEndpoints tells whoever keeps passkeys for people where one is added, and where they are looked after (W3C, A
// Well-Known URL for Relying Party Passkey Endpoints). It is asked for at the RP ID's own host.
func (s *Server) passkeyEndpoints(w http.ResponseWriter, _ *http.Request) {
	if s.keys == nil || s.keys.RPID() != s.settings.Public().Hostname() || !s.Service.Policy().MayEnroll(keysKind) {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	text, err := json.Marshal(struct {
		Enroll string `json:"enroll"`
		Manage string `json:"manage"`
	}{s.settings.PublicURL + "/account/authenticators/new", s.settings.PublicURL + "/account"})
	if err != nil { // strings can always be marshaled
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(text)
}
