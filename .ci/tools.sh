# Sourced by the scripts beside it: which tools are used, in which version, and where they are found.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top" || exit 1

# One cache for every clone of one user.
cache=${HOARDB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hoardb}

# tool_version TOOL: the one version that works with this tree.
tool_version() {
  case $1 in
    # The generated bindings and the tool that makes them must agree to the last digit.
    wasm-bindgen) awk '$1 == "name" && $3 == "\"wasm-bindgen\"" { getline; gsub(/"/, "", $3); print $3; exit }' Cargo.lock ;;
    wasm-pack) echo 0.15.1 ;;
    geckodriver) echo 0.37.1 ;;
  esac
}

tool_dir() { echo "$cache/$1-$(tool_version "$1")"; }

# on_path TOOL: whether PATH has it in the right version.
on_path() { command -v "$1" >/dev/null && "$1" --version 2>/dev/null | head -n 1 | grep -qwF -- "$(tool_version "$1")"; }

# use_tools TOOL...: puts the cached ones in front of PATH where PATH has none of the right version.
use_tools() {
  local tool
  for tool in "$@"; do
    on_path "$tool" || PATH="$(tool_dir "$tool")/bin:$PATH"
  done
  export PATH
}

# build_wasm PACKAGE: its wasm, as it is published.
# The standard library is compiled along, for size and without the words of panics: nobody could read them in a browser,
# where a panic is a trap, and they and the code that writes them take 16 KB after brotli, with paths of the machine in them.
# Cargo and rustc still call these options unstable, hence RUSTC_BOOTSTRAP; the compiler is the stable one.
build_wasm() {
  RUSTC_BOOTSTRAP=1 cargo rustc --quiet --locked --release --package "$1" --lib --crate-type cdylib --target wasm32-unknown-unknown \
    -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size \
    --config 'target.wasm32-unknown-unknown.rustflags=["-Zunstable-options", "-Cpanic=immediate-abort", "-Zlocation-detail=none"]'
}

# cut_wasm LINKED ENGINE SEARCH: its two modules, optimised.
cut_wasm() {
  local wasm_opt=pkg/node_modules/.bin/wasm-opt
  local features=(--enable-simd --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext
    --enable-mutable-globals --enable-multivalue --enable-reference-types)
  # Speed first, for inflate, SHA-256 and checksums are loops: -Oz would save less than 1 KB after brotli.
  local optimise=(-O3 "${features[@]}" --strip-debug --strip-producers)
  node .ci/cut.mjs "$1" "$1.engine" "$1.search" "${features[@]}"
  "$wasm_opt" "${optimise[@]}" "$1.engine" -o "$2"
  # The index is loaded beside the opening, so it may be larger, for speed (ARCHITECTURE.md, "Two modules").
  "$wasm_opt" "${optimise[@]}" --always-inline-max-function-size=30 --flexible-inline-max-function-size=100 "$1.search" -o "$3"
  rm "$1.engine" "$1.search"
}
