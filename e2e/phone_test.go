package e2e

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/dom"
	cdppage "github.com/chromedp/cdproto/page"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// phone is an authenticator app. It never gives the same code twice, and no waiting is needed for up to two codes:
// the server takes those of the step before and of the step after too.
type phone struct {
	t    *testing.T
	app  totp.Generator
	last int64 // the step of the code given last
}

// newPhone adds what an otpauth: URI says to an empty phone.
func newPhone(t *testing.T, uri string) *phone {
	t.Helper()
	u, err := totp.ParseURI(uri)
	if err != nil {
		t.Fatalf("read %q: %v", uri, err)
	}
	return &phone{t: t, app: u.Generator}
}

func (f *phone) period() int64 {
	if f.app.Period == 0 {
		return 30
	}
	return int64(f.app.Period)
}

// code is one that the server has not seen: of the earliest step after the last that is still taken. A step that
// ends its time in a few seconds is passed over, since the machine may be busy.
func (f *phone) code() string {
	f.t.Helper()
	const hurry = 12 // seconds
	for {
		now := time.Now().Unix()
		present, left := now/f.period(), f.period()-now%f.period()
		step := present - 1
		if left < hurry {
			step = present
		}
		if step = max(step, f.last+1); step <= present+1 {
			f.last = step
			return f.at(step)
		}
		pause(f.t) // three codes within one step: wait for the next
	}
}

// used is the code given last.
func (f *phone) used() string { f.t.Helper(); return f.at(f.last) }

// wrong is a code that fits no step within a quarter of an hour.
func (f *phone) wrong() string {
	f.t.Helper()
	near := map[string]bool{}
	for d := int64(-30); d <= 30; d++ {
		near[f.at(time.Now().Unix()/f.period()+d)] = true
	}
	for _, code := range []string{"000000", "111111", "222222", "333333", "444444", "555555"} {
		if !near[code] {
			return code
		}
	}
	f.t.Fatal("six unlikely codes are all near")
	return ""
}

func (f *phone) at(step int64) string {
	f.t.Helper()
	code, err := f.app.At(time.Unix(step*f.period(), 0))
	if err != nil {
		f.t.Fatal(err)
	}
	return code
}

// scan reads the QR code on the page from a picture of the screen, as a camera does. Without zbarimg, and where that
// may be, it takes the link beside the QR code.
func (p *page) scan() (uri string) {
	p.t.Helper()
	link := p.attribute(p.find("link", "Open in an app on this device"), "href")
	tool, err := exec.LookPath("zbarimg")
	if err != nil {
		if noSkip() {
			p.t.Fatal("zbarimg is missing, and nothing may be skipped here")
		}
		p.t.Log("zbarimg is missing: the otpauth: link is read and the QR code is not")
		return link
	}
	file := filepath.Join(p.t.TempDir(), "qr.png")
	save(p.t, file, p.picture(p.qr()))
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, tool, "--quiet", "--raw", "-S*.enable=0", "-Sqrcode.enable=1", file).Output()
	if err != nil {
		p.t.Fatalf("zbarimg: %v %s", err, stderrOf(err))
	}
	uri = strings.TrimSpace(string(out))
	if uri != link {
		p.t.Errorf("the QR code says %q, the link %q", uri, link)
	}
	return uri
}

// qr is the picture that is described as a QR code.
func (p *page) qr() node {
	p.t.Helper()
	var found node
	p.await("a picture of a QR code", func(all nodes) bool {
		for _, n := range all {
			if (n.role == "image" || n.role == "img") && strings.HasPrefix(n.name, "QR code") {
				found = n
				return true
			}
		}
		return false
	})
	return found
}

// picture is an element as PNG, twice as large as on the screen.
func (p *page) picture(n node) []byte {
	p.t.Helper()
	call(p, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: n.dom})
	q := call(p, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: n.dom}).Quads[0]
	v := call(p, cdppage.GetLayoutMetrics, struct{}{}).CSSVisualViewport
	return call(p, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{
		Format: cdppage.CaptureScreenshotFormatPng,
		Clip:   &cdppage.Viewport{X: q[0] + v.PageX, Y: q[1] + v.PageY, Width: q[4] - q[0], Height: q[5] - q[1], Scale: 2},
	}).Data
}

func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}
