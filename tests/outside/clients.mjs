// Other people's clients against a running gantry. FACTS names a JSON file: what `gantry try` wrote,
// and the apps that clients.sh added.
import fs from 'node:fs';
import { check, assert, done } from '../peers/tap.mjs';
import { send, form, json } from '../peers/http.mjs';
import { Browser, step, alertOf } from '../peers/drive.mjs';
import { ofItsOwn, viaDevice, viaOpenidClient, viaOauth4webapi, viaRegistration, viaSignatures } from '../peers/rp.mjs';
import { Chat, ENGINES } from './chat.mjs';

const { url: issuer, username, password, apps, secure, invitation, ...rocketchat } = JSON.parse(fs.readFileSync(process.env.FACTS));

async function drive(url, until, browser = new Browser({ until })) {
  const end = await browser.signIn(url, username, password);
  assert.ok(end.reached, `stopped at ${end.url} (${end.status}): ${end.body && (alertOf(end) ?? end.body.slice(0, 300))}`);
  return end.reached;
}

await check('discovery names this issuer and what it can do', async () => {
  const m = json(await send(`${issuer}/.well-known/openid-configuration`));
  assert.equal(m.issuer, issuer);
  assert.ok(m.response_types_supported.includes('code') && m.code_challenge_methods_supported.includes('S256'));
  for (const e of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri', 'introspection_endpoint', 'revocation_endpoint', 'end_session_endpoint', 'pushed_authorization_request_endpoint']) assert.ok(m[e].startsWith(`${issuer}/`), `${e} is ${m[e]}`);
});

for (const [library, signIn] of Object.entries({ 'openid-client': viaOpenidClient, oauth4webapi: viaOauth4webapi })) {
  for (const auth of ['basic', 'post', 'none']) {
    await check(`${library} signs in, reads userinfo, refreshes, gives its tokens back and signs out (${auth})`, async () => {
      const app = apps[auth];
      const browser = new Browser({ until: app.redirect });
      const got = await signIn({ issuer, ...app, auth, drive: (url) => drive(url, app.redirect, browser) });
      assert.equal(got.claims.iss, issuer);
      assert.equal(got.userinfo.sub, got.claims.sub);
      assert.equal(got.userinfo.preferred_username, username);
      assert.ok(got.refreshed, 'no refresh token, or it gave nothing');
      assert.ok(got.rotated, 'the refresh token stayed the same');
      assert.deepEqual(got.active, [true, false], 'active before and after revocation');
      browser.until = app.bye;
      const asked = await browser.open(got.logout);
      assert.equal(step(asked)?.name, 'sign_out');
      const end = await browser.submit(asked, {}, 'sign_out');
      assert.ok(end.reached?.startsWith(`${app.bye}?state=`), `stopped at ${end.url}`);
    });
  }
}

await check('an app gets tokens of its own', async () => {
  const about = await ofItsOwn({ issuer, ...apps.robot });
  assert.equal(about.active, true);
  assert.equal(about.sub, apps.robot.id);
});

await check('openid-client signs itself and its request, and gets tokens bound to a key', async () => {
  const { id, key, redirect } = apps.private_key_jwt;
  const got = await viaSignatures({ issuer, id, pem: key, redirect, drive: (url) => drive(url, redirect) });
  assert.equal(got.type, 'dpop');
  assert.equal(got.about.token_type, 'DPoP');
  assert.ok(got.about.cnf.jkt && got.same);
  assert.notEqual(got.stolen, 'taken');
});

await check('openid-client registers an app by invitation and signs in with it', async () => {
  const { redirect } = apps.basic;
  const got = await viaRegistration({ issuer, token: invitation, redirect, drive: (url) => drive(url, redirect) });
  assert.equal(got.audience, got.id);
});

await check('openid-client lets a device in', async () => {
  const claims = await viaDevice({ issuer, id: apps.device.id, letIn: async ({ verification_uri_complete: address, user_code: code }) => {
    const browser = new Browser();
    let page = await browser.open(address);
    for (const action of ['continue', 'continue', 'allow']) page = await browser.submit(page, step(page).name === 'password' ? { username, password } : {}, action);
    assert.equal(page.status, 200);
    assert.ok(code);
  } });
  assert.equal(claims.aud, apps.device.id);
});

const chat = new Chat({ issuer, id: rocketchat.client_id, secret: rocketchat.client_secret, redirect: rocketchat.redirect_uri });
for (const engine of ENGINES) {
  await check(`Rocket.Chat's ${engine} engine signs in`, async () => {
    const { person } = await chat.finish(await drive(chat.begin(engine), chat.redirect));
    assert.equal(person.preferred_username, username);
  });
}

await check('a code is used once, and using it again ends what it gave', async () => {
  const address = new URL(await drive(chat.begin('legacy-body'), chat.redirect));
  const redeem = () => send(`${issuer}/oauth2/token`, { method: 'POST', body: form({
    grant_type: 'authorization_code', code: address.searchParams.get('code'), redirect_uri: chat.redirect, client_id: chat.id, client_secret: chat.secret }) });
  const first = await redeem(), second = await redeem();
  assert.equal(first.status, 200, first.body);
  assert.equal(second.status, 400);
  assert.equal(json(second).error, 'invalid_grant');
  assert.ok(json(second).error_description);
  const after = await send(`${issuer}/oauth2/userinfo`, { headers: { authorization: `Bearer ${json(first).access_token}` } });
  assert.equal(after.status, 401);
  assert.match(after.headers['www-authenticate'], /invalid_token/);
});

await check('a wrong secret is invalid_client, with a sentence', async () => {
  const res = await send(`${issuer}/oauth2/token`, { method: 'POST', body: form({
    grant_type: 'authorization_code', code: 'x', redirect_uri: chat.redirect, client_id: chat.id, client_secret: 'wrong' }) });
  assert.equal(res.status, 401, res.body);
  assert.equal(json(res).error, 'invalid_client');
  assert.ok(json(res).error_description);
});

await check('userinfo does not take a token from the address', async () => {
  const { token } = await chat.finish(await drive(chat.begin('modern'), chat.redirect));
  const res = await send(`${issuer}/oauth2/userinfo?access_token=${encodeURIComponent(token)}`);
  assert.ok([400, 401].includes(res.status), `answered ${res.status}`);
});

await check('an unknown redirect URI gets a page, not a redirect', async () => {
  const res = await send(chat.begin('modern').replace('chat.example.org', 'chat.example.com'));
  assert.ok(res.status >= 400 && res.status < 500, `answered ${res.status}`);
  assert.equal(res.headers.location, undefined);
  assert.match(res.body, /data-error=/);
});

await check('a wrong password is told in an alert, and the same for somebody unknown', async () => {
  const told = [];
  for (const name of [username, 'nobody-of-that-name']) {
    const browser = new Browser({ until: chat.redirect });
    const page = await browser.open(chat.begin('modern'));
    assert.equal(step(page)?.name, 'password');
    const answer = await browser.submit(page, { username: name, password: 'not the password' }, 'continue');
    assert.ok(!answer.reached);
    told.push([answer.status, alertOf(answer)]);
  }
  assert.ok(told[0][1], 'no alert');
  assert.deepEqual(told[0], told[1]);
});

if (secure) {
  await check('mod_auth_openidc signs in, hands the claims to the page, refreshes and signs out', async () => {
    const browser = new Browser();
    const end = await browser.signIn(secure, username, password);
    assert.equal(end.status, 200);
    assert.match(end.body, new RegExp(`^OIDC_CLAIM_preferred_username=${username}$`, 'm'));
    assert.match(end.body, /^OIDC_CLAIM_sub=./m);
    const token = (body) => body.match(/^OIDC_access_token=(.+)$/m)[1];
    const hook = (query) => `${secure}/callback?${new URLSearchParams(query)}`;
    const after = await browser.open(hook({ refresh: secure, access_token: token(end.body) }));
    assert.equal(after.status, 200, after.body);
    assert.notEqual(token(after.body), token(end.body));
    const leave = await browser.open(hook({ logout: secure.replace('/secure', '/public') }));
    assert.equal(step(leave)?.name, 'sign_out', leave.body);
    const out = await browser.submit(leave, {}, 'sign_out');
    assert.ok(out.url.startsWith(secure.replace('/secure', '/public')), out.url);
    assert.equal(step(await browser.open(secure))?.name, 'password');
  });
}

done();
