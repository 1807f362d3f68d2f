package e2e

import (
	"slices"

	"github.com/chromedp/cdproto/webauthn"
)

// device is a security key or a passkey's keeper that the browser pretends to have.
type device struct {
	p  *page
	id webauthn.AuthenticatorID
}

var (
	u2fKey      = webauthn.VirtualAuthenticatorOptions{Protocol: webauthn.AuthenticatorProtocolU2f, Transport: webauthn.AuthenticatorTransportUsb}
	plainKey    = webauthn.VirtualAuthenticatorOptions{Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb}
	keyWithPIN  = webauthn.VirtualAuthenticatorOptions{Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb, HasResidentKey: true, HasUserVerification: true, IsUserVerified: true}
	passkeyHome = webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, DefaultBackupEligibility: true, DefaultBackupState: true,
	}
)

// plugIn adds a device, which is touched as soon as it is asked.
func (p *page) plugIn(o webauthn.VirtualAuthenticatorOptions) *device {
	p.t.Helper()
	o.AutomaticPresenceSimulation = true
	call(p, webauthn.Enable, webauthn.EnableParams{})
	r := call(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &o})
	return &device{p, r.AuthenticatorID}
}

// touched says whether a hand touches the device when it is asked.
func (d *device) touched(yes bool) {
	d.p.t.Helper()
	call(d.p, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: d.id, Enabled: yes})
}

// knows says whether its owner's PIN or finger is right.
func (d *device) knows(yes bool) {
	d.p.t.Helper()
	call(d.p, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: d.id, IsUserVerified: yes})
}

// erase takes everything off the device.
func (d *device) erase() {
	d.p.t.Helper()
	call(d.p, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: d.id})
}

// pullOut takes the device away for good.
func (d *device) pullOut() {
	d.p.t.Helper()
	call(d.p, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: d.id})
}

// holds is how many credentials are on the device.
func (d *device) holds() int {
	d.p.t.Helper()
	return len(call(d.p, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: d.id}).Credentials)
}

// only lets one of several devices be touched.
func only(touched *device, others ...*device) {
	for _, d := range others {
		d.touched(false)
	}
	touched.touched(true)
}

// addKey adds a security key from the account page, and stays where that leads.
func (p *page) addKey(name string) {
	p.t.Helper()
	p.press("Add security key")
	p.wantHeading("Add a security key")
	p.fill("Name", name)
	p.press("Add security key")
	p.wantStatus("Authenticator added.")
}

// addPasskey adds a passkey from the account page, and stays where that leads.
func (p *page) addPasskey(name string) {
	p.t.Helper()
	p.press("Add a passkey")
	p.wantHeading("Add a passkey")
	p.fill("Name", name)
	p.press("Add a passkey")
	p.wantStatus("Authenticator added.")
}

// wantAlertAbove waits for an alert that stands before a heading.
func (p *page) wantAlertAbove(alert, heading string) {
	p.t.Helper()
	p.wantAlert(alert)
	p.await(alert+" above "+heading, func(all nodes) bool {
		first := slices.IndexFunc(all, func(n node) bool { return !n.ignored && n.role == "alert" })
		then := slices.IndexFunc(all, func(n node) bool { return !n.ignored && n.role == "heading" && n.name == heading })
		return first >= 0 && first < then
	})
}
