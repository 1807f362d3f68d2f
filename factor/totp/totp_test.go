package totp

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// read reads a file of vectors.
func read(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func parsed(t testing.TB, text string) Secret {
	t.Helper()
	s, err := ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRFC4226(t *testing.T) {
	t.Parallel()
	var rfc struct {
		Secret  string `json:"secret_base32"`
		Vectors []struct {
			Counter             uint64
			Truncated           uint32 `json:"truncated_dec"`
			HOTP6, HOTP7, HOTP8 string
		}
		Example struct {
			HMAC string
			DBC1 uint32 `json:"dbc1_dec"`
		} `json:"truncation_example_5_4"`
	}
	read(t, "rfc4226_hotp.json", &rfc)
	if len(rfc.Vectors) != 10 {
		t.Fatalf("%d vectors, want 10", len(rfc.Vectors))
	}
	g := Generator{Secret: parsed(t, rfc.Secret)}
	for _, v := range rfc.Vectors {
		for digits, want := range map[int]string{0: v.HOTP6, 6: v.HOTP6, 7: v.HOTP7, 8: v.HOTP8} {
			g.Digits = digits
			if got, err := g.Code(v.Counter); got != want || err != nil {
				t.Errorf("counter %d, %d digits: %q, %v, want %q", v.Counter, digits, got, err, want)
			}
			if got, ok := g.VerifyCounter(want, 0, 9); !ok || got != v.Counter {
				t.Errorf("VerifyCounter(%q) = %d, %v, want %d", want, got, ok, v.Counter)
			}
		}
		var values [1]uint32
		SHA1.truncate(g.Secret, v.Counter, values[:])
		if values[0] != v.Truncated {
			t.Errorf("counter %d: truncated %d, want %d", v.Counter, values[0], v.Truncated)
		}
	}
	sum, err := hex.DecodeString(rfc.Example.HMAC)
	if err != nil {
		t.Fatal(err)
	}
	if got := truncated(sum); got != rfc.Example.DBC1 {
		t.Errorf("example of §5.4: %d, want %d", got, rfc.Example.DBC1)
	}
}

func TestRFC6238(t *testing.T) {
	t.Parallel()
	var rfc struct {
		Secrets map[Algorithm]struct{ Base32 string }
		Vectors []struct {
			Time         int64
			T            int64
			Algorithm    Algorithm
			TOTP6, TOTP8 string
		}
	}
	read(t, "rfc6238_totp.json", &rfc)
	if len(rfc.Vectors) != 18 {
		t.Fatalf("%d vectors, want 18", len(rfc.Vectors))
	}
	for _, v := range rfc.Vectors {
		for digits, want := range map[int]string{6: v.TOTP6, 8: v.TOTP8} {
			g := Generator{Secret: parsed(t, rfc.Secrets[v.Algorithm].Base32), Algorithm: v.Algorithm, Digits: digits}
			now := time.Unix(v.Time, 0)
			if got, err := g.At(now); got != want || err != nil {
				t.Errorf("%s at %d: %q, %v, want %q", v.Algorithm, v.Time, got, err, want)
			}
			if step, ok := g.Verify(want, now, 0, 0); !ok || step != v.T {
				t.Errorf("%s: Verify at %d = %d, %v, want step %d", v.Algorithm, v.Time, step, ok, v.T)
			}
		}
	}
}

// The tutorials' own values, made with PyOTP from a secret of 80 bits.
func TestTutorialVectors(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: parsed(t, "base32secret3232")}
	if len(g.Secret) != 10 {
		t.Errorf("the secret has %d bytes, want 10", len(g.Secret))
	}
	for counter, want := range map[uint64]string{0: "260182", 1: "055283", 1401: "316439", 1402: "689722"} {
		if got, err := g.Code(counter); got != want || err != nil {
			t.Errorf("Code(%d) = %q, %v, want %q", counter, got, err, want)
		}
	}
	if _, ok := g.VerifyCounter("316439", 1401, 0); !ok {
		t.Error("the code of 1401 is refused at 1401")
	}
	if _, ok := g.VerifyCounter("316439", 1402, 0); ok {
		t.Error("the code of 1401 is accepted at 1402")
	}
}

func TestSteam(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: parsed(t, "BASE32SECRET3232"), Steam: true}
	for counter, want := range map[uint64]string{0: "2TC8B", 1: "YKKK4", 2: "M4HQB", 1401: "KJ7QC"} {
		if got, err := g.Code(counter); got != want || err != nil {
			t.Errorf("Code(%d) = %q, %v, want %q", counter, got, err, want)
		}
	}
	now := time.Unix(30, 0)
	for _, code := range []string{"YKKK4", "ykkk4", "YKK-K4", " ykKK4 "} {
		if step, ok := g.Verify(code, now, 1, 0); !ok || step != 1 {
			t.Errorf("Verify(%q) = %d, %v", code, step, ok)
		}
	}
	for _, code := range []string{"YKKK", "YKKK42", "YKKK5", "", "ＹＫＫＫ4"} {
		if _, ok := g.Verify(code, now, 1, 0); ok {
			t.Errorf("Verify(%q) accepted it", code)
		}
	}
}

