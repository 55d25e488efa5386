#!/bin/sh
# Make ./configure out of configure.ac (in a clone; a release has it already).
set -eu
cd "$(dirname "$0")"
autoreconf --install "$@"
