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
