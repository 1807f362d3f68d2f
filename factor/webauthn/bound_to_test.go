package webauthn

import "testing"

// TestBoundTo: an authenticator is bound to an RP ID or an AppID for good, and answers under that alone.
func TestBoundTo(t *testing.T) {
	t.Parallel()
	key, old := newSite(t, nil), oldSite(t, nil)
	key.enroll(false)
	o := Options{RPID: "example.com", Origins: []string{origin}, AppID: appID}
	moved, other, strict := o, o, o
	moved.RPID, moved.Origins, moved.AppID = "example.net", []string{"https://example.net"}, ""
	other.AppID = "https://example.com/other.json"
	strict.UserVerification = "required"
	for name, tc := range map[string]struct {
		o                  Options
		keyWorks, oldWorks bool
	}{
		"as it was":              {o, true, true},
		"another RP ID":          {moved, false, false},
		"another AppID":          {other, true, false},
		"verification is needed": {strict, true, false},
	} {
		f := newFactor(t, tc.o)
		if to, works, err := f.BoundTo(key.call.Held[0].State); to != "example.com" || works != tc.keyWorks || err != nil {
			t.Errorf("%s: a key: %q, %v, %v", name, to, works, err)
		}
		if to, works, err := f.BoundTo(old.call.Held[0].State); to != appID || works != tc.oldWorks || err != nil {
			t.Errorf("%s: an old key: %q, %v, %v", name, to, works, err)
		}
	}
}
