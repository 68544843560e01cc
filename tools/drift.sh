#!/bin/sh
# Generates the templates again and fails when that changes, adds or leaves behind a file. It
# compares the files themselves, so it is right in a working copy with changes too.
set -eu

sums() {
	find . \( -path ./assets/node_modules -o -path ./.git \) -prune -o -name '*_templ.go' -type f -print |
		sort | xargs -r cksum
}

orphans=$(find . \( -path ./assets/node_modules -o -path ./.git \) -prune -o -name '*_templ.go' -type f -print |
	while read -r file; do [ -f "${file%_templ.go}.templ" ] || echo "$file"; done)
if [ -n "$orphans" ]; then
	printf 'generated from a template that is gone:\n%s\n' "$orphans" >&2
	exit 1
fi
before=$(sums)
go tool templ generate
after=$(sums)
if [ "$before" != "$after" ]; then
	echo 'generated code was older than its templates; it is fresh now, so commit it (./task gen)' >&2
	exit 1
fi
