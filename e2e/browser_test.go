package e2e

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// options change how a person's browser is set up.
type options struct {
	noScript bool
	narrow   bool // a phone, 390 pixels wide
	// also are origins that belong to the test besides the first. Those below example.com are this machine, and their
	// certificates are made by the test.
	also []string
}

// narrow is the width of a common phone, in CSS pixels.
const narrow = 390

// page is a tab of a browser that has no history, no cookies and no cache, and knows one origin.
type page struct {
	t      *testing.T
	ctx    context.Context
	origin string
	watch  *watch
}

// open starts a browser with one empty tab. It is closed when the test ends; whatever the tab complained of in
// between fails the test.
func open(t *testing.T, origin string, o options) *page {
	t.Helper()
	if chromium == "" {
		missing(t, "Chromium")
	}
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium), chromedp.DisableGPU,
		// The sandbox refuses root, and many containers. The browser opens nothing but our own pages.
		chromedp.NoSandbox,
		chromedp.Flag("lang", "en-US"), chromedp.Flag("accept-lang", "en-US,en"),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("no-pings", true),
		// Nothing can leave this machine.
		chromedp.Flag("host-resolver-rules", "MAP *.example.com 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1"),
		chromedp.Flag("ignore-certificate-errors", len(o.also) > 0),
		chromedp.UserDataDir(t.TempDir()), chromedp.Env("TMPDIR="+t.TempDir(), "LANGUAGE=en", "TZ=UTC"))
	actx, end := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(end)
	w := &watch{origins: append([]string{origin}, o.also...)}
	ctx, cancel := chromedp.NewContext(actx, chromedp.WithListener(w.hear), chromedp.WithLogf(t.Logf), chromedp.WithErrorf(t.Logf))
	t.Cleanup(func() {
		for _, fault := range w.take() {
			t.Errorf("the browser: %s", fault)
		}
		_ = chromedp.Cancel(ctx)
		cancel()
	})
	p := &page{t: t, ctx: ctx, origin: origin, watch: w}
	// The first command starts the browser, which lives as long as its context: no limit here.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start %s: %v", chromium, err)
	}
	p.setUp(o)
	return p
}

func (p *page) setUp(o options) {
	p.t.Helper()
	call(p, network.Enable, network.EnableParams{})
	call(p, log.Enable, cdp.Empty{})
	call(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: o.noScript})
	width := 1280
	if o.narrow {
		width = narrow
	}
	p.resize(width, 844)
	_, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: "granted", Origin: p.origin,
	})
	if err != nil {
		p.t.Fatalf("allow to read the clipboard: %v", err)
	}
}

// resize makes the window as wide and high as said, in CSS pixels. A narrow one is a phone.
func (p *page) resize(width, height int) {
	p.t.Helper()
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: int64(height), DeviceScaleFactor: 1, Mobile: width == narrow,
	})
}

// limited bounds one step. The context that the browser lives by has no limit.
func (p *page) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, patience)
}

// call runs a command of the DevTools protocol, which must not fail.
func call[P, R any](p *page, cmd cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := p.limited()
	defer cancel()
	r, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		p.t.Fatalf("%s: %v", cmd.Method, err)
	}
	return r
}

// save writes a file that a person is to look at.
func save(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
