# shellcheck shell=bash
# What the outside-in scripts share: a folder that goes away, processes that end with it, a running
# `gantry try`, apps added to its file. Sourced; the script then calls `open_stage`.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=packaging/lib.sh
. "$REPO/packaging/lib.sh"
CACHE=${GANTRY_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gantry-tests}
GANTRY_BIN=${GANTRY_BIN:-${CARGO_TARGET_DIR:-$HOME/.cache/gantry-target}/debug/gantry}
FAILED=0 PIDS=()

# open_stage: STAGE is the script's own folder; it and every process started here end with the script.
open_stage() {
  [ -x "$GANTRY_BIN" ] || fail "no binary at $GANTRY_BIN" "./tests/run build, or name one in GANTRY_BIN"
  unset GANTRY_CONFIG
  STAGE=$(mktemp -d "${TMPDIR:-/tmp}/gantry-test.XXXXXX")
  trap close_stage EXIT
  trap 'exit 130' INT TERM
}
close_stage() {
  local pid
  for pid in "${PIDS[@]}"; do
    # Each was made the leader of a group of its own, so its children go with it.
    kill -TERM -- "-$pid" 2>/dev/null || continue
    timeout 10 tail -f /dev/null --pid "$pid" || kill -KILL -- "-$pid" 2>/dev/null || true
  done
  rm -rf "$STAGE"
}

# spawn NAME CMD...: in the background, output to STAGE/NAME.log, process id in PID.
spawn() {
  local name=$1
  shift
  setsid "$@" >"$STAGE/$name.log" 2>&1 </dev/null &
  PID=$!
  PIDS+=("$PID")
}

# until_ok SECONDS NAME CMD...: polls CMD; gives up early when the process NAME (last spawned) died.
until_ok() {
  local end=$((SECONDS + $1)) name=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    kill -0 "$PID" 2>/dev/null || { tail -n 20 "$STAGE/$name.log" >&2; fail "$name ended early"; }
    [ $SECONDS -lt $end ] || { tail -n 20 "$STAGE/$name.log" >&2; fail "$name was not ready in time: $*"; }
    sleep 0.05
  done
}

free_port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }

# check NAME CMD...: one `ok` or `not ok` line, with the last lines of output below a failure.
check() {
  local name=$1
  shift
  # A subshell with errexit of its own, so that a function of several lines stops at its first failure.
  set +e
  (set -e; "$@") >"$STAGE/check.out" 2>&1
  local rc=$?
  set -e
  if [ $rc = 0 ]; then
    echo "ok $name"
  else
    FAILED=$((FAILED + 1))
    echo "not ok $name"
    tail -n 12 "$STAGE/check.out" | sed 's/^/# /'
  fi
}
checks_done() { [ "$FAILED" = 0 ]; }

# --- gantry -------------------------------------------------------------------------------------

