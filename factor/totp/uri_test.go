package totp

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const plainSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

// uri is what most of the tests mean.
func uri(change func(*URI)) URI {
	u := URI{
		Kind: ByTime, Issuer: "Example", Account: "anna@example.com",
		Generator: Generator{Secret: testSecret, Algorithm: SHA1, Digits: 6, Period: 30},
	}
	if change != nil {
		change(&u)
	}
	return u
}

func TestEncodeURI(t *testing.T) {
	t.Parallel()
	for want, u := range map[string]URI{
		"otpauth://totp/Example:anna@example.com?secret=" + plainSecret + "&issuer=Example&algorithm=SHA1&digits=6&period=30": {
			Issuer: "Example", Account: "anna@example.com", Generator: Generator{Secret: testSecret},
		},
		"otpauth://totp/Big%20%26%20Co%2B:%C3%9Cmit%20%F0%9F%94%91?secret=" + plainSecret +
			"&issuer=Big%20%26%20Co%2B&algorithm=SHA1&digits=6&period=30": {
			Issuer: "Big & Co+", Account: " Ümit 🔑 ", Generator: Generator{Secret: testSecret},
		},
		"otpauth://hotp/anna?secret=" + plainSecret + "&algorithm=SHA256&digits=8&counter=7": {
			Kind: ByCounter, Account: "anna", Counter: 7, Generator: Generator{Secret: testSecret, Algorithm: SHA256, Digits: 8},
		},
		"otpauth://totp/Steam:anna?secret=" + plainSecret + "&issuer=Steam&algorithm=SHA1&encoder=steam&period=30": {
			Issuer: "Steam", Account: "anna", Generator: Generator{Secret: testSecret, Steam: true},
		},
		"otpauth://totp/a%2Fb?secret=" + plainSecret + "&algorithm=SHA512&digits=7&period=60&color=1%202&image=https%3A%2F%2Fexample.com%2Fa.png": {
			Account: "a/b", Generator: Generator{Secret: testSecret, Algorithm: SHA512, Digits: 7, Period: 60},
			Extra: map[string]string{"image": "https://example.com/a.png", "color": "1 2"},
		},
	} {
		got, err := u.Encode()
		if got != want || err != nil {
			t.Errorf("Encode() = %q, %v\nwant %q", got, err, want)
		}
		if _, err := url.Parse(got); err != nil {
			t.Errorf("net/url cannot read it: %v", err)
		}
	}
}

func TestEncodeURIRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*URI){
		"issuer: has a colon":              func(u *URI) { u.Issuer = "a:b" },
		"account: has a colon":             func(u *URI) { u.Account = "a:b" },
		"account: is empty":                func(u *URI) { u.Account = " " },
		"account: is not UTF-8":            func(u *URI) { u.Account = "\xff" },
		"issuer: has a control character":  func(u *URI) { u.Issuer = "a\x00b" },
		"secret is empty":                  func(u *URI) { u.Secret = nil },
		`kind "motp"`:                      func(u *URI) { u.Kind = "motp" },
		"9 digits are refused on purpose":  func(u *URI) { u.Digits = 9 },
		"10 digits are refused on purpose": func(u *URI) { u.Digits = 10 },
		"5 digits":                         func(u *URI) { u.Digits = 5 },
		"below 1":                          func(u *URI) { u.Period = -30 },
		"go by time":                       func(u *URI) { u.Kind, u.Steam = ByCounter, true },
		"too high":                         func(u *URI) { u.Counter = 1 << 63 },
		`"digits" is no extra`:             func(u *URI) { u.Extra = map[string]string{"digits": "8"} },
		"no https: URL":                    func(u *URI) { u.Extra = map[string]string{"image": "http://example.com/a.png"} },
	} {
		u := uri(change)
		if got, err := u.Encode(); err == nil || !strings.Contains(err.Error(), want) || got != "" {
			t.Errorf("want %q: got %q, %v", want, got, err)
		}
	}
}

