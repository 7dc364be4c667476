#!/usr/bin/env bash
# Makes or refreshes .venv from the lock files. Needs Python 3.11-3.13 and a package index, no more.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
suits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

# A name on PATH proves nothing (version managers leave shims for inactive versions): run each.
find_python() {
  local name without_venv=""
  for name in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3 python; do
    "$name" -c "$suits" >/dev/null 2>&1 || continue
    if "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
      echo "$name"
      return
    fi
    without_venv=$name
  done
  if [ -n "$without_venv" ]; then
    echo "$without_venv has no venv module; install it (Debian: apt-get install python3-venv)." >&2
  else
    echo "Python 3.11, 3.12 or 3.13 is needed; install one or name it: make PYTHON=/path/to/python3.12" >&2
  fi
  exit 1
}

if ! "$venv/bin/python" -c "$suits" >/dev/null 2>&1 || [ -n "${PYTHON:-}" ]; then
  python=$(find_python)
  echo "Making $venv with $("$python" --version) ..."
  "$python" -m venv --clear "$venv"
fi

python=$PWD/$venv/bin/python
pip=("$python" -m pip --disable-pip-version-check --quiet)
uv=("$venv/bin/uv" --quiet pip)

echo "Installing the packages of requirements.lock ..."
# uv is only faster. Where it cannot be had, or does not see the index pip sees, pip does the same.
if "${pip[@]}" install --require-hashes -r scripts/bootstrap.lock 2>/dev/null &&
  "${uv[@]}" install --python "$python" --require-hashes -r requirements.lock; then
  "${uv[@]}" install --python "$python" --no-deps --no-build-isolation --editable .
else
  echo "uv did not work here; going on with pip ..."
  "${pip[@]}" install --require-hashes -r requirements.lock
  "${pip[@]}" install --no-deps --editable .
fi
