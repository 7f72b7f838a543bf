# shellcheck shell=bash
# Apache with mod_auth_openidc, a certified relying party, as the tests' other side. Sourced after lib.sh.

# apache_rp PORT CLIENT_ID SECRET: /secure asks for a sign-in at ISSUER, then prints the environment,
# in which the module puts the claims (OIDC_CLAIM_...).
apache_rp() {
  local port=$1 dir=$STAGE/apache
  mkdir -p "$dir/www" "$dir/cache"
  make_cert apache IP:127.0.0.1
  cat "$CA" "$STAGE/ca.pem" >"$dir/trust.pem"
  printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nenv | sort\n' >"$dir/www/env.cgi"
  chmod 755 "$dir/www/env.cgi"
  # As root Apache steps down to www-data, which must get at its folder and at nothing else of the stage.
  if [ "$(id -u)" = 0 ]; then
    chmod 711 "$STAGE"
    chown -R www-data: "$dir"
  fi
  apache_conf "$dir" "$@" >"$dir/httpd.conf"
  spawn apache apache2 -f "$dir/httpd.conf" -DFOREGROUND
  until_ok 30 apache curl -fsS --noproxy '*' --cacert "$STAGE/ca.pem" "https://127.0.0.1:$port/public"
}

apache_conf() {
  local dir=$1 port=$2 module
  cat <<C
ServerRoot $dir
ServerName 127.0.0.1:$port
Listen 127.0.0.1:$port
PidFile $dir/apache.pid
ErrorLog $dir/error.log
ScriptSock $dir/cgi.sock
C
  for module in mpm_event authn_core authz_core authz_user alias cgid env ssl auth_openidc; do
    echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
  done
  [ "$(id -u)" != 0 ] || printf 'User www-data\nGroup www-data\n'
  cat <<C
SSLEngine on
SSLCertificateFile $CERT
SSLCertificateKeyFile $KEY
ScriptAlias /secure $dir/www/env.cgi
ScriptAlias /public $dir/www/env.cgi
OIDCProviderMetadataURL $ISSUER/.well-known/openid-configuration
OIDCCABundlePath $dir/trust.pem
OIDCClientID $3
OIDCClientSecret $4
OIDCRedirectURI https://127.0.0.1:$port/secure/callback
OIDCScope "openid profile email"
OIDCPKCEMethod S256
OIDCCryptoPassphrase $(openssl rand -hex 16)
OIDCCacheType file
OIDCCacheDir $dir/cache
OIDCPassUserInfoAs claims
<Location /public>
  Require all granted
</Location>
<Location /secure>
  AuthType openid-connect
  Require valid-user
</Location>
C
}