func TestTheLongWayGivesTheSame(t *testing.T) {
	t.Parallel()
	for size := range 65 {
		secret := slices.Repeat([]byte{byte(size), 0xa5, 0x0f}, size)[:size]
		first := uint64(size) << 55
		var short, long [3]uint32
		if !truncateBlocks(secret, first, short[:]) {
			t.Fatal("the format of crypto/sha1's state is another one: the fast way is off")
		}
		truncateSums(secret, first, long[:])
		if short != long {
			t.Fatalf("secret of %d bytes: %d by blocks, %d by sums", size, short, long)
		}
	}
}

func TestLongSecrets(t *testing.T) {
	t.Parallel()
	// RFC 2104 §2: a secret longer than a block is hashed first.
	for _, algorithm := range []Algorithm{SHA1, SHA256, SHA512} {
		for _, n := range []int{63, 64, 65, 127, 128, 129, 300} {
			g := Generator{Secret: slices.Repeat([]byte{0x5a}, n), Algorithm: algorithm, Digits: 8}
			code, err := g.Code(7)
			if want := hmacCode(g, 7); err != nil || code != want {
				t.Errorf("%s, %d bytes: %q, %v, want %q", algorithm, n, code, err, want)
			}
		}
	}
}

// hmacCode makes a code the plain way, on crypto/hmac.
func hmacCode(g Generator, counter uint64) string {
	mac := hmac.New(map[Algorithm]func() hash.Hash{SHA1: sha1.New, SHA256: sha256.New, SHA512: sha512.New}[g.Algorithm], g.Secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, counter))
	return fmt.Sprintf("%08d", truncated(mac.Sum(nil))%100_000_000)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	secret := Secret("12345678901234567890")
	for _, bad := range []struct {
		g    Generator
		want string
	}{
		{Generator{}, "secret is empty"},
		{Generator{Secret: secret, Algorithm: "MD5"}, `"MD5" is not SHA1`},
		{Generator{Secret: secret, Algorithm: "sha1"}, "is not SHA1"},
		{Generator{Secret: secret, Digits: 5}, "5 digits"},
		{Generator{Secret: secret, Digits: 9}, "refused on purpose"},
		{Generator{Secret: secret, Digits: 10}, "refused on purpose"},
		{Generator{Secret: secret, Digits: -1}, "-1 digits"},
		{Generator{Secret: secret, Period: -1}, "below 1"},
		{Generator{Secret: secret, Period: 1 << 40}, "too long"},
		{Generator{Secret: secret, Steam: true, Algorithm: SHA512}, "SHA1 only"},
	} {
		err := bad.g.Check()
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%+v: %v, want %q", bad.g, err, bad.want)
		}
		if _, err := bad.g.Code(0); err == nil {
			t.Errorf("%+v made a code", bad.g)
		}
		if _, ok := bad.g.Verify("000000", time.Unix(0, 0), 1<<10, -1); ok {
			t.Errorf("%+v verified a code", bad.g)
		}
		if _, ok := bad.g.VerifyCounter("000000", 0, 1<<10); ok {
			t.Errorf("%+v verified a code", bad.g)
		}
		if _, ok := bad.g.VerifyPair("000000", "000000", 0, 1<<10); ok {
			t.Errorf("%+v verified a pair", bad.g)
		}
	}
}

func TestBefore1970(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: Secret("12345678901234567890")}
	for _, at := range []time.Time{time.Unix(-1, 0), time.Unix(-1<<40, 0), time.Unix(1<<62, 0), {}} {
		if code, err := g.At(at); err == nil {
			t.Errorf("At(%d) = %q", at.Unix(), code)
		}
		if step, ok := g.Verify("755224", at, 100, -1); ok {
			t.Errorf("Verify at %d = %d", at.Unix(), step)
		}
	}
	if step, err := g.Step(time.Unix(0, 0)); step != 0 || err != nil {
		t.Errorf("Step(0) = %d, %v", step, err)
	}
}

func TestGeneratorShowsNoSecret(t *testing.T) {
	t.Parallel()
	s := Secret("12345678901234567890")
	g := Generator{Secret: s}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		for _, v := range []any{s, g, &g, URI{Generator: g}} {
			text := fmt.Sprintf(format, v)
			if strings.Contains(text, "12345678") || strings.Contains(text, "31323334") || strings.Contains(text, "49 50 51") {
				t.Errorf("%s of %T shows it: %s", format, v, text)
			}
		}
	}
	if b, err := json.Marshal(g); err == nil {
		t.Errorf("JSON shows it: %s", b)
	}
}
