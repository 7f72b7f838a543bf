// Passkeys with Chromium's own authenticators: added at the account, as the first proof and as the second one, from a
// page that is not gantry's, and removed again.
import path from 'node:path';
import { check, assert } from '../peers/tap.mjs';

// Chromium's own authenticator, with a finger that always fits; what it holds is returned by the function. Signatures
// are counted: whoever goes on with the same credentials takes them from there.
export async function authenticator(page, credentials = [], transport = 'internal') {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport, hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options });
  for (const credential of credentials) await cdp.send('WebAuthn.addCredential', { authenticatorId, credential });
  const held = async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
  held.unplug = () => cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
  return held;
}

// What the page of a stranger can ask for: the answer to the question that gantry's page shows.
const stolen = (options) => `(async () => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=+$/, '');
  const options = ${options};
  options.challenge = bytes(options.challenge);
  for (const known of options.allowCredentials) known.id = bytes(known.id);
  try {
    const credential = await navigator.credentials.get({ publicKey: options }), { response } = credential;
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: {
      clientDataJSON: text(response.clientDataJSON), authenticatorData: text(response.authenticatorData), signature: text(response.signature), userHandle: text(response.userHandle) } });
  } catch (e) { return e.name; }
})()`;

// world: { issuer, board: address of an app that takes passkeys, safe: of one that wants a second proof, person: name
// and password of somebody without a second factor, visit, screens, shots, other: origin on the issuer's host }.
export async function passkeys({ board, safe, person, visit, screens, shots, issuer, other, noSidewaysScroll, everyInputHasALabel }) {
  const FORM = 'form[data-step="password"]';
  const shot = (page, what) => page.screenshot({ path: path.join(shots, `${what}.png`), fullPage: true });
  const entered = (page) => page.waitForSelector('form[data-step="consent"], #query');
  const byPassword = async (page) => {
    await page.fill(`${FORM} input[name="username"]`, person.username);
    await page.fill(`${FORM} input[name="password"]`, person.password);
    await page.locator(`${FORM} button[value="continue"]`).click();
  };
  const toAccount = async (page) => { await page.goto(`${issuer}/account`); await page.waitForSelector('form[data-step="account"]'); };
  const add = async (page, name) => {
    await page.click('button[name="add"][value="passkey"]');
    await page.waitForSelector('form[data-passkey="create"]');
    await noSidewaysScroll(page);
    await everyInputHasALabel(page);
    await page.fill('#name', name);
    await page.click('button[value="continue"]');
  };
  let phone, blue;

  await check('a passkey is added at the account, on a phone', () => visit({ viewport: screens.phone, colorScheme: 'dark' }, async (page) => {
    const held = await authenticator(page);
    await page.goto(board);
    await page.waitForSelector(FORM);
    await shot(page, 'passkey-sign-in-phone-dark');
    await noSidewaysScroll(page);
    await byPassword(page);
    await entered(page);
    await toAccount(page);
    await add(page, 'My <b>phone</b>');
    await page.click('form[data-step="recovery_codes"] button[value="continue"]');
    await page.waitForSelector('button[name="remove_key"]');
    await noSidewaysScroll(page);
    await shot(page, 'passkey-account-phone-dark');
    assert.match(await page.textContent('ul.rows'), /My <b>phone<\/b>/);
    phone = await held();
    assert.equal(phone.length, 1);
  }));

  await check('a passkey is the second proof, and a second one is added', () => visit({ viewport: screens.popup, locale: 'de-DE' }, async (page) => {
    const first = await authenticator(page, phone);
    await page.goto(safe);
    await page.waitForSelector(FORM);
    await byPassword(page);
    await page.waitForSelector('form[data-passkey="get"]');
    await noSidewaysScroll(page);
    await shot(page, 'passkey-second-popup-german');
    await page.click('button[value="continue"]');
    await entered(page);
    await toAccount(page);
    phone = await first();
    // With the first one at hand the browser would say that it is known.
    await first.unplug();
    const held = await authenticator(page, [], 'usb');
    await add(page, 'Blau');
    await page.waitForSelector('button[name="remove_key"] >> nth=1');
    await noSidewaysScroll(page);
    await shot(page, 'passkey-account-popup-german');
    blue = await held();
  }));

  await check('a passkey signs in without a name, by the button', () => visit({ viewport: screens.phone, locale: 'de-DE' }, async (page) => {
    await page.addInitScript(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false; });
    const held = await authenticator(page, phone);
    await page.goto(board);
    await page.waitForSelector(FORM);
    await shot(page, 'passkey-sign-in-phone-german');
    await page.click(`${FORM} button[value="passkey"]`);
    await entered(page);
    phone = await held();
  }));

  await check('a passkey is among the suggestions for the name', () => visit({}, async (page) => {
    const held = await authenticator(page, phone);
    await page.goto(board);
    // An authenticator that needs no touch is picked as soon as the page asks.
    await entered(page);
    phone = await held();
  }));

  await check('a passkey signs in after a name', () => visit({ viewport: screens.popup, colorScheme: 'dark' }, async (page) => {
    await page.addInitScript(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false; });
    const held = await authenticator(page, phone);
    await page.goto(board);
    await page.fill(`${FORM} input[name="username"]`, person.username);
    await page.click(`${FORM} button[value="passkey"]`);
    await page.waitForSelector('form[data-passkey="get"]');
    await noSidewaysScroll(page);
    await shot(page, 'passkey-named-popup-dark');
    await page.click('button[value="continue"]');
    await entered(page);
    phone = await held();
  }));

  await check('without scripts no passkeys are offered', () => visit({ viewport: screens.phone, javaScriptEnabled: false }, async (page) => {
    await page.goto(board);
    await page.waitForSelector(FORM);
    assert.equal(await page.locator('button[value="passkey"]:visible, [role="alert"]:visible').count(), 0);
    await shot(page, 'passkey-sign-in-without-scripts');
    await page.goto(safe);
    await page.waitForSelector(FORM);
    await byPassword(page);
    await page.waitForSelector('form[data-step="passkey"]');
    assert.ok(await page.locator('noscript, .note:visible').count());
    await noSidewaysScroll(page);
    await shot(page, 'passkey-without-scripts');
  }));

  await check('what a passkey says to a page of another origin proves nothing here', () => visit({}, async (page, context) => {
    await page.addInitScript(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false; });
    await authenticator(page, phone);
    await page.goto(board);
    await page.waitForSelector(FORM);
    const options = await page.getAttribute(FORM, 'data-options');
    const stranger = await context.newPage();
    const held = await authenticator(stranger, phone);
    // Another host: the browser itself refuses.
    await stranger.goto(new URL(board).searchParams.get('redirect_uri'));
    assert.equal(await stranger.evaluate(stolen(options)), 'SecurityError');
    // Another port of the same host: the browser answers, and says where.
    await stranger.goto(other);
    const answer = await stranger.evaluate(stolen(options));
    assert.match(answer, /^\{"id"/, answer);
    phone = await held();
    await page.evaluate((text) => {
      const form = document.querySelector('form');
      form.elements.namedItem('credential').value = text;
      const action = Object.assign(document.createElement('input'), { type: 'hidden', name: 'action', value: 'passkey' });
      form.append(action);
      HTMLFormElement.prototype.submit.call(form);
    }, answer);
    await page.waitForSelector('#error');
    await shot(page, 'passkey-refused');
  }, /status of 422/));

  await check('one of two passkeys is removed, the other one stays', () => visit({ viewport: screens.phone, locale: 'de-DE' }, async (page) => {
    await page.addInitScript(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false; });
    await authenticator(page, phone);
    await page.goto(board);
    await page.click(`${FORM} button[value="passkey"]`);
    await entered(page);
    await toAccount(page);
    await shot(page, 'passkey-account-phone-german');
    await page.click('button[name="rename_key"] >> nth=0');
    await page.waitForSelector('form[data-step="rename"]');
    await everyInputHasALabel(page);
    await shot(page, 'passkey-rename-phone-german');
    await page.fill('#name', 'Telefon');
    await page.click('button[value="continue"]');
    await page.click('li:has-text("Blau") button[name="remove_key"]');
    await page.waitForSelector('form[data-step="remove"]');
    await shot(page, 'passkey-remove-phone-german');
    await page.click('button[value="continue"]');
    await page.waitForSelector('form[data-step="account"]');
    assert.equal(await page.locator('button[name="remove_key"]').count(), 1);
    assert.match(await page.textContent('ul.rows'), /Telefon/);
  }));

  await check('a removed passkey signs nobody in', () => visit({}, async (page) => {
    await page.addInitScript(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false; });
    await authenticator(page, blue, 'usb');
    await page.goto(board);
    await page.click(`${FORM} button[value="passkey"]`);
    await page.waitForSelector('#error');
  }, /status of 422/));
}
