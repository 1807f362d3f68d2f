package totp

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

func TestNewQRRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "too long": strings.Repeat("x", 2400)} {
		if _, err := NewQR(text); err == nil {
			t.Errorf("%s: a QR code was made", name)
		}
	}
	if _, err := NewQR(strings.Repeat("x", 2300)); err != nil {
		t.Error(err)
	}
}

// A page may show it under any content policy, and a camera needs the light zone around it.
func TestSVGIsOnePath(t *testing.T) {
	t.Parallel()
	code, err := NewQR("otpauth://totp/a?secret=ME")
	if err != nil {
		t.Fatal(err)
	}
	svg := code.SVG()
	var elements []string
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements = append(elements, e.Name.Local)
		}
	}
	if got := strings.Join(elements, " "); got != "svg rect path" {
		t.Errorf("elements: %s", got)
	}
	for _, want := range []string{`shape-rendering="crispEdges"`, `viewBox="0 0 33 33"`, `d="M4 4h7v1h-7z`} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s is not in %.200s", want, svg)
		}
	}
	if strings.Contains(svg, "style") || strings.Contains(svg, "script") {
		t.Errorf("styles or scripts in %s", svg)
	}
}

func TestTerminalMargin(t *testing.T) {
	t.Parallel()
	code, err := NewQR("1")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(code.Terminal(), "\n"), "\n")
	if len(lines) != 13 || lines[0] != strings.Repeat("█", 25) {
		t.Errorf("%d lines, the first %q", len(lines), lines[0])
	}
	for i, line := range lines[1:12] {
		if !strings.HasPrefix(line, "██") || !strings.HasSuffix(line, "██") {
			t.Errorf("line %d has no margin: %q", i+1, line)
		}
	}
}
