#!/usr/bin/env bash
# install.sh into a folder: what lies where with which rights, a second run, a refused upgrade, removal.
# Prints `ok` / `not ok` lines.
# shellcheck source=tests/peers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../peers/lib.sh"

install_sh() { "$REPO/install.sh" --root "$ROOT" --binary "${BINARY:-$GANTRY_BIN}" "$@" </dev/null; }
is() { [ "$1" = "$2" ] || { echo "expected '$2', found '$1'"; return 1; }; }
mode() { is "$(stat -c %a "$ROOT/$1")" "$2"; }

fresh() { install_sh --issuer https://id.example.org; }

# Nobody types the administrator's password: nothing is written, so that a second run is a first one.
stopped() {
  ! install_sh --issuer https://id.example.org --admin anna 2>"$STAGE/said" || { echo "it went through"; return 1; }
  grep -q '^gantry: error: no password on standard input' "$STAGE/said"
  [ ! -e "$ROOT/etc/gantry/gantry.yaml" ] && [ ! -e "$ROOT/var/lib/gantry/gantry.redb" ]
}

layout() {
  mode usr/local/bin/gantry 755
  mode etc/gantry 750
  mode etc/gantry/gantry.yaml 640
  mode var/lib/gantry 700
  mode etc/systemd/system/gantry.service 644
  local file
  for file in bash-completion/completions/gantry zsh/site-functions/_gantry fish/vendor_completions.d/gantry.fish man/man1/gantry.1; do
    mode "usr/local/share/$file" 644
    grep -q gantry "$ROOT/usr/local/share/$file"
  done
  grep -q 'issuer: .*https://id.example.org' "$ROOT/etc/gantry/gantry.yaml"
  "$ROOT/usr/local/bin/gantry" check --config "$ROOT/etc/gantry/gantry.yaml"
  [ ! -e "$ROOT/usr/local/bin/.gantry.old" ] && [ ! -e "$ROOT/usr/local/bin/.gantry.new" ]
}

again() {
  echo '# a line of my own' >>"$ROOT/etc/gantry/gantry.yaml"
  cp "$ROOT/etc/gantry/gantry.yaml" "$STAGE/before.yaml"
  echo kept >"$ROOT/var/lib/gantry/mine"
  install_sh
  cmp "$STAGE/before.yaml" "$ROOT/etc/gantry/gantry.yaml"
  is "$(cat "$ROOT/var/lib/gantry/mine")" kept
}

# An upgrade whose program cannot read the configuration changes nothing.
refused() {
  cat >"$STAGE/picky" <<'P'
#!/bin/sh
[ "$1" = --version ] && exit
echo "gantry: error: no" >&2
exit 1
P
  chmod 755 "$STAGE/picky"
  cp "$ROOT/usr/local/bin/gantry" "$STAGE/before"
  ! BINARY=$STAGE/picky install_sh || { echo "it was installed"; return 1; }
  cmp "$STAGE/before" "$ROOT/usr/local/bin/gantry"
  [ ! -e "$ROOT/usr/local/bin/.gantry.new" ]
}

removed() {
  "$REPO/install.sh" --root "$ROOT" --uninstall 2>"$STAGE/said"
  [ ! -e "$ROOT/usr/local/bin/gantry" ] && [ ! -e "$ROOT/etc/systemd/system/gantry.service" ]
  [ -e "$ROOT/etc/gantry/gantry.yaml" ] && [ -e "$ROOT/var/lib/gantry/mine" ]
  grep -q 'kept .*/etc/gantry and .*/var/lib/gantry' "$STAGE/said"
  is "$(find "$ROOT/usr" -type f)" ''
}

purged() {
  ! "$REPO/install.sh" --root "$ROOT" --uninstall --purge </dev/null || { echo "purged without asking"; return 1; }
  [ -e "$ROOT/etc/gantry" ]
  "$REPO/install.sh" --root "$ROOT" --uninstall --purge --yes
  [ ! -e "$ROOT/etc/gantry" ] && [ ! -e "$ROOT/var/lib/gantry" ]
}

usage() {
  local rc=0
  "$REPO/install.sh" --nonsense 2>"$STAGE/said" || rc=$?
  is "$rc" 2
  grep -q '^gantry: error: unknown option --nonsense' "$STAGE/said"
}

open_stage
ROOT=$STAGE/root
check "an install without the administrator's password writes no configuration" stopped
check "a fresh install goes through" fresh
check "every file has its place and its rights" layout
check "a second run keeps configuration and data" again
check "an upgrade that refuses the configuration changes nothing" refused
check "uninstall keeps configuration and data and says so" removed
check "purge asks, and then removes them" purged
check "a wrong option is named, with exit code 2" usage
checks_done
