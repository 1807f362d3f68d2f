#!/usr/bin/env bash
# All the tests, or the steps that are named: tools format pins vet cross bench otel examples unit postgres e2e.
# It installs what is missing where it may (root on Debian), else says what it skips. With CI=true nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

GOFLAGS="$(go env GOFLAGS) -mod=readonly -buildvcs=false"
export GOFLAGS GOTOOLCHAIN=local
ci="${CI:-}"
if [ "$ci" = 1 ]; then ci=true; fi
fresh=
if [ "$ci" = true ]; then
	export NIGHTLATCH_NO_SKIP=1
	fresh=-count=1
fi

say() { printf '== %s\n' "$*"; }
fail() {
	printf 'nightlatch: %s\n' "$*" >&2
	exit 1
}
# skip says what is left out; in CI it ends the run.
skip() {
	if [ "$ci" = true ]; then fail "$*: in CI nothing is skipped"; fi
	printf '== SKIPPED: %s\n' "$*"
}
has() { command -v "$1" >/dev/null 2>&1; }
browser() { has chromium || has chromium-browser || has google-chrome || [ -x "${NIGHTLATCH_CHROMIUM:-}" ]; }

# flask: Debian's Flask-Security, by which a test makes a database to import.
flask() { /usr/bin/python3 -c 'import flask_security, flask_sqlalchemy, bcrypt, cryptography, qrcode, phonenumbers' >/dev/null 2>&1; }

postgresql() { has initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }

compose() { has docker-compose || docker compose version >/dev/null 2>&1; }

# no_services keeps Debian from starting what it installs: the tests start proxies of their own, on ports of their own.
policy=
no_services() {
	if [ -e /usr/sbin/policy-rc.d ]; then return; fi
	policy=/usr/sbin/policy-rc.d
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	trap 'rm -f "$policy"' EXIT
}

# tools installs the programs that some tests run: a browser, three that check our codes and QR codes, npm, which
# fetches a foreign browser client, a program that people come from, and those that read what lies in deploy/. A container
# engine is none of them: it cannot be had everywhere, and a test runs the image's program in a root of its own instead.
tools() {
	missing=
	browser || missing="$missing chromium"
	has oathtool || missing="$missing oathtool"
	has zbarimg || missing="$missing zbar-tools"
	has rsvg-convert || missing="$missing librsvg2-bin"
	has npm || missing="$missing npm"
	flask || missing="$missing python3-flask-security python3-flask-sqlalchemy python3-bcrypt python3-cryptography python3-qrcode python3-phonenumbers"
	has nginx || missing="$missing nginx-light"
	has caddy || missing="$missing caddy"
	has haproxy || missing="$missing haproxy"
	has openssl || missing="$missing openssl"
	has systemd-analyze || missing="$missing systemd"
	compose || missing="$missing docker-compose"
	postgresql || missing="$missing postgresql"
	if [ -z "$missing" ]; then return; fi
	if [ "$(id -u)" = 0 ] && has apt-get && grep -q '^ID=debian' /etc/os-release 2>/dev/null; then
		say "install:$missing"
		no_services
		# shellcheck disable=SC2086 # one word a package
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null; } ||
			say "apt-get could not install them"
		if [ -n "$policy" ]; then rm -f "$policy"; fi
	fi
	browser || skip "browser tests (no chromium)"
	has oathtool || skip "agreement with oathtool (no oathtool)"
	has zbarimg || skip "reading QR codes back (no zbarimg)"
	has rsvg-convert || skip "reading SVG QR codes back (no rsvg-convert)"
	flask || skip "a database of Flask-Security (no python3-flask-security)"
	has nginx || skip "nginx before the server (no nginx)"
	has caddy || skip "Caddy before the server (no caddy)"
	has haproxy || skip "HAProxy before the server (no haproxy)"
	has openssl || skip "making certificates (no openssl)"
	has systemd-analyze || skip "reading the systemd unit (no systemd-analyze)"
	postgresql || skip "PostgreSQL (no initdb)"
	compose || skip "reading the compose file (no docker-compose)"
	has npm || skip "a foreign browser client against the API (no npm)"
}

