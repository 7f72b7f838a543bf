// Push messages to browsers.
import path from 'node:path';
import { check, assert } from '../peers/tap.mjs';

const FORM = 'form[data-step="password"]';

// Headless Chromium has no push service: the page is followed up to there, with a subscription of our own.
export async function pushPage({ issuer, signIn, visit, screens, shots, noSidewaysScroll }) {
  await check('a browser registers for push messages after a click, with a worker of its own', async () => {
    await visit({ viewport: screens.phone, permissions: ['notifications'] }, async (page) => {
      await page.addInitScript(() => {
        window.PushManager.prototype.subscribe = async function subscribe(options) {
          window.asked = { only: options.userVisibleOnly, key: options.applicationServerKey.length };
          return { toJSON: () => ({ endpoint: 'https://push.example.net/x', keys: { p256dh: 'no', auth: 'no' } }) };
        };
      });
      await page.goto(`${issuer}/login`);
      await page.waitForSelector(FORM);
      await signIn(page);
      await page.goto(`${issuer}/account`);
      await page.click('button[name="add"][value="web_push"]');
      await page.waitForSelector('form[data-push-key]');
      assert.ok(await page.isHidden('[data-failed]'), 'nothing has failed yet');
      await noSidewaysScroll(page);
      await page.screenshot({ path: path.join(shots, 'web-push-phone.png'), fullPage: true });
      assert.equal((await page.evaluate(() => navigator.serviceWorker.getRegistrations())).length, 0);
      const posted = page.waitForRequest((request) => request.method() === 'POST');
      await page.click('button[value="continue"]');
      const sent = new URLSearchParams((await posted).postData());
      assert.equal(JSON.parse(sent.get('address')).endpoint, 'https://push.example.net/x');
      // These keys are none: the page says so, and the worker is there.
      await page.waitForSelector('form[data-push-key] [role="alert"]:not([hidden])');
      const scopes = await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).map((one) => one.scope));
      assert.deepEqual(scopes, [`${issuer}/account`]);
    }, /status of 422/);
  });
}
