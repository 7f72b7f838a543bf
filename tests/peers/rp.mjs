// Relying parties as other people build them: one sign-in with code and PKCE, userinfo, refresh, the way to sign
// out, introspection before and after the tokens are given back.
import * as client from 'openid-client';
import * as oauth from 'oauth4webapi';

const scopes = (metadata) => ['openid', 'profile', 'email', 'offline_access'].filter((s) => s !== 'offline_access' || metadata.scopes_supported?.includes(s)).join(' ');

// `auth` is basic (which pushes its request first), post or none; `bye` is where people go after signing out; `drive` takes the authorization address to the redirect.
export async function viaOpenidClient({ issuer, id, secret, auth, redirect, bye, drive }) {
  const method = { basic: client.ClientSecretBasic, post: client.ClientSecretPost, none: client.None }[auth](secret);
  const config = await client.discovery(new URL(issuer), id, undefined, method);
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce();
  const build = auth === 'basic' ? client.buildAuthorizationUrlWithPAR : client.buildAuthorizationUrl;
  const url = await build(config, {
    redirect_uri: redirect, scope: scopes(config.serverMetadata()), state, nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  const back = new URL(await drive(url.href));
  const tokens = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true });
  const claims = tokens.claims();
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  const again = tokens.refresh_token && await client.refreshTokenGrant(config, tokens.refresh_token);
  const after = again && await client.fetchUserInfo(config, again.access_token, claims.sub);
  const logout = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: bye, state }).href;
  const active = async () => secret ? (await client.tokenIntrospection(config, again.access_token)).active : client.fetchUserInfo(config, again.access_token, claims.sub).then(() => true, () => false);
  const before = await active();
  await client.tokenRevocation(config, again.refresh_token);
  return { claims, userinfo, refreshed: after?.sub === claims.sub, rotated: !!again?.refresh_token && again.refresh_token !== tokens.refresh_token, logout, active: [before, await active()] };
}

// A client that speaks for itself.
export async function ofItsOwn({ issuer, id, secret }) {
  const config = await client.discovery(new URL(issuer), id, undefined, client.ClientSecretBasic(secret));
  const tokens = await client.clientCredentialsGrant(config);
  return client.tokenIntrospection(config, tokens.access_token);
}

export async function viaOauth4webapi({ issuer, id, secret, auth, redirect, bye, drive }) {
  const method = { basic: oauth.ClientSecretBasic, post: oauth.ClientSecretPost, none: oauth.None }[auth](secret);
  const at = new URL(issuer), rp = { client_id: id };
  const as = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at));
  const verifier = oauth.generateRandomCodeVerifier(), state = oauth.generateRandomState(), nonce = oauth.generateRandomNonce();
  const url = new URL(as.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: id, redirect_uri: redirect, response_type: 'code', scope: scopes(as), state, nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  const params = oauth.validateAuthResponse(as, rp, new URL(await drive(url.href)), state);
  const res = await oauth.authorizationCodeGrantRequest(as, rp, method, params, redirect, verifier);
  const tokens = await oauth.processAuthorizationCodeResponse(as, rp, res, { expectedNonce: nonce, requireIdToken: true });
  await oauth.validateApplicationLevelSignature(as, res);
  const claims = oauth.getValidatedIdTokenClaims(tokens);
  const userinfo = await oauth.processUserInfoResponse(as, rp, claims.sub, await oauth.userInfoRequest(as, rp, tokens.access_token));
  const again = tokens.refresh_token && await oauth.processRefreshTokenResponse(as, rp, await oauth.refreshTokenGrantRequest(as, rp, method, tokens.refresh_token));
  const logout = new URL(as.end_session_endpoint);
  logout.search = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: bye, state });
  const active = async () => secret
    ? (await oauth.processIntrospectionResponse(as, rp, await oauth.introspectionRequest(as, rp, method, again.access_token))).active
    : (await oauth.userInfoRequest(as, rp, again.access_token)).ok;
  const before = await active();
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, rp, method, again.refresh_token));
  return { claims, userinfo, refreshed: !!again?.access_token, rotated: !!again?.refresh_token && again.refresh_token !== tokens.refresh_token, logout: logout.href, active: [before, await active()] };
}

// Signed with a key of the app: the client itself and its request (RFC 7523, RFC 9101), and tokens bound to a key
// (RFC 9449). `pem` is its private P-256 key.
export async function viaSignatures({ issuer, id, pem, redirect, drive }) {
  const key = await importKey(pem);
  const config = await client.discovery(new URL(issuer), id, undefined, client.PrivateKeyJwt(key));
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce();
  const url = await client.buildAuthorizationUrlWithJAR(config, {
    redirect_uri: redirect, scope: 'openid profile', state, nonce, code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    dpop_jkt: await DPoP.calculateThumbprint(),
  }, key);
  const back = new URL(await drive(url.href));
  const tokens = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce }, undefined, { DPoP });
  const { sub } = tokens.claims();
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
  const again = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
  const after = await client.fetchUserInfo(config, again.access_token, sub, { DPoP });
  const stolen = await client.fetchUserInfo(config, again.access_token, sub).then(() => 'taken', (e) => e.status ?? e.cause?.status ?? 'refused');
  return { type: tokens.token_type, about: await client.tokenIntrospection(config, again.access_token), same: userinfo.sub === after.sub, stolen };
}

const importKey = (pem) => crypto.subtle.importKey('pkcs8', Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'), { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);

// An app that registers itself (RFC 7591) and is used at once.
export async function viaRegistration({ issuer, token, redirect, drive }) {
  const config = await client.dynamicClientRegistration(new URL(issuer), { redirect_uris: [redirect], client_name: 'Newcomer', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }, undefined, { initialAccessToken: token });
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState();
  const url = client.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid', state, code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' });
  const tokens = await client.authorizationCodeGrant(config, new URL(await drive(url.href)), { pkceCodeVerifier: verifier, expectedState: state, idTokenExpected: true });
  return { id: config.clientMetadata().client_id, audience: tokens.claims().aud };
}

// A device that polls, while `letIn` is what a person does with its code.
export async function viaDevice({ issuer, id, letIn }) {
  const config = await client.discovery(new URL(issuer), id, undefined, client.None());
  const asked = await client.initiateDeviceAuthorization(config, { scope: 'openid profile' });
  await letIn(asked);
  return (await client.pollDeviceAuthorizationGrant(config, { ...asked, interval: 0 })).claims();
}
