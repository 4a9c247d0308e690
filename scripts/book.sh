#!/bin/sh
# Builds the book into docs/book; a warning of mdbook's is an error here.
set -eu

cd -- "$(dirname -- "$0")/.."
scripts/tools.sh mdbook

messages=$(.tools/bin/mdbook build docs 2>&1) || { echo "$messages" >&2 && exit 1; }
echo "$messages" >&2
case $messages in
    *WARN* | *ERROR*) echo "efy: the book was built with warnings" >&2 && exit 1 ;;
esac
