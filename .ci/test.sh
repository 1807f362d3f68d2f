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

compose() { has docker-compose || docker compose version >/dev/null 2>&1; }

# database: Debian keeps PostgreSQL's programs out of the PATH.
database() { has postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }

# compiler: one without the C library's headers is of no use.
compiler() { has "$(go env CC)" && echo '#include <stdlib.h>' | "$(go env CC)" -E - >/dev/null 2>&1; }

# authorities: only Debian's place for them is known, since only there can they be installed.
authorities() { [ ! -e /etc/debian_version ] || [ -s "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" ]; }

# needs: how to tell that something is there, the packages of Debian that bring it, and what is left out without it.
# They are a C compiler, a browser, three programs that check our codes and QR codes, npm, which fetches a foreign
# browser client, a program that people come from, those that read what lies in deploy/, and a database. A container
# engine is none of them: it cannot be had everywhere, and a test runs the image's program in a root of its own instead.
needs() {
	cat <<-'END'
		authorities|ca-certificates|modules from a proxy (no certificates of authorities)
		compiler|gcc libc6-dev|the race detector (no C compiler)
		browser|chromium|browser tests (no chromium)
		has oathtool|oathtool|agreement with oathtool (no oathtool)
		has zbarimg|zbar-tools|reading QR codes back (no zbarimg)
		has rsvg-convert|librsvg2-bin|reading SVG QR codes back (no rsvg-convert)
		has npm|npm|a foreign browser client against the API (no npm)
		flask|python3-flask-security python3-flask-sqlalchemy python3-bcrypt python3-cryptography python3-qrcode python3-phonenumbers|a database of Flask-Security (no python3-flask-security)
		has nginx|nginx-light|nginx before the server (no nginx)
		has caddy|caddy|Caddy before the server (no caddy)
		has haproxy|haproxy|HAProxy before the server (no haproxy)
		has openssl|openssl|making certificates (no openssl)
		has systemd-analyze|systemd|reading the systemd unit (no systemd-analyze)
		compose|docker-compose|reading the compose file (no docker-compose)
		database|postgresql|a store on PostgreSQL (no postgres)
	END
}

# quiet_install installs packages of Debian without a question, and nothing that it installs is started, nor is a
# database made: the tests start programs of their own, on ports of their own.
quiet_install() {
	made=
	trap 'rm -f $made' EXIT
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		made=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
		chmod 755 /usr/sbin/policy-rc.d
	fi
	if ! database; then
		mkdir -p /etc/postgresql-common/createcluster.d
		made="$made /etc/postgresql-common/createcluster.d/nightlatch-tests.conf"
		echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/nightlatch-tests.conf
	fi
	apt-get update -qq || say "apt-get could not read every list anew"
	# One name that this Debian does not have keeps apt-get from installing any of them.
	debs "$@" || for package; do debs "$package" || say "apt-get could not install $package"; done
	# shellcheck disable=SC2086 # one word a file
	rm -f $made
	trap - EXIT
}

# debs does not wait for the disk after each file, and keeps no package once it is installed.
debs() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		-o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 -o APT::Keep-Downloaded-Packages=false \
		-o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confold "$@" </dev/null >/dev/null
}

# tools installs the programs that some tests run.
tools() {
	missing=
	while IFS='|' read -r there packages _; do
		$there </dev/null || missing="$missing $packages"
	done < <(needs)
	if [ -z "$missing" ]; then return; fi
	if [ "$(id -u)" = 0 ] && has apt-get && grep -q '^ID=debian' /etc/os-release 2>/dev/null; then
		say "install:$missing"
		# shellcheck disable=SC2086 # one word a package
		quiet_install $missing
		hash -r
	fi
	while IFS='|' read -r there _ what; do
		$there </dev/null || skip "$what"
	done < <(needs)
}

format() {
	say "gofumpt"
	unformatted=$(go tool -modfile=tools/go.mod gofumpt -l .)
	if [ -n "$unformatted" ]; then fail "gofumpt would change: $unformatted"; fi
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
	if ! compiler; then
		skip "race detector (no C compiler)"
		race= cgo=0
	fi
	say "go test $race ./..."
	# shellcheck disable=SC2086 # empty is no argument
	CGO_ENABLED=$cgo go test $race $fresh -timeout 30m ./...
}

# postgres runs on PostgreSQL what unit runs on SQLite, of the packages that keep anything; those that test the store itself
# have both. Without the race detector: what is between the goroutines is the same.
postgres() {
	if ! database; then
		skip "the tests on PostgreSQL (no initdb)"
		return
	fi
	say "go test on PostgreSQL"
	# shellcheck disable=SC2086 # empty is no argument
	NIGHTLATCH_TEST_DATABASE=postgres go test $fresh -timeout 30m . ./server ./web
	if [ ! -f e2e/go.mod ] || ! browser; then return; fi
	say "browser tests on PostgreSQL"
	# shellcheck disable=SC2086
	(cd e2e && NIGHTLATCH_TEST_DATABASE=postgres go test $fresh -timeout 25m -run "$walks" .)
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
	(cd e2e && go vet ./... && go test $fresh -timeout 25m ./...)
}

if [ $# = 0 ]; then set -- tools format pins vet cross bench otel examples unit postgres e2e; fi
for step in "$@"; do
	case $step in
	tools | format | pins | vet | cross | bench | otel | examples | unit | postgres | e2e) "$step" ;;
	*) fail "there is no step $step" ;;
	esac
done
