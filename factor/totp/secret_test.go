package totp

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestNewSecret(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 20, 32, 64} {
		s, err := NewSecret(rand.Reader, n)
		want := n
		if n == 0 {
			want = 20
		}
		if err != nil || len(s) != want {
			t.Errorf("NewSecret(%d): %d bytes, %v", n, len(s), err)
		}
		again, _ := NewSecret(rand.Reader, n)
		if bytes.Equal(s, again) {
			t.Errorf("NewSecret(%d) gave the same secret twice", n)
		}
	}
	for _, n := range []int{-1, 1, 15, 65, 1 << 30} {
		if s, err := NewSecret(rand.Reader, n); err == nil {
			t.Errorf("NewSecret(%d) gave %d bytes", n, len(s))
		}
	}
	broken := errors.New("broken")
	if s, err := NewSecret(iotest.ErrReader(broken), 0); !errors.Is(err, broken) || s != nil {
		t.Errorf("a broken source gave %v, %v", s, err)
	}
	if s, err := NewSecret(bytes.NewReader(make([]byte, 19)), 0); err == nil {
		t.Errorf("a short source gave %v", s)
	}
	if s, err := NewSecret(nil, 0); err == nil {
		t.Errorf("no source gave %v", s)
	}
}

func TestParseSecret(t *testing.T) {
	t.Parallel()
	const want = "12345678901234567890"
	for _, text := range []string{
		"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
		"gezdgnbvgy3tqojqgezdgnbvgy3tqojq",
		"GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
		"GEZD-GNBV-gy3t-qojq-GEZD-GNBV-GY3T-QOJQ ",
		"base32:GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
		"hex:3132333435363738393031323334353637383930",
		"HEX: 31 32 33 34-35 36 37 38 39 30 31 32 33 34 35 36 37 38 39 30",
	} {
		if s, err := ParseSecret(text); err != nil || string(s) != want {
			t.Errorf("ParseSecret(%q) = %q, %v", text, []byte(s), err)
		}
	}
	// RFC 4648 §10, with the padding and without.
	for text, want := range map[string]string{
		"MY======": "f", "MZXQ====": "fo", "MZXW6===": "foo", "MZXW6YQ=": "foob", "MZXW6YTB": "fooba", "MZXW6YTBOI======": "foobar",
		"my": "f", "MZXQ": "fo", "MZXW6": "foo", "MZXW6YQ": "foob", "MZXW6YTBOI": "foobar", "hex:fF00": "\xff\x00",
	} {
		if s, err := ParseSecret(text); err != nil || string(s) != want {
			t.Errorf("ParseSecret(%q) = %q, %v, want %q", text, []byte(s), err, want)
		}
	}
}

func TestParseSecretRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "empty", " - ": "empty", "====": "empty", "hex:": "empty", "hex: ": "empty", "base32:": "empty",
		"A": "a character may be missing", "ABC": "a character may be missing", "ABCDEF": "a character may be missing",
		"MY=": "padding is wrong", "MZXW6YTB=": "padding is wrong", "MY=======": "padding is wrong",
		"MY==MY==": "not base32", "MZXW6YT0": "not base32", "MZXW6YT1": "not base32", "MZXW6YT8": "not base32",
		"3132333435363738393031": "not base32", "MZXW+YTB": "not base32", "MZXW\x006YTB": "not base32",
		"MZXW6YTB\n": "not base32", "ＭＺＸＷ６ＹＴＢ": "not base32", "otpauth://totp/a?secret=MZXW6YTB": "not base32",
		"hex:3": "digit is missing", "hex:0g": "not hex", "hex:0x31": "not hex", "hex:hex:31": "not hex",
	} {
		s, err := ParseSecret(text)
		if err == nil || !strings.Contains(err.Error(), want) || s != nil {
			t.Errorf("ParseSecret(%q) = %v, %v, want %q", text, s, err, want)
		}
		if err != nil && len(text) > 5 && strings.Contains(err.Error(), text) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

func TestAppendSecret(t *testing.T) {
	t.Parallel()
	if s, err := AppendSecret([]byte("x"), "MZXW6"); string(s) != "xfoo" || err != nil {
		t.Errorf("AppendSecret = %q, %v", []byte(s), err)
	}
}

func FuzzParseSecret(f *testing.F) {
	for _, text := range []string{
		"", "MZXW6YTB", "mzxw-6ytb oi======", "hex:00ff", "hex:0", "base32:AA", "A===A", "\xff", "０", "MZXW6YR",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSecret(text)
		if err != nil {
			if s != nil {
				t.Fatalf("an error came with a secret of %d bytes", len(s))
			}
			return
		}
		if len(s) == 0 {
			t.Fatal("an empty secret was read")
		}
		for _, again := range []string{s.Base32(), "hex:" + s.Hex()} {
			if got, err := ParseSecret(again); err != nil || !bytes.Equal(got, s) {
				t.Fatalf("%q was read, %q was not: %v", text, again, err)
			}
		}
	})
}
