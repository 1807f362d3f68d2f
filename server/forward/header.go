package forward

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/nightlatch/nightlatch"
)

// Names are the headers by which an application is told who asks. Each is always set, so that a client's own one is
// always replaced.
var Names = []string{"Remote-User", "Remote-Email", "Remote-Groups", "Remote-Name", "Remote-Level", "Remote-Proofs", "Remote-Assertion"}

// Name is what an account goes by: its user name, else its confirmed address.
func Name(u nightlatch.User) string {
	if u.Name != "" {
		return u.Name
	}
	return confirmed(u)
}

func confirmed(u nightlatch.User) string {
	if u.EmailConfirmedAt.IsZero() {
		return ""
	}
	return u.Email
}

// Identity sets the headers for who is signed in; nil: nobody. A name that would be more than one line, or no text, is
// left out.
func Identity(h http.Header, ses *nightlatch.Session, u nightlatch.User, assertion string) {
	for _, name := range Names {
		h[name] = []string{""}
	}
	h["Remote-Level"] = []string{"0"}
	if ses == nil {
		return
	}
	var kinds []string
	for _, p := range ses.Proofs {
		if kind := string(p.Kind); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	h["Remote-User"] = []string{value(Name(u))}
	h["Remote-Name"] = []string{value(Name(u))}
	h["Remote-Email"] = []string{value(confirmed(u))}
	h["Remote-Groups"] = []string{value(strings.Join(u.Groups, ","))}
	h["Remote-Level"] = []string{strconv.Itoa(int(ses.Level))}
	h["Remote-Proofs"] = []string{value(strings.Join(kinds, ","))}
	h["Remote-Assertion"] = []string{assertion}
}

func value(s string) string {
	if hasControl(s) {
		return ""
	}
	return s
}

// ClearIdentity removes whatever a client sent that an application could take for one of our headers, however it is
// spelled: CGI and WSGI read "_" and "-" alike, and some servers drop what they cannot read.
func ClearIdentity(h http.Header) {
	for name := range h {
		if isIdentity(name) {
			delete(h, name)
		}
	}
}

func isIdentity(name string) bool {
	folded := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, name)
	return strings.HasPrefix(folded, "remote-")
}
