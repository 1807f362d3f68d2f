#!/usr/bin/env bash
# Every fuzz target for FUZZTIME each (30s). What it finds is kept in testdata/fuzz and becomes an ordinary test.
set -euo pipefail
cd "$(dirname "$0")/.."
GOFLAGS="$(go env GOFLAGS) -mod=readonly"
export GOFLAGS GOTOOLCHAIN=local

grep -rho --include='*_test.go' --with-filename '^func Fuzz[A-Za-z0-9_]*' factor internal locale server sqlstore web cmd ./*.go 2>/dev/null |
	sort -u | while IFS=: read -r file func; do
	echo "== ${func#func } in $(dirname "$file")"
	go test -run '^$' -fuzz "^${func#func }\$" -fuzztime "${FUZZTIME:-30s}" "./$(dirname "$file")"
done
