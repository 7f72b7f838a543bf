// A person with Chromium: from the chat's button through gantry's pages and back. FACTS names a JSON
// file with what `gantry try` wrote, the chat's certificate and the third-party app; SHOTS a folder.
import fs from 'node:fs';
import path from 'node:path';
import { createHmac } from 'node:crypto';
import { check, assert, done } from '../peers/tap.mjs';
import { launch, watch } from '../peers/browser.mjs';
import { send, form, json } from '../peers/http.mjs';
import { Chat, serve } from './chat.mjs';
import { spaPage } from './spa.mjs';
import { authenticator, passkeys as usePasskeys } from './passkeys.mjs';
import { pushMessages, pushPage } from './push.mjs';

const { url: issuer, username, password, config, mail, wiki, spa, tv, push, cert, key, ...rocketchat } = JSON.parse(fs.readFileSync(process.env.FACTS));
const shots = process.env.SHOTS;
fs.mkdirSync(shots, { recursive: true });

const chat = new Chat({ issuer, id: rocketchat.client_id, secret: rocketchat.client_secret, redirect: rocketchat.redirect_uri });
const site = new URL(chat.redirect).origin;
const server = await serve(chat, { cert, key, app: spaPage({ issuer, ...spa }) });
const browser = await launch({ map: { [new URL(site).hostname]: server.port, [new URL(wiki.redirect).hostname]: server.port, [new URL(spa.origin).hostname]: server.port } });

const SCREENS = { phone: { width: 360, height: 740 }, popup: { width: 900, height: 450 }, desktop: { width: 1280, height: 800 } };
const FORM = 'form[data-step="password"]';
const CONTINUE = `${FORM} button[name="action"][value="continue"], ${FORM} button[type="submit"]`;

// visit(options, run): a fresh browser profile; the console must stay silent but for `expected`.
async function visit(options, run, expected = /$^/) {
  const context = await browser.newContext({ locale: 'en-GB', viewport: SCREENS.desktop, ...options });
  context.setDefaultTimeout(15_000);
  const seen = [];
  context.on('page', (page) => watch(page, seen));
  const page = await context.newPage();
  try {
    await run(page, context);
    assert.deepEqual(seen.filter((x) => !expected.test(x)), [], 'the console is not silent');
  } catch (e) {
    await page.screenshot({ path: path.join(shots, `failed-${Date.now()}.png`) }).catch(() => {});
    if (seen.length) e.message += `\nconsole: ${seen.join('\n')}`;
    throw e;
  } finally { await context.close(); }
}

async function toSignIn(page, engine = 'legacy-basic') {
  await page.goto(site);
  await page.click(`#${engine}`);
  await page.waitForSelector(FORM);
}

async function fill(page, secret = password) {
  await page.fill(`${FORM} input[name="username"]`, username);
  await page.fill(`${FORM} input[name="password"]`, secret);
  await page.locator(CONTINUE).first().click();
}

async function signedIn(page) {
  await page.waitForSelector('#who, #error');
  assert.equal(await page.textContent('#who, #error'), `signed in as ${username}`);
}

// --- what every screen must hold ------------------------------------------------------------------

async function noSidewaysScroll(page) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= window, `the page is ${content} px wide in a window of ${window} px`);
}

async function fits(page) {
  const { height } = page.viewportSize();
  for (const part of ['input[name="username"]', 'input[name="password"]', 'button[name="action"]']) {
    const box = await page.locator(`${FORM} ${part}`).first().boundingBox();
    assert.ok(box && box.y >= 0 && box.y + box.height <= height, `${part} ends at ${box && box.y + box.height} px of ${height}`);
  }
}

async function everyInputHasALabel(page) {
  const bare = await page.evaluate(() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
    .filter((x) => !x.labels?.length && !x.getAttribute('aria-label') && !x.getAttribute('aria-labelledby')).map((x) => x.outerHTML));
  assert.deepEqual(bare, []);
}

async function tabReaches(page, wanted) {
  // The page may have put the focus on a field already: that counts as the first stop.
  const first = await page.evaluate(() => document.activeElement?.getAttribute('name'));
  const order = wanted.includes(first) ? [first] : [];
  for (let i = 0; i < 25; i++) {
    await page.keyboard.press('Tab');
    const name = await page.evaluate(() => document.activeElement?.getAttribute('name'));
    if (name && wanted.includes(name) && !order.includes(name)) order.push(name);
  }
  assert.deepEqual(order, wanted);
}

