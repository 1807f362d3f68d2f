package totp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program finds a program that others wrote, to judge what we make. Without it the test is left out, in CI it fails.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" || os.Getenv("NIGHTLATCH_NO_SKIP") != "" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed: make test installs it where it may", name)
	}
	return path
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

func TestAgreesWithOathtool(t *testing.T) {
	t.Parallel()
	oathtool := program(t, "oathtool")
	random := rand.NewChaCha8([32]byte{26})
	r := rand.New(random)
	for range 60 {
		secret, err := NewSecret(random, 16+r.IntN(49))
		if err != nil {
			t.Fatal(err)
		}
		algorithm := []Algorithm{SHA1, SHA256, SHA512}[r.IntN(3)]
		g := Generator{Secret: secret, Algorithm: algorithm, Digits: 6 + r.IntN(3), Period: 1 + r.IntN(120)}
		now := time.Unix(r.Int64N(1<<33), 0)
		got, err := g.At(now)
		want := output(t, oathtool, "--totp="+string(algorithm), "--base32", "--digits", fmt.Sprint(g.Digits),
			"--time-step-size", fmt.Sprintf("%ds", g.Period), "--now", fmt.Sprintf("@%d", now.Unix()), secret.Base32())
		if err != nil || got != want {
			t.Errorf("secret %s, %s, %d digits, %d s, at %d: %q, %v, oathtool says %q",
				hex.EncodeToString(secret), algorithm, g.Digits, g.Period, now.Unix(), got, err, want)
		}

		g.Algorithm = SHA1
		counter := r.Uint64N(1 << 62)
		got, err = g.Code(counter)
		want = output(t, oathtool, "--hotp", "--digits", fmt.Sprint(g.Digits), "--counter", fmt.Sprint(counter), secret.Hex())
		if err != nil || got != want {
			t.Errorf("secret %s, counter %d: %q, %v, oathtool says %q", hex.EncodeToString(secret), counter, got, err, want)
		}
	}
}

// uris are a usual one, the shortest, and one with all that makes it long.
func uris(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, u := range []URI{
		uri(nil),
		{Account: "a", Generator: Generator{Secret: testSecret[:10]}},
		uri(func(u *URI) {
			u.Issuer, u.Account = "Großer Dienst & Söhne", strings.Repeat("long.name.", 20)+"@example.com"
			u.Secret, u.Algorithm, u.Digits, u.Period = Secret(strings.Repeat("x", 64)), SHA512, 8, 120
		}),
	} {
		text, err := u.Encode()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

func scan(t *testing.T, file string) string {
	t.Helper()
	return output(t, program(t, "zbarimg"), "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file)
}

func TestQRIsRead(t *testing.T) {
	t.Parallel()
	program(t, "zbarimg")
	rsvg := program(t, "rsvg-convert")
	for i, text := range uris(t) {
		code, err := NewQR(text)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		write := func(name string, b []byte) string {
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return file
		}
		if got := scan(t, write("code.png", code.PNG())); got != text {
			t.Errorf("%d: the PNG reads %q, want %q", i, got, text)
		}
		svg := write("code.svg", []byte(code.SVG()))
		output(t, rsvg, "--width", "600", "--output", filepath.Join(dir, "svg.png"), svg)
		if got := scan(t, filepath.Join(dir, "svg.png")); got != text {
			t.Errorf("%d: the SVG reads %q, want %q", i, got, text)
		}
		if got := scan(t, write("terminal.png", screenshot(t, code.Terminal()))); got != text {
			t.Errorf("%d: the terminal reads %q, want %q", i, got, text)
		}
	}
}

// screenshot paints half blocks as a terminal does, light on dark.
func screenshot(t *testing.T, text string) []byte {
	t.Helper()
	const pixels, margin = 6, 20
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	width := len([]rune(lines[0]))
	picture := image.NewGray(image.Rect(0, 0, width*pixels+2*margin, 2*len(lines)*pixels+2*margin))
	paint := func(x, y int) {
		for dy := range pixels {
			for dx := range pixels {
				picture.SetGray(margin+x*pixels+dx, margin+y*pixels+dy, color.Gray{Y: 0xd0})
			}
		}
	}
	for y, line := range lines {
		if n := len([]rune(line)); n != width {
			t.Fatalf("line %d has %d modules, the first %d", y, n, width)
		}
		for x, r := range []rune(line) {
			if r == '█' || r == '▀' {
				paint(x, 2*y)
			}
			if r == '█' || r == '▄' {
				paint(x, 2*y+1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