func TestParseURI(t *testing.T) {
	t.Parallel()
	const s = "secret=" + plainSecret
	for text, change := range map[string]func(*URI){
		"otpauth://totp/Example:anna@example.com?" + s + "&issuer=Example":                     nil,
		"OTPAUTH://TOTP/Example:anna@example.com?" + s:                                         nil,
		"otpauth://Totp/Example%3Aanna%40example.com?" + s + "&algorithm=sha1":                 nil,
		"otpauth://totp/Example%3A%20%20anna@example.com?issuer=Example&" + s:                  nil,
		"otpauth://totp/anna@example.com?" + s + "&issuer=Example&digits=6&period=30":          nil,
		"otpauth://totp/Example:anna@example.com?" + s + "&digits=06&foo=bar&foo=&&image=x":    nil,
		"otpauth://totp/Example:anna@example.com?" + s + "&counter=5":                          nil,
		"otpauth://totp/Example:anna@example.com?" + s + "#more":                               nil,
		"otpauth://totp/Example:anna@example.com?secret=gezd+gnbv-gy3t%20qojqgezdgnbvgy3tqojq": nil,
		"otpauth://totp/anna?" + s:                                                               func(u *URI) { u.Issuer, u.Account = "", "anna" },
		"otpauth://totp/a/b?" + s:                                                                func(u *URI) { u.Issuer, u.Account = "", "a/b" },
		"otpauth://totp/Big%20Co:x?" + s + "&issuer=Big%20Co":                                    func(u *URI) { u.Issuer, u.Account = "Big Co", "x" },
		"otpauth://totp/Big%20Co:x?" + s + "&issuer=Big+Co":                                      func(u *URI) { u.Issuer, u.Account = "Big Co", "x" },
		"otpauth://totp/Big+Co:x?" + s + "&issuer=Big+Co":                                        func(u *URI) { u.Issuer, u.Account = "Big+Co", "x" },
		"otpauth://totp/Example:anna@example.com?" + s + "&algorithm=Sha256&digits=8&period=120": func(u *URI) { u.Algorithm, u.Digits, u.Period = SHA256, 8, 120 },
		"otpauth://totp/Example:anna@example.com?" + s + "&algorithm=SHA512&digits=7&period=1":   func(u *URI) { u.Algorithm, u.Digits, u.Period = SHA512, 7, 1 },
		"otpauth://hotp/Example:anna@example.com?" + s + "&counter=0":                            func(u *URI) { u.Kind = ByCounter },
		"otpauth://HOTP/Example:anna@example.com?" + s + "&counter=42&period=60":                 func(u *URI) { u.Kind, u.Counter = ByCounter, 42 },
		"otpauth://totp/Example:anna@example.com?" + s + "&encoder=steam":                        func(u *URI) { u.Steam, u.Digits = true, 5 },
		"otpauth://totp/Example:anna@example.com?" + s + "&encoder=Steam&digits=10":              func(u *URI) { u.Steam, u.Digits = true, 5 },
		"otpauth://totp/Example:anna@example.com?secret=ME":                                      func(u *URI) { u.Secret = Secret("a") },
		"otpauth://totp/Example:anna@example.com?secret=me%3D%3D%3D%3D%3D%3D":                    func(u *URI) { u.Secret = Secret("a") },
		"otpauth://totp/Example:anna@example.com?secret=me======":                                func(u *URI) { u.Secret = Secret("a") },
	} {
		got, err := ParseURI(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if diff := cmp.Diff(uri(change), got, cmp.Transformer("plain", func(s Secret) string { return s.Hex() })); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", text, diff)
		}
	}
}

