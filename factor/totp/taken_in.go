package totp

import (
	"crypto/subtle"

	"github.com/nightlatch/nightlatch/factor"
)

// CheckState says why a state that was kept elsewhere cannot be one of an authenticator of the kind, or nil.
func CheckState(kind factor.Kind, s factor.State) error {
	is, err := decodeAs(kind, s)
	if err != nil {
		return err
	}
	return is.tooSlow()
}

// SameSecret says whether two states are of one kind and have one secret: the same authenticator twice. States that are
// not of this package are the same as nothing.
func SameSecret(a, b factor.State) bool {
	x, errX := decode(a)
	y, errY := decode(b)
	return errX == nil && errY == nil && x.Kind == y.Kind && subtle.ConstantTimeCompare(x.Secret, y.Secret) == 1
}
