#!/usr/bin/env bash
# Chromium clicks through a trial's sign-in on three screens, in two colour schemes, with and without
# scripts, coming from a page that plays Rocket.Chat, from a browser app with oidc-client-ts, and for a device; Firefox takes
# push messages. Pictures land in $SHOTS. Prints `ok` / `not ok` lines.
# shellcheck source=tests/peers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../peers/lib.sh"

WIKI=https://wiki.example.org/callback
SPA=https://spa.example.org

apps() {
  cat <<Y
  test-wiki:
    title: Team wiki
    redirect_uris: [$WIKI]
    client: confidential
    first_party: false
    access: [{ group: everyone, policy: POLICY }]
  test-spa:
    title: Notes
    client: public
    redirect_uris: [$SPA/notes/callback]
    post_logout_redirect_uris: [$SPA/bye]
    origins: [$SPA]
    first_party: true
    access: [{ group: everyone, policy: POLICY }]
  test-board:
    title: Board
    redirect_uris: [$WIKI]
    client: confidential
    first_party: true
    access: [{ group: everyone, policy: open }]
  test-tv:
    title: Television
    client: public
    grants: [device_code]
    access: [{ group: everyone, policy: POLICY }]
Y
}

open_stage
start_try
PUSH_PORT=$(free_port)
cat >>"$CONFIG" <<Y
factors: { offered: [totp, passkey, web_push, recovery_code], push_services: ["http://127.0.0.1:$PUSH_PORT"] }
outbound: { allow: [127.0.0.1/32] }
Y
# An app that takes passkeys instead of a password.
sed -i '/^  standard: /a\  open: { first_factor: any }' "$CONFIG"
apps | add_apps
until_ok 15 gantry listed test-wiki

make_cert chat DNS:chat.example.org DNS:wiki.example.org DNS:spa.example.org DNS:localhost
trust "$STAGE/home/.pki/nssdb" "$CA" "$STAGE/ca.pem"
scripts
for name in nora omar; do echo 'a horse that can sing' | gantry user add "$name" --email "$name@example.org" >/dev/null; done
jq --arg port "$PUSH_PORT" --arg profile "$STAGE/firefox" --arg issuer "$ISSUER" --arg mail "$TRY/data/mail" --arg cert "$CERT" --arg key "$KEY" --arg wiki "$WIKI" --arg spa "$SPA" \
  '. + { url: $issuer, mail: $mail, cert: $cert, key: $key, wiki: { id: "test-wiki", redirect: $wiki }, spa: { id: "test-spa", origin: $spa }, tv: { id: "test-tv" }, push: { port: $port, profile: $profile, people: ["nora", "omar"], password: "a horse that can sing" } }' "$TRY/try.json" >"$STAGE/facts.json"
SHOTS=${SHOTS:-${TMPDIR:-/tmp}/gantry-shots}
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || fail "no Chromium" "apt-get install chromium"
FIREFOX=$(command -v firefox-esr || true)
if [ -n "$FIREFOX" ]; then
  trust "$STAGE/firefox" "$CA" "$STAGE/ca.pem"
else
  echo "skipped: no firefox-esr, so no browser that takes push messages here"
fi
export SHOTS CHROMIUM FIREFOX
rc=0
HOME=$STAGE/home XDG_CONFIG_HOME=$STAGE/home/.config XDG_CACHE_HOME=$STAGE/home/.cache FACTS=$STAGE/facts.json PEER_CA=$CA \
  node "$JS/outside/browser.mjs" || rc=$?
echo "# pictures in $SHOTS"
[ $rc = 0 ] || tail -n 20 "$STAGE/gantry.log" | sed 's/^/# gantry: /'
exit $rc
