package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	day   = time.Date(2026, 11, 22, 23, 59, 0, 0, time.UTC)
	place = Place{Table: "authenticators", Column: "sealed", ID: "aaaqeayeaudaocajbifqydiob4", User: "u1"}
)

func newRing(t testing.TB, keys int) *Ring {
	t.Helper()
	r, err := NewRing(rand.Reader, day)
	for i := 1; i < keys && err == nil; i++ {
		r, err = r.Add(rand.Reader, day)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustSeal(t testing.TB, r *Ring, plain string) []byte {
	t.Helper()
	box, err := r.Seal(rand.Reader, []byte(plain), place)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// counting is a reader of 0, 1, 2, …
type counting byte

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(*c)
		*c++
	}
	return len(p), nil
}

func TestSealOpen(t *testing.T) {
	t.Parallel()
	r := newRing(t, 1)
	for _, plain := range []string{"", "a secret that no chance repeats", strings.Repeat("secret", 1000)} {
		box := mustSeal(t, r, plain)
		if len(box) != len(plain)+Overhead || (plain != "" && bytes.Contains(box, []byte(plain))) {
			t.Fatalf("a box of %d bytes for %d", len(box), len(plain))
		}
		if got, err := r.Open(box, place); err != nil || string(got) != plain {
			t.Fatalf("Open = %q, %v", got, err)
		}
		if again := mustSeal(t, r, plain); bytes.Equal(again, box) {
			t.Fatal("the same twice")
		}
	}
}

// TestVectors freezes the format. The expected values were made by an independent program after the package's
// comment; whoever changes one makes every store that exists unreadable.
func TestVectors(t *testing.T) {
	t.Parallel()
	c := new(counting)
	r, err := NewRing(c, day)
	if err != nil {
		t.Fatal(err)
	}
	box, err := r.Seal(c, []byte("the secret"), place)
	if want := "0100000001202122232425262728292a2b2c2d2e2f3031323334353637abffdef13edc0575008dd443f1c278296ef111820c4f1516e78f"; err != nil || hex.EncodeToString(box) != want {
		t.Errorf("Seal = %x, %v, want %s", box, err, want)
	}
	if got, err := r.Open(box, place); err != nil || string(got) != "the secret" {
		t.Errorf("Open = %q, %v", got, err)
	}
	mac := r.MAC("events", []byte("a"), []byte("bc"))
	if want := "000000016b7eaf701dc6881dc6f462b5dff161b6361134e39343da294afd94e9b6015ab6"; hex.EncodeToString(mac) != want {
		t.Errorf("MAC = %x, want %s", mac, want)
	}
}

func TestEveryBitCounts(t *testing.T) {
	t.Parallel()
	r := newRing(t, 2)
	box := mustSeal(t, r, "the secret")
	for bit := range len(box) * 8 {
		bad := slices.Clone(box)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := r.Open(bad, place); !errors.Is(err, ErrTampered) && !errors.Is(err, ErrUnknownKey) {
			t.Fatalf("bit %d changed: %v", bit, err)
		}
	}
	for n := range len(box) {
		if _, err := r.Open(box[:n], place); !errors.Is(err, ErrTampered) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := r.Open(append(slices.Clone(box), 0), place); !errors.Is(err, ErrTampered) {
		t.Fatalf("a byte more: %v", err)
	}
}

func TestBoundToItsPlace(t *testing.T) {
	t.Parallel()
	r := newRing(t, 1)
	box := mustSeal(t, r, "the secret")
	for _, other := range []Place{
		{},
		{Table: "users", Column: place.Column, ID: place.ID, User: place.User},
		{Table: place.Table, Column: "other", ID: place.ID, User: place.User},
		{Table: place.Table, Column: place.Column, ID: "other", User: place.User},
		{Table: place.Table, Column: place.Column, ID: place.ID, User: "u2"},
		{Table: place.Table + "s", Column: "ealed", ID: place.ID, User: place.User}, // the same letters, cut elsewhere
		{Table: place.Table, Column: place.Column, ID: place.ID + "u", User: "1"},
		{Table: place.Table, Column: place.Column, ID: place.User, User: place.ID},
	} {
		if _, err := r.Open(box, other); !errors.Is(err, ErrTampered) {
			t.Errorf("opened at %+v: %v", other, err)
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	old := newRing(t, 1)
	box := mustSeal(t, old, "old")
	grown, err := old.Add(rand.Reader, day.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if old.Newest() != 1 || grown.Newest() != 2 {
		t.Fatalf("newest %d and %d", old.Newest(), grown.Newest())
	}
	if got, err := grown.Open(box, place); err != nil || string(got) != "old" {
		t.Fatalf("the old box: %q, %v", got, err)
	}
	box = mustSeal(t, grown, "new")
	if id, err := KeyID(box); err != nil || id != 2 {
		t.Fatalf("KeyID = %d, %v", id, err)
	}
	_, err = old.Open(box, place)
	if unknown := (*UnknownKeyError)(nil); !errors.As(err, &unknown) || unknown.ID != 2 || !errors.Is(err, ErrUnknownKey) {
		t.Fatalf("a new box with the old ring: %v", err)
	}
	if want := []Key{{1, day.Truncate(24 * time.Hour)}, {2, day.AddDate(1, 0, 0).Truncate(24 * time.Hour)}}; !slices.Equal(grown.Keys(), want) {
		t.Fatalf("Keys = %v", grown.Keys())
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	r := newRing(t, 1)
	short := func(n int) io.Reader { return bytes.NewReader(make([]byte, n)) }
	if _, err := r.Seal(short(saltSize-1), nil, place); err == nil {
		t.Error("sealed without randomness")
	}
	if _, err := NewRing(short(KeySize-1), day); err == nil {
		t.Error("a key without randomness")
	}
	if _, err := r.Seal(rand.Reader, make([]byte, maxPlain+1), place); err == nil {
		t.Error("sealed too much")
	}
	if _, err := r.Open(make([]byte, 100), place); !errors.Is(err, ErrTampered) {
		t.Errorf("zeros: %v", err)
	}
	box, err := r.Seal(rand.Reader, nil, place)
	if err != nil {
		t.Fatal(err)
	}
	clear(box[1:5]) // no key has that number: it is not one that could be put back
	if _, err := r.Open(box, place); !errors.Is(err, ErrTampered) {
		t.Errorf("of key 0: %v", err)
	}
}

func TestMAC(t *testing.T) {
	t.Parallel()
	r := newRing(t, 1)
	mac := r.MAC("events", []byte("a"), []byte("bc"))
	if len(mac) != MACSize {
		t.Fatalf("a MAC of %d bytes", len(mac))
	}
	grown, err := r.Add(rand.Reader, day)
	if err != nil {
		t.Fatal(err)
	}
	if err := grown.CheckMAC(mac, "events", []byte("a"), []byte("bc")); err != nil {
		t.Errorf("with the grown ring: %v", err)
	}
	if same, err := grown.MACWith(1, "events", []byte("a"), []byte("bc")); err != nil || !bytes.Equal(same, mac) {
		t.Errorf("MACWith = %x, %v", same, err)
	}
	if err := r.CheckMAC(grown.MAC("events"), "events"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("of an unknown key: %v", err)
	}
	for name, err := range map[string]error{
		"purpose":  r.CheckMAC(mac, "event", []byte("a"), []byte("bc")),
		"boundary": r.CheckMAC(mac, "events", []byte("ab"), []byte("c")),
		"joined":   r.CheckMAC(mac, "events", []byte("abc")),
		"more":     r.CheckMAC(mac, "events", []byte("a"), []byte("bc"), nil),
		"short":    r.CheckMAC(mac[:MACSize-1], "events", []byte("a"), []byte("bc")),
		"empty":    r.CheckMAC(nil, "events", []byte("a"), []byte("bc")),
		"key":      newRing(t, 1).CheckMAC(mac, "events", []byte("a"), []byte("bc")),
	} {
		if !errors.Is(err, ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	r := newRing(t, 1)
	box, err := r.NewCheck(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(box); err != nil {
		t.Error(err)
	}
	if err := newRing(t, 1).Check(box); !errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), "key 1") {
		t.Errorf("another's ring: %v", err)
	}
	grown, err := r.Add(rand.Reader, day)
	if err != nil {
		t.Fatal(err)
	}
	if err := grown.Check(box); err != nil {
		t.Errorf("the grown ring: %v", err)
	}
	box, err = grown.NewCheck(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(box); !errors.Is(err, ErrUnknownKey) || !strings.Contains(err.Error(), "key 2") {
		t.Errorf("the old ring: %v", err)
	}
	if err := r.Check(nil); !errors.Is(err, ErrTampered) {
		t.Errorf("nothing: %v", err)
	}
}

func TestPrintingShowsNoKey(t *testing.T) {
	t.Parallel()
	r := newRing(t, 2)
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", r, *r, struct{ Key *Ring }{r})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", r, "ring", *r)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", r, "ring", *r)
	for _, k := range r.keys {
		for _, form := range []string{
			string(k.secret[:]), string(k.prk[:]), fmt.Sprintf("%x", *k.secret), fmt.Sprintf("%X", *k.secret),
			strings.Trim(fmt.Sprint(*k.secret), "[]"), strings.Trim(fmt.Sprint(*k.prk), "[]"), fmt.Sprintf("%#v", k.secret[:])[7:],
		} {
			if strings.Contains(out.String(), form) {
				t.Fatalf("a key is printed:\n%s", out.String())
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	c := new(counting)
	r, err := NewRing(c, day)
	if err != nil {
		f.Fatal(err)
	}
	box, err := r.Seal(c, []byte("the secret"), place)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(box)
	f.Add(box[:Overhead-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := r.Open(data, place)
		if bytes.Equal(data, box) != (err == nil) {
			t.Fatalf("Open(%x): %v", data, err)
		}
		if err != nil && !errors.Is(err, ErrTampered) && !errors.Is(err, ErrUnknownKey) {
			t.Fatalf("Open(%x): %v", data, err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	r := newRing(b, 1)
	plain := make([]byte, 300)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Seal(rand.Reader, plain, place); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	r := newRing(b, 1)
	box := mustSeal(b, r, strings.Repeat("x", 300))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Open(box, place); err != nil {
			b.Fatal(err)
		}
	}
}