// --- the visits -----------------------------------------------------------------------------------

for (const [screen, viewport] of Object.entries(SCREENS)) {
  for (const colorScheme of ['light', 'dark']) {
    for (const javaScriptEnabled of [true, false]) {
      const engine = colorScheme === 'light' ? 'legacy-basic' : 'modern';
      await check(`sign-in on a ${screen}, ${colorScheme}, ${javaScriptEnabled ? 'with' : 'without'} scripts (${engine})`, () =>
        visit({ viewport, colorScheme, javaScriptEnabled }, async (page) => {
          await toSignIn(page, engine);
          await noSidewaysScroll(page);
          await fits(page);
          await everyInputHasALabel(page);
          if (javaScriptEnabled) await shoot(page, 'sign-in', screen, colorScheme);
          await fill(page);
          await signedIn(page);
        }));
    }
  }
}

// The pictures of README.md are the light ones, under a plain name.
async function shoot(page, what, screen, scheme) {
  const file = path.join(shots, `${what}-${screen}-${scheme}.png`);
  await page.screenshot({ path: file });
  if (scheme === 'light') fs.copyFileSync(file, path.join(shots, `${what}-${screen}.png`));
}

await check('Tab reaches name, password and button in this order', () => visit({}, async (page) => {
  await toSignIn(page);
  await tabReaches(page, ['username', 'password', 'action']);
}));

await check('Enter in the password field signs in', () => visit({}, async (page) => {
  await toSignIn(page, 'legacy-body');
  await page.fill('input[name="username"]', username);
  await page.fill('input[name="password"]', password);
  await page.press('input[name="password"]', 'Enter');
  await signedIn(page);
}));

await check('a popup tells its opener and closes', () => visit({}, async (page, context) => {
  await page.goto(site);
  const [popup] = await Promise.all([context.waitForEvent('page'), page.click('#legacy-close')]);
  await popup.waitForSelector(FORM);
  await Promise.all([popup.waitForEvent('close'), fill(popup).catch((e) => { if (!popup.isClosed()) throw e; })]);
  assert.equal(await page.textContent('#who'), `signed in as ${username}`);
}));

await check('a wrong password is told in an alert, keeps the name and lets one try again', () => visit({ viewport: SCREENS.phone }, async (page) => {
  await toSignIn(page);
  await fill(page, 'not the password');
  await page.waitForSelector('[role="alert"]:visible');
  assert.ok((await page.textContent('[role="alert"]')).trim());
  assert.equal(await page.inputValue('input[name="username"]'), username);
  assert.equal(await page.inputValue('input[name="password"]'), '');
  await noSidewaysScroll(page);
  await page.screenshot({ path: path.join(shots, 'wrong-password-phone.png') });
  await fill(page);
  await signedIn(page);
}, /status of 4\d\d/));

await check('who is signed in is not asked again, and is after signing out', () => visit({}, async (page) => {
  await toSignIn(page);
  await fill(page);
  await signedIn(page);
  await page.goto(site);
  await page.click('#modern');
  await signedIn(page);
  await page.goto(`${issuer}/oauth2/logout`);
  const leave = page.locator('form[data-step] button[type="submit"], form[data-step] button[name="action"]').first();
  if (await leave.count()) {
    await page.screenshot({ path: path.join(shots, 'sign-out.png') });
    await Promise.all([page.waitForResponse((r) => r.request().method() === 'POST'), leave.click()]);
    await page.waitForLoadState();
  }
  await toSignIn(page, 'modern');
}));

await check('a German browser gets German pages', () => visit({ locale: 'de-DE', viewport: SCREENS.phone }, async (page) => {
  await toSignIn(page);
  assert.match(await page.getAttribute('html', 'lang'), /^de/);
  assert.match(await page.textContent('body'), /Passwort/);
  await noSidewaysScroll(page);
  await page.screenshot({ path: path.join(shots, 'sign-in-german.png') });
}));

const wikiUrl = (state = 'wiki') => `${issuer}/oauth2/authorize?${new URLSearchParams({ client_id: wiki.id, redirect_uri: wiki.redirect, response_type: 'code', scope: 'openid profile email', state,
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' })}`;

