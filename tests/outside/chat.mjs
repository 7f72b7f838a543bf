// Plays Rocket.Chat towards gantry, as both of its engines do it: plain OAuth 2 with a code and
// userinfo, no discovery, no nonce, no look at the ID token.
//   legacy-basic   no PKCE, long base64 state, the secret raw in Basic, an extra `state` at the token endpoint
//   legacy-body    the same with the secret in the form
//   legacy-close   the same in a popup, whose redirect URI ends in `?close`
//   modern         PKCE S256, 24 characters of state, the secret in the form, no Accept header
import fs from 'node:fs';
import https from 'node:https';
import { createHash, randomBytes } from 'node:crypto';
import { send, form } from '../peers/http.mjs';

export const ENGINES = ['legacy-basic', 'legacy-body', 'legacy-close', 'modern'];

export class Chat {
  #pending = new Map();

  // `issuer`, `id`, `secret`, `redirect`: what an administrator types into Rocket.Chat.
  constructor(settings) { Object.assign(this, settings); }

  // The address that the sign-in button opens.
  begin(engine) {
    const redirect = engine === 'legacy-close' ? `${this.redirect}?close` : this.redirect;
    const state = engine === 'modern' ? randomBytes(18).toString('base64url') : legacyState(engine);
    const verifier = engine === 'modern' ? randomBytes(32).toString('base64url') : undefined;
    this.#pending.set(state, { engine, redirect, verifier });
    const challenge = verifier ? { code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' } : {};
    const rest = Object.entries({ redirect_uri: redirect, response_type: 'code', state, scope: 'openid profile email', ...challenge });
    return `${this.issuer}/oauth2/authorize?client_id=${this.id}&${rest.map(([k, v]) => `${k}=${encodeURIComponent(v)}`).join('&')}`;
  }

  // From the address the browser came back to, to {engine, person}.
  async finish(address) {
    const { searchParams: q } = new URL(address), flow = this.#pending.get(q.get('state'));
    if (!flow) throw new Error(`state came back changed: ${q.get('state')}`);
    this.#pending.delete(q.get('state'));
    if (!address.startsWith(flow.redirect)) throw new Error(`sent back to ${address}, not to ${flow.redirect}`);
    if (q.get('error')) throw new Error(`${q.get('error')}: ${q.get('error_description')}`);
    const token = await this.#redeem(flow, q.get('code'), q.get('state'));
    return { engine: flow.engine, person: await this.person(token), token };
  }

  async #redeem({ engine, redirect, verifier }, code, state) {
    const fields = { grant_type: 'authorization_code', code, redirect_uri: redirect };
    const headers = { 'user-agent': 'Meteor' };
    if (engine === 'modern') Object.assign(fields, { client_id: this.id, client_secret: this.secret, code_verifier: verifier });
    else Object.assign(fields, { state }) && Object.assign(headers, { accept: 'application/json' });
    // Meteor neither encodes the halves (as RFC 6749 section 2.3.1 wants) nor needs to: our secrets are [A-Za-z0-9_-].
    if (engine === 'legacy-basic') headers.authorization = `Basic ${Buffer.from(`${this.id}:${this.secret}`).toString('base64')}`;
    else if (engine !== 'modern') Object.assign(fields, { client_id: this.id, client_secret: this.secret });
    const res = await send(`${this.issuer}/oauth2/token`, { method: 'POST', headers, body: form(fields) });
    const answer = JSON.parse(res.body);
    if (res.status !== 200) {
      // Without a description Rocket.Chat shows an empty message.
      if (!answer.error_description) throw new Error(`${answer.error} without error_description (${res.status})`);
      throw new Error(`${answer.error}: ${answer.error_description}`);
    }
    for (const name of ['access_token', 'token_type', 'expires_in', 'id_token']) if (!answer[name]) throw new Error(`the token answer has no ${name}`);
    return answer.access_token;
  }

  async person(token) {
    const res = await send(`${this.issuer}/oauth2/userinfo`, { headers: { authorization: `Bearer ${token}`, 'content-length': '0' } });
    if (res.status !== 200) throw new Error(`userinfo answered ${res.status}: ${res.headers['www-authenticate'] ?? res.body}`);
    return usable(JSON.parse(res.body));
  }
}

