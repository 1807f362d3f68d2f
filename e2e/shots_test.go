package e2e

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// wide is the width of a common desktop's window, in CSS pixels.
const wide = 1280

// shoot saves the whole page as it is, narrow and wide, light and dark: DIR/NAME-WIDTH-SCHEME.png.
func (p *page) shoot(dir, name string) {
	p.t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		p.t.Fatal(err)
	}
	for _, width := range []int{narrow, wide} {
		p.resize(width, 844)
		for _, scheme := range []string{"light", "dark"} {
			p.paint(scheme)
			save(p.t, filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), p.whole())
		}
	}
	p.resize(narrow, 844)
	p.paint("light")
}

// paint makes the browser prefer light or dark colors, at once and without transitions.
func (p *page) paint(scheme string) {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// whole is a picture of the whole page, also of what is below the window's edge.
func (p *page) whole() []byte {
	p.t.Helper()
	ctx, cancel := p.limited()
	defer cancel()
	data, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("take a picture: %v", err)
	}
	return data
}
