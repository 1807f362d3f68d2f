package forward

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// Names are the headers by which an application is told who asks. Each is always set, so that a client's own one is
// always replaced.
var Names = []string{"Remote-User", "Remote-Email", "Remote-Groups", "Remote-Name", "Remote-Level", "Remote-Proofs", "Remote-Assertion"}

// Name is what an account goes by: its user name, else its confirmed address.
func Name(u *nightlatch.User) string {
	if u.Name != "" {
		return u.Name
	}
	return confirmed(u)
}

func confirmed(u *nightlatch.User) string {
	if u.EmailConfirmedAt.IsZero() {
		return ""
	}
	return u.Email
}

// Identity is what an application is told of who asks: the values of Names, in their order. Signer.Identify makes it, and
// nobody changes it.
type Identity [7]string

// newIdentity is for who is signed in; nil: nobody. A name that would be more than one line, or no text, is left out.
func newIdentity(ses *nightlatch.Session, u *nightlatch.User, assertion string) *Identity {
	if ses == nil {
		return &Identity{4: "0"}
	}
	name := value(Name(u))
	return &Identity{
		name, value(confirmed(u)), value(strings.Join(u.Groups, ",")), name, strconv.Itoa(int(ses.Level)), value(proven(ses.Proofs)), assertion,
	}
}

// Set sets all of the headers. Their values are one with those of other requests: they are replaced, and never changed
// in their place, as net/http does it.
func (id *Identity) Set(h http.Header) {
	for i, name := range Names {
		h[name] = id[i : i+1 : i+1]
	}
}

// proven are the kinds of proofs, each once.
func proven(proofs []factor.Proof) string {
	kinds := make([]string, 0, 4)
	for _, p := range proofs {
		if kind := string(p.Kind); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return strings.Join(kinds, ",")
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

func isIdentity(name string) bool { return strings.HasPrefix(folded(name), "remote-") }

// folded is a name as the most careless reader takes it.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, name)
}
