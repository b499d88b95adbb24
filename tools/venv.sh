#!/bin/sh
# tools/venv.sh VENV REQUIREMENTS: make the virtual environment with a Python that is new enough, and install what is locked.
set -eu
venv=$1
requirements=$2

fail() {
	printf '%s\n' "$1" >&2
	exit 1
}

# The first Python that really runs (some names are shims of version managers) and is new enough.
find_python() {
	for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
		if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
			printf '%s\n' "$name"
			return
		fi
	done
}

if ! "$venv/bin/python" -c 'import pip' >/dev/null 2>&1; then
	python=$(find_python)
	[ -n "$python" ] || fail "Python 3.11 or newer is needed, and none was found. Install it, and run make again."
	[ -w . ] || fail "The folder $(pwd) cannot be written to: the virtual environment has no place."
	rm -rf "$venv"
	"$python" -m venv "$venv" >/dev/null 2>&1 || fail "$python cannot make a virtual environment. On Debian and Ubuntu, install python3-venv."
fi
echo "Installing $requirements …"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements" ||
	fail "The requirements could not be installed: see above. Is the network there?"