# start_try: a trial with its own certificate and one user. Sets TRY (folder), ISSUER, CONFIG, CA.
start_try() {
  TRY=$STAGE/try
  spawn gantry "$GANTRY_BIN" try --dir "$TRY" --port "$(free_port)"
  # shellcheck disable=SC2034  # for the scripts that source this
  GANTRY_PID=$PID
  until_ok 60 gantry test -s "$TRY/try.json"
  ISSUER=$(fact .url)
  ISSUER=${ISSUER%/}
  CA=$(fact .ca)
  case $CA in /*) ;; *) [ -e "$CA" ] || CA=$TRY/$CA ;; esac
  CONFIG=$(fact '.config // ""')
  [ -n "$CONFIG" ] || CONFIG=$(find "$TRY" -maxdepth 1 -name '*.yaml' | head -n 1)
  until_ok 60 gantry curl -fsS --noproxy '*' --cacert "$CA" "$ISSUER/readyz"
}
fact() { jq -er "$1" "$TRY/try.json"; }
gantry() { "$GANTRY_BIN" --config "$CONFIG" "$@"; }

# add_apps <YAML: writes apps, indented by two spaces, into the file's `apps:`. `POLICY` in it becomes
# the first policy of the file. The running service reads the file again by itself.
add_apps() {
  local policy
  policy=$(awk '/^policies:/ { inside = 1; next } /^[^ #]/ { inside = 0 } inside && match($0, /^ +[a-z_0-9]+:/) { sub(/^ +/, ""); sub(/:.*/, ""); print; exit }' "$CONFIG")
  sed "s/POLICY/${policy:-standard}/" >"$STAGE/apps.yaml"
  awk -v block="$STAGE/apps.yaml" '
    { print }
    /^apps: *(#.*)?$/ { while ((getline line < block) > 0) print line; found = 1 }
    END { exit !found }' "$CONFIG" >"$STAGE/new.yaml" || fail "no apps: in $CONFIG"
  indented "$CONFIG" || fail "apps in $CONFIG are not indented by two spaces"
  cat "$STAGE/new.yaml" >"$CONFIG"
}
indented() { awk '/^apps:/ { getline; while ($0 ~ /^ *(#.*)?$/) getline; exit !/^  [^ ]/ }' "$1"; }
listed() { gantry app list --json | jq -e --arg id "$1" '[.. | strings] | index($id)' >/dev/null; }
secret_of() { gantry app show "$1" --secret --json | jq -er '[.. | objects | .client_secret // .secret | strings] | first'; }

# --- what the others need -----------------------------------------------------------------------

# scripts: the .mjs files beside their node_modules, which live in the cache. Sets JS.
scripts() {
  JS=$STAGE/js
  mkdir -p "$JS"
  cp -r "$REPO/tests/peers" "$REPO/tests/outside" "$JS/"
  ln -s "$CACHE/node/node_modules" "$JS/node_modules"
}

# npm_need: `npm ci` into the cache, once per lock file.
npm_need() {
  local n=$CACHE/node
  mkdir -p "$n"
  ! cmp -s "$REPO/tests/peers/package-lock.json" "$n/.installed" || return 0
  cp "$REPO"/tests/peers/package*.json "$n/"
  (cd "$n" && npm ci --no-audit --no-fund --loglevel=error >&2)
  cp "$n/package-lock.json" "$n/.installed"
}

# python_need: the pinned libraries in a virtual environment in the cache, once per list.
python_need() {
  local p=$CACHE/python
  ! cmp -s "$REPO/tests/peers/requirements.txt" "$p/.installed" || return 0
  rm -rf "$p"
  python3 -m venv "$p"
  "$p/bin/pip" install --quiet --disable-pip-version-check --requirement "$REPO/tests/peers/requirements.txt" >&2
  cp "$REPO/tests/peers/requirements.txt" "$p/.installed"
}

# make_cert NAME SAN...: an authority of the tests (STAGE/ca.pem) and a pair it signs: CERT, KEY.
make_cert() {
  local name=$1 san
  shift
  [ -s "$STAGE/ca.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=gantry test authority" \
    -keyout "$STAGE/ca.key" -out "$STAGE/ca.pem" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
  CERT=$STAGE/$name.pem KEY=$STAGE/$name.key
  san=$(IFS=,; echo "$*")
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout "$KEY" -out "$STAGE/$name.csr" 2>/dev/null
  openssl x509 -req -in "$STAGE/$name.csr" -CA "$STAGE/ca.pem" -CAkey "$STAGE/ca.key" -days 30 -set_serial "0x$(openssl rand -hex 8)" -out "$CERT" \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$san") 2>/dev/null
}

# trust FOLDER CERTIFICATE...: a browser's certificate store. `P` also trusts a self-signed pair itself.
trust() {
  local db=sql:$1 n=0 file
  mkdir -p "$1"
  shift
  certutil -d "$db" -N --empty-password
  for file; do
    n=$((n + 1))
    certutil -d "$db" -A -t CP,, -n "peer$n" -i "$file"
  done
}
