# shellcheck shell=bash
# Shared by install.sh and tests/run: messages, root rights, Debian packages, a Rust toolchain.
# Sourced, never run. The caller sets REPO to the checkout and `set -euo pipefail`.

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'gantry: warning: %s\n' "$*" >&2; }
# fail MESSAGE [HINT]
fail() {
  printf 'gantry: error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'gantry: hint: %s\n' "$2" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# as_root CMD...: run it with root's rights, asking sudo only where they are missing.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo -- "$@"
  else
    fail "'$*' needs root, and there is no sudo" "run this as root once"
  fi
}

# apt_need PACKAGE...: install those that are missing. Services that come along are not started.
apt_need() {
  local missing=() p
  for p; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  have apt-get || fail "missing: ${missing[*]}" "install them with your distribution's package manager, then run this again"
  say "installing ${missing[*]}"
  apt_install "${missing[@]}" || { as_root apt-get update -q >&2 && apt_install "${missing[@]}"; } ||
    fail "apt-get could not install ${missing[*]}"
}
apt_install() {
  # policy-rc.d is Debian's way to say "do not start anything"; an existing one is left alone.
  # shellcheck disable=SC2016  # expanded by the inner shell
  as_root env DEBIAN_FRONTEND=noninteractive bash -c '
    rc=/usr/sbin/policy-rc.d
    if [ ! -e $rc ]; then
      trap "rm -f $rc" EXIT
      printf "#!/bin/sh\nexit 101\n" >$rc
      chmod 755 $rc
    fi
    apt-get install -y -q --no-install-recommends "$@"' apt_install "$@" >&2
}

# --- what a build needs -------------------------------------------------------------------------

# at_least HAVE WANTED: compares dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# The oldest compiler that builds this: `rust-version` of Cargo.toml.
rust_wanted() { sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' "$REPO/Cargo.toml"; }

cargo_version() { (cd "$REPO" && cargo --version 2>/dev/null) | awk '{ print $2 }'; }

rust_is_enough() {
  local v
  v=$(cargo_version)
  [ -n "$v" ] && at_least "$v" "$(rust_wanted)" && have rustc
}

# The cryptography is C; its build script needs a compiler, but neither cmake nor bindgen on the
# platforms for which it ships bindings.
need_c_compiler() {
  have "${CC:-cc}" || have gcc || have clang || apt_need gcc libc6-dev
  case $(uname -m) in
    x86_64 | aarch64) ;;
    *) have cmake || apt_need cmake ;;
  esac
}

# Leaves a cargo in PATH that is new enough: the one found, rustup's, the distribution's, or one that
# rustup from its official address installs.
need_rust() {
  local wanted
  wanted=$(rust_wanted)
  [ ! -d "${CARGO_HOME:-$HOME/.cargo}/bin" ] || PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  ! rust_is_enough || return 0
  say "gantry needs Rust $wanted or newer, found: $(cargo_version || true)"
  if ! have rustup; then
    ! rust_from_distribution "$wanted" || return 0
    rust_installer
  fi
  rustup toolchain install stable --profile minimal >&2
  export RUSTUP_TOOLCHAIN=stable
  hash -r
  rust_is_enough || fail "no Rust $wanted could be installed" "see https://rustup.rs, then run this again"
}

# Debian names its one compiler cargo; Ubuntu adds cargo-1.NN, which lives in a folder of its own.
rust_from_distribution() {
  have apt-cache || return 1
  local v p
  v=$(apt-cache policy cargo 2>/dev/null | awk '$1 == "Candidate:" { print $2 }')
  if [ -n "$v" ] && [ "$v" != "(none)" ] && at_least "${v%%[+~-]*}" "$1"; then
    apt_need cargo rustc
    hash -r
    rust_is_enough
    return
  fi
  p=$(apt-cache search --names-only '^cargo-1\.[0-9]+$' 2>/dev/null | awk '{ print $1 }' | sort -V | tail -n 1)
  [ -n "$p" ] && at_least "${p#cargo-}" "$1" || return 1
  apt_need "$p" "rustc-${p#cargo-}"
  PATH=/usr/lib/rust-${p#cargo-}/bin:$PATH
  rust_is_enough
}

rust_installer() {
  if apt-cache policy rustup 2>/dev/null | grep -q 'Candidate: [0-9]'; then
    apt_need rustup
    return
  fi
  apt_need curl ca-certificates
  say "installing rustup into ${CARGO_HOME:-$HOME/.cargo}"
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y -q --profile minimal --no-modify-path >&2 ||
    fail "rustup could not be installed" "install Rust $(rust_wanted) or newer in another way, then run this again"
  PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
}

# build_gantry PROFILE: `dev` or `release`; prints the path of the binary.
build_gantry() {
  local flags=(--locked) folder=debug target
  [ "$1" != release ] || { flags+=(--release) folder=release; }
  say "building gantry ($1); a first release build takes about ten minutes on two cores"
  (cd "$REPO" && cargo build "${flags[@]}" >&2) || fail "the build failed"
  target=$(cd "$REPO" && cargo metadata --format-version 1 --no-deps --locked | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
  printf '%s/%s/gantry\n' "$target" "$folder"
}
