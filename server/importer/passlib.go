package importer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// sealedTOTP is what passlib's TOTP.to_json writes.
type sealedTOTP struct {
	Version int    `json:"v"`
	Type    string `json:"type"`
	Key     string `json:"key"` // base32, where nothing seals it
	Sealed  *struct {
		Version int    `json:"v"`
		Cost    int    `json:"c"` // 2 to it are the rounds of PBKDF2
		Tag     any    `json:"t"` // which secret sealed it
		Salt    string `json:"s"` // base32
		Key     string `json:"k"` // base32
	} `json:"enckey"`
	Algorithm string `json:"alg"`
	Digits    int    `json:"digits"`
	Period    int    `json:"period"`
}

// maxSealCost bounds the rounds of one secret: 2^20 take a quarter of a second.
const maxSealCost = 20

// passlibTOTP opens what passlib's application wallet sealed: AES-256 in counter mode, whose key and first block are
// PBKDF2-HMAC-SHA-256 of the secret with that number. The cipher does not say whether the secret was the right one.
func passlibTOTP(secrets map[string]string, text string) (*totp.URI, error) {
	var s sealedTOTP
	switch err := json.Unmarshal([]byte(text), &s); {
	case text == "":
		return nil, errors.New("its secret is missing")
	case err != nil:
		return nil, errors.New("its secret is no JSON of passlib")
	case s.Version != 1 || s.Type != "totp":
		return nil, fmt.Errorf("its secret is of version %d and type %.20q, only 1 and totp can be read", s.Version, s.Type)
	}
	uri := &totp.URI{Kind: totp.ByTime}
	uri.Digits, uri.Period = s.Digits, s.Period
	uri.Algorithm = totp.Algorithm(strings.ToUpper(s.Algorithm))
	var err error
	switch {
	case s.Sealed == nil:
		uri.Secret, err = unbase32(s.Key)
	case s.Sealed.Version != 1 || s.Sealed.Cost < 0 || s.Sealed.Cost > maxSealCost:
		err = errors.New("it is sealed in a way that is not known")
	default:
		var salt, key []byte
		secret, ok := secrets[fmt.Sprint(s.Sealed.Tag)]
		if !ok {
			return nil, fmt.Errorf("it is sealed with the secret %.20q, which is not in totp_secrets", fmt.Sprint(s.Sealed.Tag))
		}
		if salt, err = unbase32(s.Sealed.Salt); err != nil {
			return nil, err
		}
		if key, err = unbase32(s.Sealed.Key); err != nil {
			return nil, err
		}
		uri.Secret, err = passlibOpen(secret, salt, key, 1<<s.Sealed.Cost)
	}
	return uri, err
}

func passlibOpen(secret string, salt, sealed []byte, rounds int) ([]byte, error) {
	both, err := pbkdf2.Key(sha256.New, secret, salt, rounds, 48)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(both[:32])
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(sealed))
	cipher.NewCTR(block, both[32:]).XORKeyStream(plain, sealed)
	return plain, nil
}

// unbase32 reads base32 in capitals or not, padded or not.
func unbase32(text string) ([]byte, error) {
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(strings.TrimRight(text, "=")))
	if err != nil || len(b) == 0 {
		return nil, errors.New("its secret is not base32")
	}
	return b, nil
}

// fernetCode is a recovery code: one that Fernet sealed (its specification §"Token format"), else the text itself.
func fernetCode(keys []string, text string) (string, error) {
	if !strings.HasPrefix(text, "gAAAA") { // version 0x80 and the high bytes of a time
		return text, nil
	}
	if len(keys) == 0 {
		return "", errors.New("they are sealed, and recovery_keys is not in the file of --secrets")
	}
	token, err := unbase64(text)
	if err != nil || len(token) < 1+8+16+16+32 {
		return "", errors.New("they are sealed in a way that is not known")
	}
	for _, k := range keys {
		key, err := unbase64(k)
		if err != nil || len(key) != 32 {
			return "", errors.New("recovery_keys: a key is not 32 bytes in base64")
		}
		if plain, ok := fernetOpen(key, token); ok {
			return plain, nil
		}
	}
	return "", errors.New("they are sealed with none of recovery_keys")
}

func fernetOpen(key, token []byte) (string, bool) {
	signed, mac := token[:len(token)-32], token[len(token)-32:]
	h := hmac.New(sha256.New, key[:16])
	h.Write(signed)
	sealed := signed[25:]
	if !hmac.Equal(h.Sum(nil), mac) || token[0] != 0x80 || len(sealed) == 0 || len(sealed)%aes.BlockSize != 0 {
		return "", false
	}
	block, err := aes.NewCipher(key[16:])
	if err != nil {
		return "", false
	}
	plain := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, signed[9:25]).CryptBlocks(plain, sealed)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > aes.BlockSize {
		return "", false
	}
	return string(plain[:len(plain)-pad]), true
}