format() {
	say "gofmt"
	unformatted=$(gofmt -l .)
	if [ -n "$unformatted" ]; then fail "gofmt would change: $unformatted"; fi
}

# pins: the SQLite driver is translated C, and works with exactly one version of the C library that it was translated for.
pins() {
	say "pinned versions"
	want=$(awk '$1 == "modernc.org/libc" { print $2; exit }' "$(go list -m -f '{{.GoMod}}' modernc.org/sqlite)")
	have=$(go list -m -f '{{.Version}}' modernc.org/libc)
	if [ "$want" != "$have" ]; then fail "modernc.org/libc is $have, but modernc.org/sqlite needs exactly $want"; fi
}

vet() {
	say "go vet"
	go vet ./...
}

# cross builds everything, without a C compiler, for the systems that we say we run on.
cross() {
	for os in linux darwin windows; do
		for arch in amd64 arm64; do
			say "build for $os/$arch"
			CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build ./...
		done
	done
}

bench() {
	if [ ! -f bench/go.mod ]; then return; fi
	say "benchmarks, once each"
	(cd bench && go vet ./... && go test -run '^$' -bench . -benchtime 1x ./... && go test ./scale)
}

# otel: the program with traces, before somebody who takes them.
otel() {
	say "traces"
	(cd otel && go vet ./... && go test $fresh ./...)
}

# examples: those that are modules of their own, since they show a router of others.
examples() {
	for module in examples/*/go.mod; do
		say "example ${module%/go.mod}"
		(cd "${module%/go.mod}" && go vet ./... && go test $fresh ./...)
	done
}

# unit: the race detector needs cgo. The seeds of the fuzz targets run as ordinary tests.
unit() {
	race=-race cgo=1
	if ! has "$(go env CC)"; then
		skip "race detector (no C compiler)"
		race= cgo=0
	fi
	say "go test $race ./..."
	# shellcheck disable=SC2086 # empty is no argument
	CGO_ENABLED=$cgo go test $race $fresh -timeout 20m ./...
}

# postgres runs on PostgreSQL what unit runs on SQLite, of the packages that keep anything; those that test the store itself
# have both. Without the race detector: what is between the goroutines is the same.
postgres() {
	if ! postgresql; then
		skip "the tests on PostgreSQL (no initdb)"
		return
	fi
	say "go test on PostgreSQL"
	# shellcheck disable=SC2086 # empty is no argument
	NIGHTLATCH_TEST_DATABASE=postgres go test $fresh -timeout 20m . ./server ./web
	if [ ! -f e2e/go.mod ] || ! browser; then return; fi
	say "browser tests on PostgreSQL"
	# shellcheck disable=SC2086
	(cd e2e && NIGHTLATCH_TEST_DATABASE=postgres go test $fresh -timeout 15m -run "$walks" .)
}

# walks are the browser tests that go through the life of an account; the others test pages, which know no database.
walks='^Test(Authenticators|SecurityKey|Passkey|RememberedDevice|FreshProof|ForcedEnrollment|ForgottenPassword|LostPhone|ThisWasNotMe|SentPhone|FirstSignIn|WrongPassword|ProxySignIn|Protect)'

e2e() {
	if [ ! -f e2e/go.mod ]; then return; fi
	if ! browser; then
		skip "browser tests (no chromium)"
		return
	fi
	say "browser tests"
	# shellcheck disable=SC2086
	(cd e2e && go vet ./... && go test $fresh -timeout 15m ./...)
}

if [ $# = 0 ]; then set -- tools format pins vet cross bench otel examples unit postgres e2e; fi
for step in "$@"; do
	case $step in
	tools | format | pins | vet | cross | bench | otel | examples | unit | postgres | e2e) "$step" ;;
	*) fail "there is no step $step" ;;
	esac
done
