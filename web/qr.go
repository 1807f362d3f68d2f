package web

import (
	"strings"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// qrSVG draws the QR code of an otpauth: URI as an SVG element, here: a secret goes to no other service. Screen
// readers leave it out: what surrounds it on the page has the name.
// It returns an error for a URI that is empty or too long.
func qrSVG(uri string) (string, error) {
	code, err := totp.NewQR(uri)
	if err != nil {
		return "", err
	}
	return strings.Replace(code.SVG(), "<svg ", `<svg aria-hidden="true" `, 1), nil
}
