#!/usr/bin/env bash
# Builds and installs gantry on Debian and Ubuntu (elsewhere: bring a C compiler and Rust yourself).
#
#   ./install.sh --try [--port 8443] [--dir ./gantry-try] [--profile dev|release]
#       builds and starts a trial on https://localhost:8443; nothing is installed outside DIR
#   sudo ./install.sh [--issuer URL] [--listen ADDR] [--rocketchat URL] [--admin NAME] [--yes] [--start]
#       installs program, service, configuration; run again to upgrade in place
#   sudo ./install.sh --uninstall [--purge] [--yes]
#       removes the program; --purge also configuration, people, keys
#
#   --binary FILE   use this binary instead of building one
#   --root DIR      install into a folder, without systemd and without a system user
#   --build         only build, and print the path of the binary
set -euo pipefail

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=packaging/lib.sh
. "$REPO/packaging/lib.sh"

ACTION=install PROFILE=release BINARY='' ROOT='' PORT=8443 DIR=./gantry-try
PURGE='' YES='' START='' INIT=()

main() {
  arguments "$@"
  paths
  case $ACTION in
    try) try_it ;;
    build)
      toolchain
      build_gantry "$PROFILE"
      ;;
    install) install_it ;;
    uninstall) uninstall_it ;;
  esac
}

arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --try) ACTION=try ;;
      --build) ACTION=build ;;
      --uninstall) ACTION=uninstall ;;
      --purge) PURGE=1 ;;
      --yes | -y) YES=1 ;;
      --start) START=1 ;;
      --help | -h) usage 0 ;;
      --port | --dir | --profile | --binary | --root | --issuer | --listen | --rocketchat | --admin)
        [ $# -ge 2 ] || { say "gantry: error: $1 needs a value"; exit 2; }
        value "$1" "$2"
        shift
        ;;
      *) say "gantry: error: unknown option $1"; usage 2 ;;
    esac
    shift
  done
  case $PROFILE in dev | release) ;; *) say "gantry: error: --profile is dev or release, not $PROFILE"; exit 2 ;; esac
}

value() {
  case $1 in
    --port) PORT=$2 ;;
    --dir) DIR=$2 ;;
    --profile) PROFILE=$2 ;;
    --binary) BINARY=$2 ;;
    --root) ROOT=${2%/} ;;
    *) INIT+=("$1" "$2") ;;
  esac
}

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$REPO/install.sh" >&2; exit "$1"; }

paths() {
  if [ -n "$ROOT" ]; then
    mkdir -p "$ROOT"
    ROOT=$(cd "$ROOT" && pwd)
  fi
  PROGRAM=$ROOT/usr/local/bin/gantry
  ETC=$ROOT/etc/gantry
  CONFIG=$ETC/gantry.yaml
  STATE=$ROOT/var/lib/gantry
  UNIT=$ROOT/etc/systemd/system/gantry.service
  BASH_COMPLETION=$ROOT/usr/local/share/bash-completion/completions/gantry
  ZSH_COMPLETION=$ROOT/usr/local/share/zsh/site-functions/_gantry
  FISH_COMPLETION=$ROOT/usr/local/share/fish/vendor_completions.d/gantry.fish
  MAN=$ROOT/usr/local/share/man/man1/gantry.1
}

# --- building -----------------------------------------------------------------------------------

toolchain() {
  need_c_compiler
  need_rust
}

