#!/usr/bin/env bash
# Every fuzz target for FUZZTIME each (30s). What it finds is kept in testdata/fuzz and becomes an ordinary test.
set -euo pipefail
cd "$(dirname "$0")/.."
GOFLAGS="$(go env GOFLAGS) -mod=readonly"
export GOFLAGS GOTOOLCHAIN=local

grep -rHo --include='*_test.go' --exclude-dir=e2e --exclude-dir=bench '^func Fuzz[A-Za-z0-9_]*' . | sort |
	while IFS=: read -r file func; do
		name=${func#func }
		echo "== $name in $(dirname "$file")"
		go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-30s}" "$(dirname "$file")"
	done
