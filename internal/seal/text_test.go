package seal

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

func encoded(first byte) string {
	secret := make([]byte, KeySize)
	for i := range secret {
		secret[i] = first + byte(i)
	}
	return base64.StdEncoding.EncodeToString(secret)
}

func TestFormatIsParsed(t *testing.T) {
	t.Parallel()
	r := newRing(t, 3)
	text := r.Format()
	again, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if string(again.Format()) != string(text) {
		t.Errorf("%s\nbecame\n%s", text, again.Format())
	}
	if got, err := again.Open(mustSeal(t, r, "x"), place); err != nil || string(got) != "x" {
		t.Errorf("Open = %q, %v", got, err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	one, two := "1 2026-11-22 "+encoded(0), "2 2027-01-01 "+encoded(1)
	for name, text := range map[string]string{
		"plain":           one + "\n" + two + "\n",
		"no last newline": one + "\n" + two,
		"Windows":         one + "\r\n" + two + "\r\n",
		"byte order mark": "\xef\xbb\xbf" + one + "\n" + two,
		"other order":     two + "\n" + one,
		"comments":        "# a\n\n \t\n" + one + "\n  # b\n" + two,
		"tabs":            strings.ReplaceAll(one, " ", "\t") + "\n  " + two,
	} {
		r, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Newest() != 2 || len(r.Keys()) != 2 || r.Keys()[0].ID != 1 {
			t.Errorf("%s: %v", name, r.Keys())
		}
	}
	// The first keys may have been taken away.
	if r, err := Parse([]byte("7 2026-11-22 " + encoded(0))); err != nil || r.Newest() != 7 {
		t.Errorf("only key 7: %v", err)
	}
}

func TestParseSaysTheLineAndNoKey(t *testing.T) {
	t.Parallel()
	good := "1 2026-11-22 " + encoded(0)
	secret := "SECRETSECRETSECRET"
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"", "holds no key"},
		"comments":          {"# " + secret, "holds no key"},
		"only the key":      {encoded(0), `line 1: expected "number date key"`},
		"four fields":       {good + " " + secret, `line 1: expected`},
		"number":            {good + "\n" + secret + " 2026-11-22 " + encoded(1), "line 2: the number"},
		"zero":              {"0 2026-11-22 " + encoded(1), "line 1: the number"},
		"negative":          {"-1 2026-11-22 " + encoded(1), "line 1: the number"},
		"plus":              {"+1 2026-11-22 " + encoded(1), "line 1: the number"},
		"leading zero":      {"01 2026-11-22 " + encoded(1), "line 1: the number"},
		"too large":         {"4294967296 2026-11-22 " + encoded(1), "line 1: the number"},
		"date":              {"\n\n1 " + secret + " " + encoded(1), "line 3: the date"},
		"day":               {"1 2026-02-30 " + encoded(1), "line 1: the date"},
		"not base64":        {"1 2026-11-22 " + secret + "!", "line 1: the key is not 32 bytes"},
		"no padding":        {strings.TrimRight(good, "="), "line 1: the key is not 32 bytes"},
		"short":             {"1 2026-11-22 " + base64.StdEncoding.EncodeToString([]byte(secret)), "line 1: the key is not 32 bytes"},
		"constant":          {"1 2026-11-22 " + base64.StdEncoding.EncodeToString(make([]byte, 32)), "line 1: the key is not random"},
		"twice the number":  {good + "\n1 2026-11-23 " + encoded(1), "line 2: key 1 is there twice"},
		"twice the key":     {good + "\n2 2026-11-23 " + encoded(0), "line 2: keys 1 and 2 are the same"},
		"too long":          {strings.Repeat("#\n", 1<<20), "longer than 1 MiB"},
		"not text":          {"\x00\xff\xfe", "line 1: expected"},
		"other line breaks": {good + "\r" + secret, "line 1: expected"},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
			continue
		}
		for _, part := range []string{secret, encoded(0)[:8], encoded(1)[:8]} {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error shows the text: %v", name, err)
			}
		}
	}
}

func TestParseTooManyKeys(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range maxKeys + 1 {
		secret := make([]byte, KeySize)
		secret[0], secret[1], secret[2] = byte(i), byte(i>>8), 1
		fmt.Fprintf(&b, "%d 2026-11-22 %s\n", i+1, base64.StdEncoding.EncodeToString(secret))
	}
	if _, err := Parse([]byte(b.String())); err == nil || !strings.Contains(err.Error(), "more than 1000") {
		t.Error(err)
	}
}

func TestNoNumberLeft(t *testing.T) {
	t.Parallel()
	r, err := Parse([]byte("4294967295 2026-11-22 " + encoded(0)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Add(new(counting), day); err == nil {
		t.Error("a key above the largest number")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1 2026-11-22 " + encoded(0))
	f.Add("# a\r\n\n2 2026-11-22 " + encoded(0) + "\n1 2026-11-22 " + encoded(1))
	f.Add("\xef\xbb\xbf")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse([]byte(text))
		if err != nil {
			return
		}
		again, err := Parse(r.Format())
		if err != nil {
			t.Fatal(err)
		}
		if string(again.Format()) != string(r.Format()) {
			t.Fatalf("%s\nbecame\n%s", r.Format(), again.Format())
		}
	})
}
