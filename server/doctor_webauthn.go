package server

import (
	"context"
	"fmt"
	"slices"

	"github.com/nightlatch/nightlatch"
)

// cutOff looks for keys and passkeys that cannot answer under these settings, so that it is known before a server runs
// with them.
func (d *doctor) cutOff(ctx context.Context, s *Server) {
	c, err := s.Service.CutOff(ctx, keysKind)
	if err != nil {
		d.fault("webauthn", "keys and passkeys were not counted: %v", err)
		return
	}
	if c.Authenticators > 0 {
		d.warn("webauthn", "%s", d.saysCutOff(c))
	}
	if c.Unread > 0 {
		d.warn("webauthn", "keys and passkeys that cannot be read, and count for nothing here: %d; look at what is said of the key", c.Unread)
	}
}

// saysCutOff says how many and why, who is left with nothing, and what to do about it.
func (d *doctor) saysCutOff(c nightlatch.CutOff) string {
	set := d.Settings.WebAuthn
	// A key that is bound to the right AppID answers wherever a user need not be verified.
	old := slices.ContainsFunc(c.Names, func(n nightlatch.BoundName) bool { return n.Name == set.AppID })
	why, back := "bound to another name", "set the old name back (webauthn.rp_id and public_url, or webauthn.app_id)"
	switch {
	case set.RPID == "":
		why, back = "public_url has no name", "give public_url its name back"
	case old && len(c.Names) == 1:
		why, back = "old U2F keys cannot verify their user", `set webauthn.user_verification back to "preferred"`
	case old:
		why, back = why+", or old U2F keys, which cannot verify their user", back+` and webauthn.user_verification to "preferred"`
	}
	for i, n := range c.Names {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		why += fmt.Sprintf("%s%s %d", sep, n.Name, n.Count)
	}
	text := fmt.Sprintf("keys and passkeys that cannot answer under these settings: %d, of accounts: %d (%s)", c.Authenticators, c.Users, why)
	if c.Stranded == 0 {
		return text + "; all these accounts hold another second factor. To have the keys answer again, " + back
	}
	return text + fmt.Sprintf("; accounts that hold no other second factor: %d, with recovery codes left: %d. Before a server starts with them, "+
		"%s, or let these accounts add another second factor: docs/how-it-works.md", c.Stranded, c.WithCodes, back)
}
