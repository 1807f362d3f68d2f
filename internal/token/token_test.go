package token

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
)

var b64 = base64.RawURLEncoding.Strict()

var types = []Type{Session, SignIn, Device, Mailed, Enrollment, Challenge}

func TestNewIsRead(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, typ := range types {
		for range 50 {
			text, stored := New(rand.Reader, typ)
			if len(text) != Len || !strings.HasPrefix(text, "nl_"+string(typ)+"_") {
				t.Fatalf("%q: length or prefix", text)
			}
			if got, ok := TypeOf(text); !ok || got != typ {
				t.Fatalf("TypeOf(%q) = %q, %v", text, got, ok)
			}
			hash, ok := Hash(typ, text)
			if !ok || hash != stored || len(hash) != HashLen || strings.Contains(hash, text[prefixLen:]) || seen[hash] {
				t.Fatalf("Hash(%q) = %q, %v, New said %q", text, hash, ok, stored)
			}
			seen[hash] = true
		}
	}
}

// TestVectors: tokens that were handed out must be found after an update.
func TestVectors(t *testing.T) {
	t.Parallel()
	var raw [32]byte
	for i := range raw {
		raw[i] = byte(i)
	}
	text, _ := New(bytes.NewReader(raw[:]), Session)
	if want := "nl_s_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"; text != want {
		t.Fatalf("New = %q, want %q", text, want)
	}
	hash, ok := Hash(Session, text)
	if want := "Lcitpfdqe5IIg9BZHXoP3CQbod_GeaDE9L2rDCh7idk"; !ok || hash != want {
		t.Fatalf("Hash = %q, %v, want %q", hash, ok, want)
	}
	id := NewID(bytes.NewReader(raw[:]))
	if want := "aaaqeayeaudaocajbifqydiob4"; id != want {
		t.Fatalf("NewID = %q, want %q", id, want)
	}
}

func TestOneTypeIsNoOther(t *testing.T) {
	t.Parallel()
	for _, made := range types {
		text, _ := New(rand.Reader, made)
		for _, wanted := range types {
			if _, ok := Hash(wanted, text); ok != (made == wanted) || Is(wanted, text) != ok {
				t.Errorf("a token of %q as %q: %v", made, wanted, ok)
			}
		}
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	good := "nl_s_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	if _, ok := Hash(Session, good); !ok {
		t.Fatal("the good one is refused")
	}
	for name, text := range map[string]string{
		"empty":             "",
		"prefix only":       "nl_s_",
		"short":             good[:Len-1],
		"long":              good + "A",
		"upper prefix":      "NL_s_" + good[5:],
		"upper type":        "nl_S_" + good[5:],
		"unknown type":      "nl_x_" + good[5:],
		"no underscore":     "nl_s-" + good[5:],
		"other spelling":    good[:Len-1] + "9", // decodes to the same bytes when not strict
		"standard alphabet": good[:10] + "+/" + good[12:],
		"line break":        good[:10] + "\n" + good[11:],
		"carriage return":   good[:10] + "\r" + good[11:],
		"space":             " " + good[:Len-1],
		"padding":           good[:Len-1] + "=",
		"zero byte":         good[:Len-1] + "\x00",
		"not ASCII":         good[:Len-2] + "é",
		"huge":              good + strings.Repeat("A", 1<<20),
	} {
		if hash, ok := Hash(Session, text); ok || hash != "" {
			t.Errorf("%s: taken for a token", name)
		}
	}
}

// TestSpelling: the characters of a token are those that the standard's decoder takes, at every place.
func TestSpelling(t *testing.T) {
	t.Parallel()
	good := "nl_s_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	var raw [size]byte
	for at := prefixLen; at < Len; at++ {
		for c := range 256 {
			text := good[:at] + string([]byte{byte(c)}) + good[at+1:]
			_, err := b64.Decode(raw[:], []byte(text[prefixLen:]))
			want := err == nil && c != '\n' && c != '\r' // which decoders skip
			if got := Is(Session, text); got != want {
				t.Fatalf("%q: %v, want %v", text, got, want)
			}
		}
	}
}

func TestRefusalAllocatesNothing(t *testing.T) {
	huge := "nl_s_" + strings.Repeat("A", 1<<20)
	near := "nl_s_" + strings.Repeat("-", 42) + "="
	if n := testing.AllocsPerRun(100, func() {
		_, _ = Hash(Session, huge)
		_, _ = Hash(Session, near)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	for range 200 {
		if id := NewID(rand.Reader); !IsID(id) {
			t.Fatalf("NewID = %q", id)
		}
	}
	good := "aaaqeayeaudaocajbifqydiob4"
	for _, text := range []string{"", good[:25], good + "a", strings.ToUpper(good), good[:25] + "5", "1" + good[1:], good[:24] + "é"} {
		if IsID(text) {
			t.Errorf("%q is taken for an id", text)
		}
	}
}

func TestNoRandomness(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){
		"token": func() { New(bytes.NewReader(make([]byte, 31)), Session) },
		"id":    func() { NewID(bytes.NewReader(make([]byte, 15))) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("made of too little")
				}
			}()
			f()
		})
	}
}

func FuzzHash(f *testing.F) {
	f.Add("nl_s_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
	f.Add("nl_i_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		typ, ok := TypeOf(text)
		if !ok {
			return
		}
		if len(text) != Len {
			t.Fatalf("%q has a type", text)
		}
		// One spelling: what is read is what New writes.
		raw := make([]byte, size)
		if _, err := b64.Decode(raw, []byte(text[prefixLen:])); err != nil {
			t.Fatal(err)
		}
		if again, _ := New(bytes.NewReader(raw), typ); again != text {
			t.Fatalf("%q is spelled %q", text, again)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	text, _ := New(rand.Reader, Session)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Hash(Session, text); !ok {
			b.Fatal("refused")
		}
	}
}
