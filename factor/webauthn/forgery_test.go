package webauthn

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch/internal/softkey"
)

// enrollmentForgeries are lies of a new key, each of which must be refused.
func enrollmentForgeries() map[string]softkey.Forge {
	forged := map[string]softkey.Forge{
		"no user present": {AuthData: func(d *softkey.AuthData) { d.Flags &^= softkey.FlagUP }},
		"RP ID hash":      {AuthData: func(d *softkey.AuthData) { d.RPIDHash[0] ^= 1 }},
		"backed up only":  {AuthData: func(d *softkey.AuthData) { d.Flags = d.Flags&^softkey.FlagBE | softkey.FlagBS }},
		"no credential":   {AuthData: func(d *softkey.AuthData) { d.Flags &^= softkey.FlagAT }},
		"trailing CBOR":   {AuthData: func(d *softkey.AuthData) { d.Trailing = []byte{0xa0} }},
		"extensions gone": {AuthData: func(d *softkey.AuthData) { d.Flags |= softkey.FlagED }},
		"long id":         {AuthData: func(d *softkey.AuthData) { d.CredentialID = make([]byte, 1024) }},
		"other id":        {AuthData: func(d *softkey.AuthData) { d.CredentialID = []byte("another") }},
		"no key":          {AuthData: func(d *softkey.AuthData) { d.PublicKey = []byte{0xa0} }},
		"key of one int":  {AuthData: func(d *softkey.AuthData) { d.PublicKey = []byte{0x01} }},
		"algorithm ES384": {AuthData: func(d *softkey.AuthData) { d.PublicKey[4], d.PublicKey = 0x38, slices.Insert(d.PublicKey, 5, 34) }},
		"point off curve": {AuthData: func(d *softkey.AuthData) { d.PublicKey[20] ^= 1 }},
		"trailing object": {Response: func(r *softkey.Response) {
			r.Attestation.AttestationObject = append(r.Attestation.AttestationObject, 0)
		}},
		"cut object":       {Response: func(r *softkey.Response) { r.Attestation.AttestationObject = r.Attestation.AttestationObject[:60] }},
		"empty object":     {Response: func(r *softkey.Response) { r.Attestation.AttestationObject = nil }},
		"format":           {Response: func(r *softkey.Response) { r.Attestation.AttestationObject[6] = 'N' }},
		"statement filled": {Response: func(r *softkey.Response) { r.Attestation.AttestationObject[18] = 0xa1 }},
		"assertion":        {Response: func(r *softkey.Response) { r.Attestation, r.Assertion = nil, &softkey.Assertion{} }},
		"not discoverable": {Response: func(r *softkey.Response) { r.Extensions["credProps"] = map[string]any{"rk": false} }},
	}
	for name, n := range map[string]int{"RSA of 1024 bits": 128, "RSA of 64 kbit": 8192} {
		forged[name] = softkey.Forge{AuthData: func(d *softkey.AuthData) { d.PublicKey = rsaKey(n) }}
	}
	maps.Copy(forged, commonForgeries("webauthn.get"))
	return forged
}

// rsaKey is the COSE form of an RSA key with a modulus of n bytes.
func rsaKey(n int) []byte {
	head := []byte{0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, byte(n >> 8), byte(n)}
	return slices.Concat(head, bytes.Repeat([]byte{0xc1}, n), []byte{0x21, 0x43, 0x01, 0x00, 0x01})
}

