#!/bin/sh
# Installs the tools that only checks and documentation need, at pinned versions, into .tools/bin.
#
#   scripts/tools.sh                the lot
#   scripts/tools.sh mdbook         one of them
#
# Compiles from source, a few minutes each, once; silent when there is nothing to do.
set -eu

cd -- "$(dirname -- "$0")/.."

# install NAME VERSION CARGO-OPTIONS...
install() {
    name=$1 version=$2
    shift 2
    case $(.tools/bin/"$name" --version 2>/dev/null) in
        *" $version" | *" v$version") return 0 ;;
    esac
    echo "efy: compiling $name $version, once; this takes a few minutes" >&2
    cargo install --quiet --locked --root .tools --version "$version" "$@" "$name" >&2
}

[ $# -gt 0 ] || set -- cargo-deny mdbook
for tool in "$@"; do
    case $tool in
        cargo-deny) install cargo-deny 0.20.2 --no-default-features ;;
        mdbook) install mdbook 0.5.4 --no-default-features --features search ;;
        *) echo "efy: unknown tool $tool; there are cargo-deny and mdbook" >&2 && exit 1 ;;
    esac
done
