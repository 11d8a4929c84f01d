#!/usr/bin/env bash
# Installs programs that read our formats (spaCy, Label Studio's SDK, datasets, seqeval ...) into a virtual environment
# of Python 3.11 or later, 900 MB, for the tests that use them.
set -euo pipefail

if [ $# -ne 1 ] || [ "${1#-}" != "$1" ]; then
	echo "usage: $0 DIR" >&2
	echo "afterwards: CONSUMERS_VENV=DIR go test ./cmd -run TestConsumers" >&2
	exit 2
fi
python3 -m venv "$1"
# Most modules are never imported: Python compiles those that are when it needs them.
"$1/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-cache-dir \
	-r "$(dirname "$0")/requirements.txt"
