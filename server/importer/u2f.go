package importer

import (
	"context"
	"errors"
	"fmt"

	"github.com/nightlatch/nightlatch/factor/webauthn"
)

// registration is one line: a key as the libraries of the old U2F API stored it (FIDO U2F JavaScript API §4.1.2), with
// whose it is.
type registration struct {
	User       string   `json:"user"`
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	KeyHandle  string   `json:"keyHandle"`
	AppID      string   `json:"appId"`
	PublicKey  string   `json:"publicKey"`
	Transports []string `json:"transports"`
	Counter    uint32   `json:"counter"`
}

const u2fVersion = "U2F_V2"

// readU2F reads keys for accounts that are there. Members that other libraries kept beside these say nothing here.
func readU2F(ctx context.Context, in Input) (r Read, err error) {
	err = eachLine(ctx, in, &r, func(at string, line []byte) (string, error) {
		var k registration
		if err := decodeLine(line, false, &k); err != nil {
			return k.User, err
		}
		handle, handleErr := unbase64(k.KeyHandle)
		public, publicErr := unbase64(k.PublicKey)
		switch {
		case k.User == "":
			return "", errors.New("user is missing")
		case k.Version != u2fVersion:
			return k.User, fmt.Errorf("version is %.20q, only %s can be read", k.Version, u2fVersion)
		case handleErr != nil:
			return k.User, fmt.Errorf("keyHandle %w", handleErr)
		case publicErr != nil:
			return k.User, fmt.Errorf("publicKey %w", publicErr)
		}
		r.Accounts = append(r.Accounts, Account{At: at, Username: k.User, Adds: true, Factors: []Factor{{
			Kind: webauthn.Kind, Label: k.Name, U2F: &webauthn.U2F{
				KeyHandle: handle, PublicKey: public, AppID: k.AppID, Counter: k.Counter, Transports: k.Transports,
			},
		}}})
		return "", nil
	})
	return r, err
}