# Sets BINARY. Under sudo the build is the calling user's, with their toolchain and their files.
binary() {
  if [ -n "$BINARY" ]; then
    [ -x "$BINARY" ] || fail "$BINARY is not an executable file"
  elif [ "$(id -u)" = 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
    need_c_compiler
    BINARY=$(sudo -u "$SUDO_USER" -H -- "$REPO/install.sh" --build --profile "$PROFILE" | tail -n 1)
  else
    toolchain
    BINARY=$(build_gantry "$PROFILE" | tail -n 1)
  fi
  "$BINARY" --version >/dev/null || fail "$BINARY does not run here"
}

try_it() {
  binary
  exec "$BINARY" try --dir "$DIR" --port "$PORT"
}

# --- installing ---------------------------------------------------------------------------------

live() { [ -z "$ROOT" ]; }
with_systemd() { live && [ -d /run/systemd/system ]; }
# owner USER:GROUP PATH...: meaningless in a folder, where the user does not exist.
owner() { ! live || chown -R "$@"; }

install_it() {
  if live && [ "$(id -u)" != 0 ]; then
    fail "installing needs root" "sudo ./install.sh, or ./install.sh --try to look at it first"
  fi
  binary
  system_user
  install -d -m 755 "${PROGRAM%/*}" "${UNIT%/*}"
  [ -d "$ETC" ] || install -d -m 750 "$ETC"
  [ -d "$STATE" ] || install -d -m 700 "$STATE"
  put_program
  configure
  put_extras
  start_or_restart
  next_steps
}

system_user() {
  live || return 0
  getent group gantry >/dev/null || groupadd --system gantry
  getent passwd gantry >/dev/null || useradd --system --gid gantry --home-dir /var/lib/gantry \
    --no-create-home --shell /usr/sbin/nologin --comment 'gantry identity provider' gantry
}

# The new program stands beside the old one until it has read the existing configuration; then it
# takes its place in one rename.
put_program() {
  NEW=${PROGRAM%/*}/.gantry.new OLD=${PROGRAM%/*}/.gantry.old
  trap 'rm -f "$NEW" "$OLD"' EXIT
  install -m 755 "$BINARY" "$NEW"
  if [ -e "$CONFIG" ]; then
    repair
    as_service "$NEW" check --config "$CONFIG" >&2 ||
      fail "the new version refuses $CONFIG; nothing was changed" "correct what is named above, then run this again"
  fi
  [ ! -e "$PROGRAM" ] || cp -p "$PROGRAM" "$OLD"
  mv -f "$NEW" "$PROGRAM"
}

# What an installation that stopped half way left to root goes to the service, before it looks. Only that: whoever gave
# a file to somebody else meant it.
repair() {
  live || return 0
  find "$ETC" "$CONFIG" -maxdepth 0 -group root -exec chgrp gantry {} +
  # By the folder each lies in: what the service could put in the way meanwhile leads nowhere else.
  [ ! -d "$STATE" ] || find "$STATE" -user root -execdir chown -h gantry:gantry {} +
}

# Checked as the service will run it: a key it may not read must be noticed here.
as_service() {
  if live; then
    setpriv --reuid gantry --regid gantry --init-groups -- "$@"
  else
    "$@"
  fi
}

configure() {
  if [ -e "$CONFIG" ]; then
    say "kept $CONFIG"
    return 0
  fi
  if [ -n "$YES" ] || ! live || [ ! -t 0 ]; then
    INIT+=(--yes)
    [[ " ${INIT[*]} " == *" --issuer "* ]] || INIT+=(--issuer "https://$(hostname -f 2>/dev/null || uname -n)")
  fi
  "$PROGRAM" init --config "$CONFIG" --data-dir "$STATE" "${INIT[@]}" ||
    fail "gantry init failed: the program is installed, its configuration is not" "run this again"
  chmod 640 "$CONFIG"
  owner root:gantry "$ETC"
  # init ran as root and may have made the store and the master key.
  owner gantry:gantry "$STATE"
}

put_extras() {
  install -m 644 "$REPO/packaging/gantry.service" "$UNIT"
  made_by "$BASH_COMPLETION" completions bash
  made_by "$ZSH_COMPLETION" completions zsh
  made_by "$FISH_COMPLETION" completions fish
  made_by "$MAN" man
}

# made_by FILE ARG...: what the program prints for these arguments becomes the file.
made_by() {
  local file=$1
  shift
  install -d -m 755 "${file%/*}"
  "$PROGRAM" "$@" >"$file"
  chmod 644 "$file"
}

start_or_restart() {
  with_systemd || return 0
  systemctl daemon-reload
  if systemctl is-active --quiet gantry; then
    systemctl restart gantry || back_to_old
    say "restarted gantry"
  elif [ -n "$START" ]; then
    systemctl enable --now gantry || fail "the service did not start" "journalctl -u gantry -n 20"
  fi
}

# The unit is Type=notify: a restart that succeeded is a service that answers.
back_to_old() {
  [ -e "$OLD" ] || fail "the service did not start" "journalctl -u gantry -n 20"
  mv -f "$OLD" "$PROGRAM"
  systemctl restart gantry || warn "the previous version does not start either"
  fail "the new version did not start; the previous one is back" "journalctl -u gantry -n 50"
}

next_steps() {
  say "installed $("$PROGRAM" --version) as $PROGRAM"
  live || return 0
  with_systemd || { say "systemd is not running here: start it with gantry serve --config $CONFIG"; return 0; }
  systemctl is-active --quiet gantry || say "look at $CONFIG, then: systemctl enable --now gantry"
}

# --- removing -----------------------------------------------------------------------------------

uninstall_it() {
  if live && [ "$(id -u)" != 0 ]; then
    fail "removing needs root" "sudo ./install.sh --uninstall"
  fi
  [ -z "$PURGE" ] || agree "remove $ETC and $STATE with all people, apps and keys?"
  ! with_systemd || systemctl disable --now gantry 2>/dev/null || true
  rm -f "$PROGRAM" "$UNIT" "$BASH_COMPLETION" "$ZSH_COMPLETION" "$FISH_COMPLETION" "$MAN"
  ! with_systemd || systemctl daemon-reload
  if [ -z "$PURGE" ]; then
    say "removed gantry; kept $ETC and $STATE (--uninstall --purge removes them too)"
    return 0
  fi
  rm -rf -- "$ETC" "$STATE"
  if live && getent passwd gantry >/dev/null; then userdel gantry; fi
  if live && getent group gantry >/dev/null; then groupdel gantry; fi
  say "removed gantry, its configuration and its data"
}

agree() {
  [ -z "$YES" ] || return 0
  [ -t 0 ] || fail "--purge asks before it removes people and keys, and there is nobody to ask" "add --yes"
  local answer
  read -r -p "$1 [y/N] " answer
  [[ $answer == [yY]* ]] || fail "nothing was removed"
}

main "$@"