func TestParseURIRefuses(t *testing.T) {
	t.Parallel()
	const s = "otpauth://totp/Example:anna?secret=" + plainSecret
	const h = "otpauth://hotp/Example:anna?secret=" + plainSecret
	for text, want := range map[string]string{
		"":                                             "scheme:",
		"https://totp/a?secret=ME":                     "scheme:",
		" " + s:                                        "scheme:",
		"otpauth:totp/a?secret=ME":                     "scheme:",
		"otpauth:///a?secret=ME":                       "type:",
		"otpauth://motp/a?secret=ME":                   "type:",
		"otpauth://x@totp/a?secret=ME":                 "type:",
		"otpauth://totp?secret=ME":                     "label: is empty",
		"otpauth://totp/?secret=ME":                    "label: is empty",
		"otpauth://totp/%20?secret=ME":                 "label: is empty",
		"otpauth://totp/Example:?secret=ME":            "label: has no account",
		"otpauth://totp/:anna?secret=ME":               "label: has no issuer",
		"otpauth://totp/a:b:c?secret=ME":               "label: has a second colon",
		"otpauth://totp/a%3Ab%3ac?secret=ME":           "label: has a second colon",
		"otpauth://totp/a%00b?secret=ME":               "label: has a control character",
		"otpauth://totp/a%FFb?secret=ME":               "label: is not UTF-8",
		"otpauth://totp/a%2?secret=ME":                 "label: has a bad escape",
		"otpauth://totp/a%zz?secret=ME":                "label: has a bad escape",
		"otpauth://totp/Example:anna":                  "secret: is missing",
		"otpauth://totp/Example:anna?SECRET":           "secret: is missing",
		"otpauth://totp/Example:anna?secret":           "secret: is empty",
		"otpauth://totp/Example:anna?secret=":          "secret: is empty",
		"otpauth://totp/Example:anna?secret=%20":       "secret: the secret is empty",
		"otpauth://totp/Example:anna?secret====":       "secret: the secret is empty",
		"otpauth://totp/Example:anna?secret=MZXW6YT1":  "secret: the secret is not base32",
		"otpauth://totp/Example:anna?secret=hex:00ff":  "secret: the secret is not base32",
		"otpauth://totp/Example:anna?secret=MZXW6YTBA": "secret: the secret is not base32",
		"otpauth://totp/Example:anna?secret=%4":        "secret: has a bad escape",
		s + "&secret=ME":                               "secret: is given twice",
		s + "&s%65cret=ME":                             "secret: is given twice",
		s + "&issuer=":                                 "issuer: is empty",
		s + "&issuer=%20":                              "issuer:",
		s + "&issuer=Other":                            `issuer: "Other" is not the label's "Example"`,
		s + "&issuer=example":                          "issuer:",
		s + "&issuer=Example&issuer=Example":           "issuer: is given twice",
		"otpauth://totp/a?secret=ME&issuer=A%3AB":      "issuer: has a colon",
		"otpauth://totp/a?secret=ME&issuer=A%0AB":      "issuer: has a control character",
		s + "&algorithm=":                              "algorithm: is empty",
		s + "&algorithm=MD5":                           `algorithm: "MD5"`,
		s + "&algorithm=SHA-1":                         "algorithm:",
		s + "&digits=":                                 "digits: is empty",
		s + "&digits=5":                                "digits: 5 digits",
		s + "&digits=0":                                "digits: 0 digits",
		s + "&digits=9":                                "digits: 9 digits are refused on purpose",
		s + "&digits=10":                               "digits: 10 digits are refused on purpose",
		s + "&digits=11":                               "digits: 11 digits",
		s + "&digits=-6":                               "digits: \"-6\" is negative",
		s + "&digits=six":                              `digits: "six" is no number`,
		s + "&digits=6.0":                              "digits:",
		s + "&digits=+6":                               "digits:",
		s + "&digits=６":                                "digits:",
		s + "&digits=99999999999999999999":             "digits: \"99999999999999999999\" is too large",
		s + "&digits=6&digits=6":                       "digits: is given twice",
		s + "&period=":                                 "period: is empty",
		s + "&period=0":                                "period: 0 is below 1",
		s + "&period=-30":                              "period: \"-30\" is negative",
		s + "&period=1e3":                              "period:",
		s + "&period=9999999999":                       "period:",
		s + "&period=30&period=30":                     "period: is given twice",
		s + "&counter=-1":                              "counter: \"-1\" is negative",
		s + "&counter=x":                               "counter:",
		s + "&encoder=":                                "encoder: is empty",
		s + "&encoder=base64":                          `encoder: "base64" is not steam`,
		s + "&encoder=steam&algorithm=SHA256":          "algorithm: Steam's",
		s + "&encoder=steam&digits=4":                  "digits: 4 digits",
		s + "&other=%zz":                               "a parameter that is unknown: has a bad escape",
		s + "&%zz=1":                                   "parameters:",
		h:                                              "counter: is missing",
		h + "&counter=":                                "counter: is empty",
		h + "&counter=-1":                              "counter: \"-1\" is negative",
		h + "&counter=one":                             "counter: \"one\" is no number",
		h + "&counter=0x10":                            "counter:",
		h + "&counter=18446744073709551616":            "counter:",
		h + "&counter=9223372036854775808":             "counter:",
		h + "&counter=1&counter=1":                     "counter: is given twice",
		h + "&counter=1&period=0":                      "period: 0 is below 1",
		h + "&counter=1&encoder=steam":                 "encoder: Steam's",
		s + "&x=" + strings.Repeat("x", 1<<20):         "URI: is longer",
	} {
		got, err := ParseURI(text)
		if err == nil || !strings.HasPrefix(err.Error(), "otpauth URI: "+want) {
			t.Errorf("%.120s: %v, want %q", text, err, want)
		}
		if diff := cmp.Diff(URI{}, got); diff != "" {
			t.Errorf("%.120s: an error came with %s", text, diff)
		}
		if err != nil && strings.Contains(err.Error(), plainSecret) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

// What can be read can be written, and reads the same again.
func FuzzURI(f *testing.F) {
	for _, text := range []string{
		"otpauth://totp/Example:anna@example.com?secret=GEZDGNBVGY3TQOJQ&issuer=Example",
		"OTPAUTH://HOTP/a%3A%20b?secret=me&counter=3", "otpauth://totp/a?secret=ME&encoder=steam&digits=5",
		"otpauth://totp/%C3%9C+%F0%9F%94%91?secret=ME&issuer=+x+&period=7&digits=8&algorithm=sha512",
		"otpauth://totp/a:b?secret=%zz", "otpauth://totp/A+B:x?issuer=A+B&secret=ME", "otpauth://totp/%FF?secret=ME", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURI(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "otpauth URI: ") {
				t.Fatalf("the error names no part: %v", err)
			}
			return
		}
		written, err := u.Encode()
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", text, err)
		}
		again, err := ParseURI(written)
		if err != nil {
			t.Fatalf("%q was written and cannot be read: %v", written, err)
		}
		if diff := cmp.Diff(u, again, cmp.Transformer("plain", func(s Secret) string { return s.Hex() })); diff != "" {
			t.Errorf("%q reads otherwise than %q: %s", written, text, diff)
		}
	})
}
