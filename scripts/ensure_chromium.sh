#!/usr/bin/env bash
# Prints the path of a Chromium that runs; as root on Debian it installs one when there is none.
set -euo pipefail

runs() { [ -n "$1" ] && "$1" --version >/dev/null 2>&1; }

find_chromium() {
  local name path
  for name in ${CHROME_PATH:+"$CHROME_PATH"} chromium google-chrome google-chrome-stable \
    chromium-browser "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
    path=$(command -v "$name" || true)
    if runs "$path"; then
      echo "$path"
      return
    fi
  done
  return 1
}

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install_packages() {
  echo "Installing $* for the browser tests ..." >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >&2
}

has_japanese_font() {
  command -v fc-list >/dev/null && [ -n "$(fc-list :lang=ja family)" ]
}

if ! find_chromium >/dev/null && can_install; then
  install_packages chromium fonts-noto-cjk || true
fi
if ! find_chromium; then
  echo "The browser tests need Chromium: install it (Debian: apt-get install chromium fonts-noto-cjk) or set CHROME_PATH." >&2
  exit 1
fi
if ! has_japanese_font; then
  can_install && install_packages fonts-noto-cjk && exit 0
  echo "No Japanese font was found; pictures will show boxes (Debian: apt-get install fonts-noto-cjk)." >&2
fi