async function toConsent(page) {
  await page.goto(wikiUrl());
  await page.waitForSelector(FORM);
  await fill(page);
  await page.waitForSelector('form[data-step="consent"]');
}
const told = async (page) => { await page.waitForSelector('#query'); return new URLSearchParams(await page.textContent('#query')); };

await check("somebody else's app asks first, and may be told no", () => visit({}, async (page) => {
  await toConsent(page);
  await page.screenshot({ path: path.join(shots, 'consent.png') });
  await page.click('form[data-step="consent"] button[value="deny"]');
  const q = await told(page);
  assert.equal(q.get('error'), 'access_denied');
  assert.equal(q.get('state'), 'wiki');
}));

await check("somebody else's app may be told yes, without scripts on a phone", () => visit({ viewport: SCREENS.phone, javaScriptEnabled: false }, async (page) => {
  await toConsent(page);
  await noSidewaysScroll(page);
  await page.click('form[data-step="consent"] button[value="allow"]');
  assert.ok((await told(page)).get('code'));
}));

await check('an impatient second click sends nothing again', () => visit({}, async (page) => {
  await toSignIn(page);
  await page.fill(`${FORM} input[name="username"]`, username);
  await page.fill(`${FORM} input[name="password"]`, password);
  let posts = 0;
  page.on('request', (request) => { posts += request.method() === 'POST' ? 1 : 0; });
  await page.evaluate((button) => {
    const press = () => document.querySelector(button).click();
    press();
    requestAnimationFrame(() => requestAnimationFrame(press));
  }, CONTINUE);
  await signedIn(page);
  assert.equal(posts, 1);
}));

// Chromium takes the whole way for one that began with our form.
await check('an app with one callback for many hosts sends people on to another', () => visit({}, async (page) => {
  await page.goto(wikiUrl(`onward:${spa.origin}`));
  await page.waitForSelector(FORM);
  await fill(page);
  await page.waitForURL(`${spa.origin}/landed`);
}));

await check('a browser app with oidc-client-ts signs in, reads userinfo, refreshes, gives its tokens back and signs out', () => visit({}, async (page) => {
  await page.goto(`${spa.origin}/notes`);
  await page.click('#sign-in');
  await page.waitForSelector(FORM);
  await fill(page);
  await page.waitForSelector('#done, #error');
  assert.equal(await page.textContent('#done, #error'), `signed in as ${username}`);
  assert.equal(await page.textContent('#refreshed'), 'refreshed and rotated');
  await page.click('#sign-out');
  await page.click('form[data-step="sign_out"] button[value="sign_out"]');
  await page.waitForURL(`${spa.origin}/bye?state=*`);
  await page.goto(`${issuer}/`);
  await page.waitForSelector(FORM);
}));

for (const [look, options] of Object.entries({ 'on a phone': { viewport: SCREENS.phone, colorScheme: 'dark' }, 'in a popup, without scripts': { viewport: SCREENS.popup, javaScriptEnabled: false } })) {
  await check(`a device is let in ${look}`, () => visit(options, async (page) => {
    const asked = json(await send(`${issuer}/oauth2/device_authorization`, { method: 'POST', body: form({ client_id: tv.id, scope: 'openid profile' }) }));
    await page.goto(asked.verification_uri);
    await page.fill('#user_code', asked.user_code.toLowerCase().replace('-', ' '));
    await noSidewaysScroll(page);
    await everyInputHasALabel(page);
    await page.screenshot({ path: path.join(shots, `device-${look.split(' ').pop()}.png`) });
    await page.click('form[data-step="device"] button');
    await page.waitForSelector(FORM);
    await fill(page);
    await page.waitForSelector('form[data-step="consent"]');
    assert.ok((await page.textContent('form')).includes(asked.user_code));
    await noSidewaysScroll(page);
    await page.screenshot({ path: path.join(shots, `device-consent-${look.split(' ').pop()}.png`), fullPage: true });
    await page.click('form[data-step="consent"] button[value="allow"]');
    await page.waitForSelector('h1');
    await page.waitForLoadState();
    const given = json(await send(`${issuer}/oauth2/token`, { method: 'POST', body: form({ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: asked.device_code, client_id: tv.id }) }));
    assert.ok(given.id_token, JSON.stringify(given));
  }));
}

