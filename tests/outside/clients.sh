#!/usr/bin/env bash
# Starts a trial of gantry and signs in with openid-client, oauth4webapi, mod_auth_openidc and
# Rocket.Chat's two engines, without a browser. Prints `ok` / `not ok` lines.
# shellcheck source=tests/peers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../peers/lib.sh"
# shellcheck source=tests/peers/mod-auth-openidc.sh
. "$REPO/tests/peers/mod-auth-openidc.sh"

REDIRECT=https://rp.example.org/callback
BYE=https://rp.example.org/bye

apps() {
  cat <<Y
  test-basic:
    redirect_uris: [$REDIRECT]
    post_logout_redirect_uris: [$BYE]
    client: confidential
    grants: [authorization_code, refresh_token]
    access: [{ group: everyone, policy: POLICY }]
  test-post:
    redirect_uris: [$REDIRECT]
    post_logout_redirect_uris: [$BYE]
    client: confidential
    grants: [authorization_code, refresh_token]
    access: [{ group: everyone, policy: POLICY }]
  test-public:
    redirect_uris: ["http://127.0.0.1/callback"]
    post_logout_redirect_uris: [$BYE]
    client: public
    grants: [authorization_code, refresh_token]
    access: [{ group: everyone, policy: POLICY }]
  test-robot:
    grants: [client_credentials]
    access: []
  test-apache:
    redirect_uris: ["https://127.0.0.1:$APACHE_PORT/secure/callback"]
    client: confidential
    access: [{ group: everyone, policy: POLICY }]
Y
}

# What clients.mjs reads: the trial's own facts and the apps. The port of the public client's loopback
# address differs from the registered one (RFC 8252 section 7.3).
facts() {
  jq --arg secure "$1" --arg redirect "$REDIRECT" --arg bye "$BYE" --arg basic "$(secret_of test-basic)" \
    --arg post "$(secret_of test-post)" --arg robot "$(secret_of test-robot)" --arg issuer "$ISSUER" '. + { url: $issuer, secure: $secure, apps: {
      basic: { id: "test-basic", secret: $basic, redirect: $redirect, bye: $bye },
      post: { id: "test-post", secret: $post, redirect: $redirect, bye: $bye },
      robot: { id: "test-robot", secret: $robot },
      none: { id: "test-public", redirect: "http://127.0.0.1:53124/callback", bye: $bye } } }' "$TRY/try.json"
}

open_stage
start_try
APACHE_PORT=$(free_port)
apps | add_apps
# shellcheck disable=SC2034  # until_ok watches it
PID=$GANTRY_PID
check "an edited configuration is read without a restart" until_ok 15 gantry listed test-apache

SECURE=
if [ -e /usr/lib/apache2/modules/mod_auth_openidc.so ]; then
  apache_rp "$APACHE_PORT" test-apache "$(secret_of test-apache)"
  SECURE=https://127.0.0.1:$APACHE_PORT/secure
else
  echo "# skipped mod_auth_openidc: the module is not installed"
  make_cert unused DNS:unused.example.org
fi

scripts
facts "$SECURE" >"$STAGE/facts.json"
cat "$CA" "$STAGE/ca.pem" >"$STAGE/trust.pem"
rc=0
FACTS=$STAGE/facts.json PEER_CA=$STAGE/trust.pem NODE_EXTRA_CA_CERTS=$STAGE/trust.pem node "$JS/outside/clients.mjs" || rc=$?
[ $rc = 0 ] || tail -n 20 "$STAGE/gantry.log" | sed 's/^/# gantry: /'
checks_done && [ $rc = 0 ]
