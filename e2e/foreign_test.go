package e2e

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// The release of @simplewebauthn/browser that speaks to our API, and what its package must be.
const (
	foreignClient = "@simplewebauthn/browser@13.3.0"
	foreignSHA512 = "044fd45afe85393a0075593412893392a4100ce5ad372758958ebe3ab9a26794823666f8d557a1b6d6e84deb543374ff7ebe840056155e3cf8332db0836df4ad"
	foreignBundle = "package/dist/bundle/index.umd.min.js"
)

// foreign gets the bundle from the npm registry.
func foreign(t *testing.T) string {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		missing(t, "npm")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "pack", "--loglevel=error", "--ignore-scripts", foreignClient)
	cmd.Dir = dir
	if _, err := cmd.Output(); err != nil {
		t.Logf("npm pack %s: %v %s", foreignClient, err, stderrOf(err))
		missing(t, foreignClient)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(files) != 1 {
		t.Fatalf("npm pack left %q (%v)", files, err)
	}
	return bundle(t, files[0])
}

// bundle takes the script out of the package, which must be the pinned one.
func bundle(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	sum := sha512.New()
	zipped, err := gzip.NewReader(io.TeeReader(f, sum))
	if err != nil {
		t.Fatal(err)
	}
	var script []byte
	for files := tar.NewReader(zipped); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == foreignBundle {
			if script, err = io.ReadAll(files); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := io.Copy(sum, f); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != foreignSHA512 {
		t.Fatalf("the package of %s has SHA-512 %s", foreignClient, got)
	}
	if script == nil {
		t.Fatalf("%s has no %s", foreignClient, foreignBundle)
	}
	return string(script)
}

// foreignSteps is what an application's own page does with our API: every answer goes to the client, and every answer
// of the client to us, as it is.
const foreignSteps = `
globalThis.ask = async (method, path, body) => {
	const answer = await fetch("/api/v1" + path, {
		method, headers: body ? {"Content-Type": "application/json"} : {}, body: body && JSON.stringify(body),
	});
	const text = await answer.text();
	if (!answer.ok) throw new Error(method + " " + path + ": " + answer.status + " " + text);
	return text ? JSON.parse(text) : {};
};
globalThis.enroll = async what => {
	const begun = await ask("POST", "/authenticators", what);
	const credential = await SimpleWebAuthnBrowser.startRegistration({optionsJSON: begun.public_key});
	return ask("POST", "/authenticators/finish", {enrollment: begun.enrollment, credential});
};
globalThis.prove = async () => {
	const asked = await ask("POST", "/challenges", {kind: "webauthn"});
	const credential = await SimpleWebAuthnBrowser.startAuthentication({optionsJSON: asked.public_key});
	return ask("POST", "/verifications", {kind: "webauthn", credential});
};
""`

// TestForeignClient lets the browser part of SimpleWebAuthn, which knows nothing of us, speak to our API: a key after
// the password, the same key refused a second time, and a passkey alone.
func TestForeignClient(t *testing.T) {
	script := foreign(t)
	for _, c := range []struct {
		name    string
		device  webauthn.VirtualAuthenticatorOptions
		passkey bool
	}{{"u2f", u2fKey, false}, {"ctap2", plainKey, false}, {"passkey", passkeyHome, true}} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t, serve(t), options{})
			p.signUp("ada")
			p.plugIn(c.device)
			// The DevTools protocol is not bound by the page's Content Security Policy.
			evaluate[string](p, script+"\n;"+foreignSteps)
			p.foreignly(c.passkey)
		})
	}
}

// foreignly enrolls, signs out and in again, all in one page by script.
func (p *page) foreignly(passkey bool) {
	p.t.Helper()
	what := map[string]any{"kind": "webauthn", "label": "Foreign"}
	if passkey {
		what["passkey"] = true
	}
	body, err := json.Marshal(what)
	if err != nil {
		p.t.Fatal(err)
	}
	enrolled := evaluate[struct {
		Authenticator struct{ Kind, Label string }
		RecoveryCodes []string `json:"recovery_codes"`
	}](p, "enroll("+string(body)+")")
	if a := enrolled.Authenticator; a.Kind != "webauthn" || a.Label != "Foreign" || len(enrolled.RecoveryCodes) != 10 {
		p.t.Errorf("enrolled: %+v", enrolled)
	}
	const again = `enroll({kind: "webauthn", label: "Again"}).then(() => "added", e => e.code)`
	if got := evaluate[string](p, again); got != "ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED" {
		p.t.Errorf("the same device once more: %s", got)
	}
	evaluate[any](p, `ask("DELETE", "/session")`)
	if !passkey {
		credentials, err := json.Marshal(map[string]string{"identifier": "ada", "password": password})
		if err != nil {
			p.t.Fatal(err)
		}
		if next := evaluate[string](p, `ask("POST", "/sign-in", `+string(credentials)+`).then(a => a.next)`); next != "verify" {
			p.t.Errorf("after the password: next is %q", next)
		}
	}
	done := evaluate[struct {
		Next    string
		Session struct{ Level int }
	}](p, "prove()")
	if done.Next != "done" || done.Session.Level != 2 {
		p.t.Errorf("proven: %+v", done)
	}
	p.visit("/account", 200)
	p.wantHeading("Your account")
}
