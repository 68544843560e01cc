#!/bin/sh
# Puts what the tests need in place: Chromium, a Chinese font, zbarimg and a C compiler for -race.
# Where the package manager is not apt-get or there is no right to use it, it says what to install.
set -eu

missing() {
	has chromium chromium-browser google-chrome google-chrome-stable headless_shell ||
		[ -x '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome' ] || echo chromium
	# A font is asked for by script; macOS has one of its own.
	[ "$(uname)" = Darwin ] || { has fc-list && fc-list :lang=zh family 2>/dev/null | grep -q .; } || echo fonts-noto-cjk
	has zbarimg || echo zbar-tools
	compiles || echo gcc
}

has() {
	for name in "$@"; do
		if command -v "$name" >/dev/null 2>&1; then return 0; fi
	done
	return 1
}

# A compiler without the C library's headers is of no use to cgo.
compiles() {
	printf '#include <stdlib.h>\nint main(void){return 0;}\n' | "$(go env CC)" -x c -o /dev/null - >/dev/null 2>&1
}

packages=$(missing | tr '\n' ' ')
[ -n "$packages" ] || exit 0

case $packages in *gcc*) packages="$packages libc6-dev" ;; esac
case $packages in *fonts*) packages="$packages fontconfig" ;; esac
root=
if [ "$(id -u)" -ne 0 ]; then
	# A password prompt only where somebody can answer it.
	if has sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then root=sudo; else root=none; fi
fi
if has apt-get && [ "$root" != none ]; then
	echo "installing: $packages"
	$root apt-get -qq -o Acquire::Retries=3 update || true
	# shellcheck disable=SC2086 # the names are words on purpose
	$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
		install --no-install-recommends $packages </dev/null >/dev/null || true
fi

left=$(missing | tr '\n' ' ')
[ -n "$left" ] || exit 0
cat >&2 <<-EOF
	The tests need what is missing here (Debian names): $left
	  chromium        a browser for the browser tests (Chrome will do)
	  fonts-noto-cjk  a Chinese font, for the pictures
	  zbar-tools      zbarimg, which reads the QR codes back
	  gcc             a C compiler with its headers, for the race detector
	Install them with your package manager and run this again.
EOF
exit 1