// What Rocket.Chat keeps of userinfo, and what would make it another person's account.
const TAKEN_FOR_AN_ID = ['id', '_id', 'result', 'ID', 'user', 'user_id', 'userid', 'metadata', 'ocs', 'phid', 'CharacterID', 'emails', 'accessToken', 'expiresAt', 'serverURL', 'nickname'];
const NAMES_OF_ITS_OWN = ['admin', 'administrator', 'system', 'user', 'all', 'here'];

function usable(person) {
  if (typeof person.sub !== 'string' || !person.sub) throw new Error(`sub is ${JSON.stringify(person.sub)}`);
  if (!/^[0-9a-zA-Z-_.]+$/.test(person.preferred_username ?? '')) throw new Error(`preferred_username is ${JSON.stringify(person.preferred_username)}`);
  if (NAMES_OF_ITS_OWN.includes(person.preferred_username)) throw new Error(`the name ${person.preferred_username} is Rocket.Chat's own`);
  for (const name of Object.keys(person)) if (TAKEN_FOR_AN_ID.includes(name) || /[.$]/.test(name)) throw new Error(`userinfo has a member ${name}`);
  return person;
}

// Base64 of JSON, about 300 characters, with all of `+ / =` in it.
function legacyState(engine) {
  for (;;) {
    const state = Buffer.from(JSON.stringify({
      loginStyle: engine === 'legacy-close' ? 'popup' : 'redirect', credentialToken: randomBytes(32).toString('base64url'), isCordova: false,
      redirectUrl: `https://chat.example.org/channel/über?~>>${randomBytes(24).toString('latin1').replace(/[\0-\x1f"\\]/g, '?')}`,
    })).toString('base64');
    if (/\+/.test(state) && /\//.test(state) && /=$/.test(state)) return state;
  }
}

// --- the pages a person sees there ------------------------------------------------------------------

const page = (title, body, script = '') => `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><body style="font:16px sans-serif;margin:1rem"><h1>${title}</h1>${body}${script && `<script>${script}</script>`}`;
const text = (s) => String(s).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

const lobby = page('Team chat', ENGINES.map((e) => `<p><a id="${e}" href="/login/${e}">Sign in (${e})</a>`).join('') + '<p id="who">nobody',
  `document.getElementById('legacy-close').onclick = (e) => { e.preventDefault(); window.open(e.target.href, 'Login', 'width=900,height=450'); };
   window.signedIn = (name) => { document.getElementById('who').textContent = 'signed in as ' + name; };`);

// Serves https with the given pair on any free port; resolves to {port, close}.
// `app` answers a path with [type, text], or nothing.
export function serve(chat, { cert, key, app = () => undefined }) {
  const server = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, async (req, res) => {
    const { pathname, href } = new URL(req.url, `https://${req.headers.host}`);
    const html = (status, body) => res.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(body);
    const own = app(pathname);
    if (own) return res.writeHead(200, { 'content-type': own[0], 'cache-control': 'no-store' }).end(own[1]);
    if (pathname === '/') return html(200, lobby);
    if (pathname === '/favicon.ico') return res.writeHead(204).end();
    if (pathname.startsWith('/login/')) return res.writeHead(302, { location: chat.begin(pathname.slice(7)) }).end();
    if (href.startsWith(chat.redirect)) {
      try {
        const { engine, person } = await chat.finish(href), name = person.preferred_username;
        // The popup tells its opener and closes: the sign-in pages must not have cut the two apart.
        const script = engine === 'legacy-close' ? `if (window.opener) { window.opener.signedIn(${JSON.stringify(name)}); window.close(); }` : '';
        return html(200, page('Team chat', `<p id="who">signed in as ${text(name)}`, script));
      } catch (e) { return html(200, page('Team chat', `<p id="error">${text(e.message)}`)); }
    }
    // An app whose one callback sends people on to where they were.
    const onward = new URL(href).searchParams.get('state')?.match(/^onward:(.*)/)?.[1];
    if (onward) return res.writeHead(302, { location: `${onward}/landed` }).end();
    // Other apps of the tests end here; the page shows what they were told.
    html(200, page('Another app', `<p id="query">${text(new URL(href).search)}`));
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done({ port: server.address().port, close: () => server.close() })));
}
