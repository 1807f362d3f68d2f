package webauthn

import "testing"

func TestModels(t *testing.T) {
	t.Parallel()
	for aaguid, name := range models {
		if len(aaguid) != 32 || name == "" {
			t.Errorf("%q: %q", aaguid, name)
		}
	}
	if got := model(make([]byte, 16)); got != "" {
		t.Errorf("the zero AAGUID is a %q", got)
	}
	if got := model([]byte{0xee, 0x88, 0x28, 0x79, 0x72, 0x1c, 0x49, 0x13, 0x97, 0x75, 0x3d, 0xfc, 0xce, 0x97, 0x07, 0x2a}); got != "YubiKey 5" {
		t.Errorf("model = %q", got)
	}
}
