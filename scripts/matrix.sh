#!/usr/bin/env bash
# Runs the tests on every Python 3.11-3.13 of this machine, each in a copy of the tree with an environment of its own.
# TEST_DATABASE_URL, if set, names the PostgreSQL they all use: that is how another version of it is tried.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

declare -A results
for version in 3.11 3.12 3.13; do
  if ! "python$version" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    results[$version]="not on this machine"
    continue
  fi
  mkdir "$work/$version"
  git ls-files -z | tar --create --null --files-from - | tar --extract --directory "$work/$version"
  echo "== Python $version"
  if make --no-print-directory --directory "$work/$version" test PYTHON="python$version"; then
    results[$version]=passed
  else
    results[$version]=failed
  fi
done

for version in 3.11 3.12 3.13; do echo "Python $version: ${results[$version]}"; done
[[ " ${results[*]} " != *failed* && " ${results[*]} " == *passed* ]]