// The link in the letter to this address, once it is there.
async function mailedLink(address) {
  for (let i = 0; i < 100; i++) {
    const letters = fs.existsSync(mail) ? fs.readdirSync(mail).filter((x) => x.endsWith('.eml')).map((x) => fs.readFileSync(path.join(mail, x), 'utf8')) : [];
    const letter = letters.find((x) => x.includes(`To: ${address}`));
    const link = letter?.replaceAll('=\r\n', '').match(/https:\S+\/activate\/\S+/);
    if (link) return link[0];
    await new Promise((next) => setTimeout(next, 100));
  }
  throw new Error(`no letter to ${address}`);
}

const REGISTER = 'form[data-step="register"]';
async function register(page, name, secret) {
  await page.waitForSelector(REGISTER);
  await noSidewaysScroll(page);
  await everyInputHasALabel(page);
  await page.fill('#username', name);
  await page.fill('#email', `${name}@example.org`);
  await page.fill('#field_team', 'Blue');
  await page.fill('#password', secret);
  await page.fill('#password_again', secret);
}

// From here on people may register: the running service takes the changed file by itself.
fs.appendFileSync(config, `
registration:
  self:
    allowed_domains: [example.org]
    fields: [{ name: team, label: { en: Team, de: Gruppe }, required: true }, { name: desk, label: { en: Desk, de: Platz } }]
`);
for (let i = 0; !json(await send(`${issuer}/.well-known/openid-configuration`)).prompt_values_supported.includes('create'); i++) {
  if (i > 150) throw new Error('registration is not switched on');
  await new Promise((next) => setTimeout(next, 100));
}

const VISITORS = {
  'on a phone': [{ viewport: SCREENS.phone, colorScheme: 'dark' }, 'rosa'],
  'in a German popup, without scripts': [{ viewport: SCREENS.popup, javaScriptEnabled: false, locale: 'de-DE' }, 'paul'],
  'on a phone in German': [{ viewport: SCREENS.phone, locale: 'de-DE' }, 'emil'],
};
for (const [look, [options, name]] of Object.entries(VISITORS)) {
  await check(`an account of one's own ${look}`, () => visit(options, async (page) => {
    const secret = 'a horse that can sing', shot = (what) => page.screenshot({ path: path.join(shots, `${what}-${name}.png`), fullPage: true });
    if (name === 'paul') await page.goto(`${wikiUrl()}&prompt=create`);
    else {
      await page.goto(wikiUrl());
      await shot('sign-in');
      await page.click(`${FORM} a[href*="/register/"]`);
    }
    await register(page, username, secret);
    await shot('register');
    await page.click(`${REGISTER} button[value="continue"]`);
    await page.waitForSelector('[role="alert"]');
    assert.equal(await page.inputValue('#field_team'), 'Blue');
    assert.equal(await page.inputValue('#password'), '');
    assert.equal(await page.getAttribute('#username', 'aria-invalid'), 'true');
    await shot('register-taken');
    if (options.javaScriptEnabled !== false) await tabReaches(page, ['username', 'name', 'email', 'field_team', 'field_desk', 'password', 'password_again', 'action']);
    await register(page, name, secret);
    await page.press('#password_again', 'Enter');
    await page.waitForSelector('[role="status"]');
    await noSidewaysScroll(page);
    await shot('registered');
    await page.goto(await mailedLink(`${name}@example.org`));
    await page.waitForSelector('form[data-step="activate"]');
    await noSidewaysScroll(page);
    await shot('activate');
    await page.click('form[data-step="activate"] button[value="continue"]');
    await page.waitForSelector(FORM);
    assert.equal(await page.inputValue(`${FORM} input[name="username"]`), name);
    await page.fill(`${FORM} input[name="password"]`, secret);
    await page.locator(CONTINUE).first().click();
    await page.click('form[data-step="consent"] button[value="allow"]');
    assert.ok((await told(page)).get('code'));
  }, /status of 422/));
}

await pushPage({ issuer, signIn: fill, visit, screens: SCREENS, shots, noSidewaysScroll });

// Rosa got an account above, and has no second factor yet.
const wish = (client_id, more = {}) => `${issuer}/oauth2/authorize?${new URLSearchParams({ client_id, redirect_uri: wiki.redirect, response_type: 'code', scope: 'openid',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256', ...more })}`;
const demanded = { claims: JSON.stringify({ id_token: { acr: { essential: true, values: ['aal2'] } } }) };
const stranger = await serve(chat, { cert, key });
await usePasskeys({ issuer, board: wish('test-board'), safe: wish(wiki.id, demanded), person: { username: 'rosa', password: 'a horse that can sing' },
  other: `https://localhost:${stranger.port}/elsewhere`, visit, screens: SCREENS, shots, noSidewaysScroll, everyInputHasALabel });