// commonForgeries are lies that both ceremonies know.
func commonForgeries(otherType string) map[string]softkey.Forge {
	from := func(origin string) softkey.Forge {
		return softkey.Forge{ClientData: func(c *softkey.ClientData) { c.Origin = origin }}
	}
	return map[string]softkey.Forge{
		"type":              {ClientData: func(c *softkey.ClientData) { c.Type = otherType }},
		"no type":           {ClientData: func(c *softkey.ClientData) { c.Type = "" }},
		"challenge":         {ClientData: func(c *softkey.ClientData) { c.Challenge[0] ^= 1 }},
		"no challenge":      {ClientData: func(c *softkey.ClientData) { c.Challenge = nil }},
		"origin":            from("https://example.org"),
		"origin below":      from("https://www.example.com"),
		"origin look-alike": from("https://example.com.evil.example"),
		"origin http":       from("http://example.com"),
		"origin port":       from("https://example.com:8443"),
		"origin path":       from("https://example.com/"),
		"origin user":       from("https://evil@example.com"),
		"origin capitals":   from("https://EXAMPLE.com"),
		"origin null":       from("null"),
		"no origin":         from(""),
		"cross origin":      {ClientData: func(c *softkey.ClientData) { c.CrossOrigin = true }},
		"framed":            {ClientData: func(c *softkey.ClientData) { c.CrossOrigin, c.TopOrigin = true, "https://example.org" }},
		"framed by us":      {ClientData: func(c *softkey.ClientData) { c.CrossOrigin, c.TopOrigin = true, origin }},
		"top origin alone":  {ClientData: func(c *softkey.ClientData) { c.TopOrigin = origin }},
		"BOM":               {ClientJSON: func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) }},
		"client data twice": {ClientJSON: func(b []byte) []byte { return append(b, b...) }},
		"no client data":    {ClientJSON: func([]byte) []byte { return nil }},
		"null client data":  {ClientJSON: func([]byte) []byte { return []byte("null") }},
		"credential id":     {Response: func(r *softkey.Response) { r.ID, r.RawID = []byte("other"), []byte("other") }},
		"raw id":            {Response: func(r *softkey.Response) { r.RawID = []byte("other") }},
		"no id":             {Response: func(r *softkey.Response) { r.ID, r.RawID = nil, nil }},
		"credential type":   {Response: func(r *softkey.Response) { r.Type = "password" }},
		"deep extensions": {Response: func(r *softkey.Response) {
			var deep any
			for range maxDepth {
				deep = []any{deep}
			}
			r.Extensions["x"] = deep
		}},
		"64 KiB": {Response: func(r *softkey.Response) { r.Extensions["x"] = strings.Repeat("x", maxResponse) }},
	}
}

// assertionForgeries are lies of an enrolled key, each of which must be refused.
func assertionForgeries() map[string]softkey.Forge {
	forged := map[string]softkey.Forge{
		"no user present":  {AuthData: func(d *softkey.AuthData) { d.Flags &^= softkey.FlagUP }},
		"RP ID hash":       {AuthData: func(d *softkey.AuthData) { d.RPIDHash[31] ^= 1 }},
		"BE came":          {AuthData: func(d *softkey.AuthData) { d.Flags |= softkey.FlagBE }},
		"BS without BE":    {AuthData: func(d *softkey.AuthData) { d.Flags |= softkey.FlagBS }},
		"trailing CBOR":    {AuthData: func(d *softkey.AuthData) { d.Trailing = []byte{0xa0} }},
		"extensions gone":  {AuthData: func(d *softkey.AuthData) { d.Flags |= softkey.FlagED }},
		"extensions bad":   {AuthData: func(d *softkey.AuthData) { d.Flags, d.Trailing = d.Flags|softkey.FlagED, []byte{0xff} }},
		"credential gone":  {AuthData: func(d *softkey.AuthData) { d.Flags |= softkey.FlagAT }},
		"another user":     {Response: func(r *softkey.Response) { r.Assertion.UserHandle = make([]byte, 64) }},
		"signature":        {Response: func(r *softkey.Response) { r.Assertion.Signature[10] ^= 1 }},
		"signature long":   {Response: func(r *softkey.Response) { r.Assertion.Signature = append(r.Assertion.Signature, 0) }},
		"no signature":     {Response: func(r *softkey.Response) { r.Assertion.Signature = nil }},
		"counter unsigned": {Response: func(r *softkey.Response) { r.Assertion.AuthenticatorData[36] ^= 4 }},
		"UV unsigned":      {Response: func(r *softkey.Response) { r.Assertion.AuthenticatorData[32] ^= softkey.FlagUV }},
		"client unsigned":  {Response: func(r *softkey.Response) { r.Assertion.ClientDataJSON = append(r.Assertion.ClientDataJSON, ' ') }},
		"auth data short":  {Response: func(r *softkey.Response) { r.Assertion.AuthenticatorData = r.Assertion.AuthenticatorData[:36] }},
		"no auth data":     {Response: func(r *softkey.Response) { r.Assertion.AuthenticatorData = nil }},
		"attestation":      {Response: func(r *softkey.Response) { r.Attestation = &softkey.Attestation{} }},
	}
	maps.Copy(forged, commonForgeries("webauthn.create"))
	return forged
}
