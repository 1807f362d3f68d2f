package totp_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// secret is one that everybody knows, from RFC 4226. Make your own with NewSecret.
const secret = "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"

func ExampleNewSecret() {
	secret, err := totp.NewSecret(rand.Reader, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(secret) // does not show it
	fmt.Println(len(secret.Base32()), "characters of base32")
	// Output:
	// secret of 20 bytes
	// 32 characters of base32
}

func ExampleParseSecret() {
	for _, text := range []string{secret, "hex:3132333435363738393031323334353637383930", "0189"} {
		s, err := totp.ParseSecret(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(s.Base32())
	}
	// Output:
	// GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
	// GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
	// the secret is not base32: it has letters and the digits 2 to 7 only (write hex: before hex)
}

func ExampleGenerator_At() {
	s, err := totp.ParseSecret(secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	code, err := totp.Generator{Secret: s}.At(time.Date(2009, 2, 13, 23, 31, 30, 0, time.UTC))
	fmt.Println(code, err)
	// Output: 005924 <nil>
}

func ExampleGenerator_Code() {
	s, err := totp.ParseSecret(secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	code, err := totp.Generator{Secret: s}.Code(0)
	fmt.Println(code, err)
	// Output: 755224 <nil>
}

// A code is good once: store the step that comes back, and give it with the next code.
func ExampleGenerator_Verify() {
	s, err := totp.ParseSecret(secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	g := totp.Generator{Secret: s}
	now := time.Date(2009, 2, 13, 23, 31, 50, 0, time.UTC)

	last := int64(0) // no code was used yet
	step, ok := g.Verify("005 924", now, 1, last)
	fmt.Println(step, ok)
	if ok {
		last = step
	}
	_, ok = g.Verify("005924", now, 1, last)
	fmt.Println("again:", ok)
	// Output:
	// 41152263 true
	// again: false
}

func ExampleGenerator_VerifyCounter() {
	s, err := totp.ParseSecret(secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	next := uint64(0)
	counter, ok := totp.Generator{Secret: s}.VerifyCounter("969429", next, 10) // three presses were missed
	if ok {
		next = counter + 1
	}
	fmt.Println(ok, next)
	// Output: true 4
}

func ExampleVerify() {
	now := time.Date(2009, 2, 13, 23, 31, 30, 0, time.UTC)
	step, ok, err := totp.Verify(secret, "005924", now, 1, 0)
	fmt.Println(step, ok, err)
	// Output: 41152263 true <nil>
}

func ExampleURI_Encode() {
	s, err := totp.ParseSecret(secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := totp.URI{Issuer: "Big Co", Account: "anna@example.com", Generator: totp.Generator{Secret: s}}.Encode()
	fmt.Println(text, err)
	// Output: otpauth://totp/Big%20Co:anna@example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Big%20Co&algorithm=SHA1&digits=6&period=30 <nil>
}

func ExampleParseURI() {
	u, err := totp.ParseURI("otpauth://totp/Big%20Co:anna?secret=gezdgnbvgy3tqojqgezdgnbvgy3tqojq&issuer=Big+Co")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u.Issuer, u.Account, u.Algorithm, u.Digits, u.Period)
	_, err = totp.ParseURI("otpauth://totp/anna?secret=GEZDGNBV&digits=10")
	fmt.Println(err)
	// Output:
	// Big Co anna SHA1 6 30
	// otpauth URI: digits: 10 digits are refused on purpose: codes have 6 to 8, more add no strength and apps show them differently
}

func ExampleNewQR() {
	code, err := totp.NewQR("otpauth://totp/anna?secret=GEZDGNBVGY3TQOJQ")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = code.SVG()      // for a page
	_ = code.Terminal() // for a terminal
	fmt.Println(bytes.HasPrefix(code.PNG(), []byte("\x89PNG")))
	// Output: true
}

// The factor goes into nightlatch.Config.Factors.
func ExampleNew() {
	fmt.Println(totp.New(totp.Options{}).Info().Name)
	fmt.Println(totp.NewCounter(totp.Options{}).Info().Name)
	// Output:
	// Authenticator app
	// Counter token
}