stranger.close();

// RFC 6238 with what the page offers for typing.
function totp(typed, seconds = Date.now() / 1000) {
  const bits = [...typed.replace(/\s/g, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(seconds / 30)));
  const mac = createHmac('sha1', key).update(step).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

// The last one of this person, who has a second factor from here on.
await check('an authenticator app is set up on a phone and asked for in a popup without scripts, a passkey beside it', async () => {
  const demanding = `${wikiUrl()}&${new URLSearchParams({ claims: JSON.stringify({ id_token: { acr: { essential: true, values: ['aal2'] } } }) })}`;
  let key, passkeys;
  await visit({ viewport: SCREENS.phone, colorScheme: 'dark' }, async (page) => {
    await page.goto(demanding);
    await page.waitForSelector(FORM);
    await fill(page);
    await page.waitForSelector('form[data-step="enrol"] svg.qr');
    await noSidewaysScroll(page);
    await everyInputHasALabel(page);
    await page.screenshot({ path: path.join(shots, 'enrol-phone.png'), fullPage: true });
    key = await page.textContent('code.secret');
    await page.fill('#code', totp(key));
    await page.click('button[value="continue"]');
    await page.waitForSelector('form[data-step="recovery_codes"]');
    assert.equal(await page.locator('ul.codes li').count(), 10);
    await noSidewaysScroll(page);
    await page.screenshot({ path: path.join(shots, 'recovery-codes-phone.png'), fullPage: true });
    await page.click('button[value="continue"]');
    await page.waitForSelector('form[data-step="consent"], #query');
    const held = await authenticator(page);
    await page.goto(`${issuer}/account`);
    await noSidewaysScroll(page);
    await page.screenshot({ path: path.join(shots, 'account-phone.png'), fullPage: true });
    await page.click('button[name="add"][value="passkey"]');
    await page.waitForSelector('form[data-passkey="create"]');
    assert.ok(await page.isHidden('[data-failed]'), 'nothing has failed yet');
    await everyInputHasALabel(page);
    await noSidewaysScroll(page);
    await page.screenshot({ path: path.join(shots, 'passkey-phone.png'), fullPage: true });
    await page.fill('#name', 'Phone');
    await page.click('button[value="continue"]');
    await page.waitForSelector('button[name="remove_key"]');
    passkeys = await held();
    assert.equal(passkeys.length, 1);
  });
  await visit({ viewport: SCREENS.popup, colorScheme: 'dark' }, async (page) => {
    await authenticator(page, passkeys);
    await page.goto(demanding);
    await page.waitForSelector(FORM);
    await fill(page);
    await page.click('form[data-step="totp"] button[value="other_method"]');
    await page.waitForSelector('form[data-step="choose"]');
    await page.screenshot({ path: path.join(shots, 'choose-popup.png') });
    await page.click('button[name="method"][value="passkey"]');
    await page.waitForSelector('form[data-passkey="get"]');
    await noSidewaysScroll(page);
    await page.screenshot({ path: path.join(shots, 'passkey-popup.png') });
    await page.click('button[value="continue"]');
    await page.waitForSelector('form[data-step="consent"], #query');
  });
  await visit({ viewport: SCREENS.popup, javaScriptEnabled: false }, async (page) => {
    await page.goto(demanding);
    await page.waitForSelector(FORM);
    await fill(page);
    await page.waitForSelector('form[data-step="totp"]');
    await everyInputHasALabel(page);
    await noSidewaysScroll(page);
    await page.screenshot({ path: path.join(shots, 'totp-popup.png') });
    // The code of this half minute is spent; the next one counts already.
    await page.fill('#code', totp(key, Date.now() / 1000 + 30));
    await page.click('button[value="continue"]');
    await page.waitForSelector('form[data-step="consent"], #query');
  });
});

if (process.env.FIREFOX) await pushMessages({ issuer, safe: wish(wiki.id, demanded), ...push, visit, screens: SCREENS, shots });

await browser.close();
server.close();
done();
