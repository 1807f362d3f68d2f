package server

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/server/importer"
)

// TestDoctorOfAnotherName: before a server runs with another name for keys, doctor says how many keys would answer no
// longer and who is left with nothing, and all is well where the name is set back. It writes nothing.
func TestDoctorOfAnotherName(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.mustStart()
	moved := []string{"PUBLIC_URL=https://login.example.com", "TRUSTED_PROXIES=127.0.0.1"}
	back := []string{"PUBLIC_URL=http://localhost:9090"}
	add(t, s, Account{Username: "bare"})
	p.saysOfKeys(t, "", moved...)

	addKey(t, s, "anna", 1)
	addKey(t, s, "ben", 2)
	alter(t, p, `DELETE FROM nl_authenticators WHERE kind = 'recovery' AND user_id = '`+find(t, s, "ben").ID+`'`)
	c := addKey(t, s, "carl", 3)
	c.enroll(p.clock)
	addKey(t, s, "dora", 4)
	mustDo(t, s.SetDisabled(t.Context(), find(t, s, "dora"), true, "test"))
	stop(t, s)

	before := p.events(t)
	p.saysOfKeys(t, "")
	const what = "keys and passkeys that cannot answer under these settings: 3, of accounts: 3"
	const left = "accounts that hold no other second factor: 2, with recovery codes left: 1. Before a server starts with them, "
	const or = ", or let these accounts add another second factor: docs/how-it-works.md"
	p.saysOfKeys(t, "warning: "+what+" (bound to another name: localhost 3); "+left+
		"set the old name back (webauthn.rp_id and public_url, or webauthn.app_id)"+or, moved...)
	p.saysOfKeys(t, "", back...)
	address := "warning: the host of public_url, 127.0.0.1, is an address and no name: no key or passkey can be used; give it a name, or take webauthn out of policy.factors\n"
	p.saysOfKeys(t, address+"warning: "+what+" (public_url has no name); "+left+"give public_url its name back"+or, "PUBLIC_URL=http://127.0.0.1:8080")
	if after := p.events(t); after != before {
		t.Errorf("%d events, %d before", after, before)
	}
}

// TestDoctorOfOldKeys: keys of the old U2F API are bound to an AppID, and answer only where users need not be verified.
func TestDoctorOfOldKeys(t *testing.T) {
	t.Parallel()
	const appID = "http://localhost:8080"
	p := newSite(t)
	s, err := p.start(withAppID(p, appID))
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, Account{Username: "ada"})
	key := keyAtHost(6)
	key.U2F = true
	handle, public, err := key.Registered(appID)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	line, err := json.Marshal(object{"user": "ada", "version": "U2F_V2", "keyHandle": b64(handle), "appId": appID, "publicKey": b64(public)})
	if err != nil {
		t.Fatal(err)
	}
	takeInFiles(t, s, "u2f", importer.Secrets{}, false, file(t, "keys.jsonl", string(line)))
	newClient(t, s).mustSignIn("ada", secret, "verify")
	const what = "warning: keys and passkeys that cannot answer under these settings: 1, of accounts: 1 "
	const left = "; accounts that hold no other second factor: 1, with recovery codes left: "
	const or = ", or let these accounts add another second factor: docs/how-it-works.md"
	p.saysOfKeys(t, "", "WEBAUTHN_APP_ID="+appID)
	p.saysOfKeys(t, what+"(bound to another name: "+appID+" 1)"+left+"0. Before a server starts with them, "+
		"set the old name back (webauthn.rp_id and public_url, or webauthn.app_id)"+or)
	p.saysOfKeys(t, what+"(old U2F keys cannot verify their user: "+appID+" 1)"+left+"0. Before a server starts with them, "+
		`set webauthn.user_verification back to "preferred"`+or, "WEBAUTHN_APP_ID="+appID, "WEBAUTHN_USER_VERIFICATION=required")
}

// saysOfKeys demands what doctor finds wrong with keys under some settings.
func (p *site) saysOfKeys(t *testing.T, want string, env ...string) {
	t.Helper()
	var all []string
	through := false
	for _, f := range Diagnose(t.Context(), Examination{Settings: p.settings(env...), Drivers: drivers, Now: p.clock.now, Rand: zeroRand{}}) {
		switch {
		case f.Area == "webauthn" && f.Grade != Fine:
			all = append(all, string(f.Grade)+": "+f.Text)
		case f.Area == "policy":
			through = true
		}
	}
	if !through {
		t.Errorf("%q: what is kept was not looked at", env)
	}
	if got := strings.Join(all, "\n"); got != want {
		t.Errorf("with %q it says\n%s\nwant\n%s", env, got, want)
	}
}

func (p *site) events(t *testing.T) (n int) {
	t.Helper()
	s := p.mustStart()
	defer stop(t, s)
	n, err := count(t.Context(), s, `SELECT COUNT(*) FROM nl_events`)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// addKey makes an account that holds a security key, and the recovery codes that come with it.
func addKey(t *testing.T, s *Server, name string, n byte) *client {
	t.Helper()
	add(t, s, Account{Username: name})
	c := newClient(t, s)
	c.mustSignIn(name, secret, "done")
	begun := c.want(201, "POST", "/authenticators", object{"kind": "webauthn"})
	done := c.want(201, "POST", "/authenticators/finish",
		object{"enrollment": begun["enrollment"], "credential": credentialOf(t, begun["public_key"], keyAtHost(n).Create)})
	if codes, _ := done["recovery_codes"].([]any); len(codes) == 0 {
		t.Fatalf("no recovery codes: %v", done)
	}
	return c
}
