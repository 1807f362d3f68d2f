// Package e2e tests Nightlatch as people meet it: the real program, and a real browser without a window (Chromium).
//
// Its tests find everything by role and accessible name, as a screen reader does, and answer with real clicks and
// keys. They know no id, no class and no path that docs do not promise. It has a module of its own, so that whoever
// imports the library compiles no browser driver.
//
//	go test ./...                            # in this directory; needs Chromium, zbarimg to read QR codes, npm, and nginx, Caddy and HAProxy
//	go test -run TestPagesFit -shots DIR     # saves a picture of every page, narrow and wide, light and dark
//
// TestProxy… run nginx, Caddy and HAProxy with the files of deploy/ between the browser, or an attacker, and an application.
// Debian has no Traefik: they run it, too, where NIGHTLATCH_TEST_TRAEFIK names its program.
//
// Chromium is found on the PATH, or by NIGHTLATCH_CHROMIUM. Without it the tests are skipped, but fail where CI=true
// or NIGHTLATCH_NO_SKIP is set. So is the test that gets a foreign WebAuthn client by npm, where there is no npm or no
// registry.
package e2e
