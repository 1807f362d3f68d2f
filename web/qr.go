package web

import "github.com/nightlatch/nightlatch/factor/totp"

// qrSVG draws the QR code of an otpauth: URI as an SVG element, here: a secret goes to no other service.
// It returns an error for a URI that is empty or too long.
func qrSVG(uri string) (string, error) {
	code, err := totp.NewQR(uri)
	if err != nil {
		return "", err
	}
	return code.SVG(), nil
}
