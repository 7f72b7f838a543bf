// Push messages to browsers: the page in Chromium, and all of it with Firefox, which lets its push service be chosen.
import path from 'node:path';
import { check, assert } from '../peers/tap.mjs';
import { Firefox } from '../peers/firefox.mjs';
import { pushService } from '../peers/push-service.mjs';

const FORM = 'form[data-step="password"]', WAITING = 'form[data-step="web_push"]', NUMBER = `${WAITING} .number strong`;
const ADD = 'button[name="add"][value="web_push"]', REMOVE = 'button[name="remove_key"]', CONTINUE = 'button[value="continue"]';
const WORKER = "navigator.serviceWorker.getRegistration('/account')";
const SUBSCRIPTION = `${WORKER}.then((one) => one.pushManager.getSubscription())`;
// The public key of RFC 8291 appendix A.
const ANOTHER_KEY = 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4';

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

// Firefox is registered at the account, Chromium signs in with a password, and the notification that comes is touched and
// answered in Firefox; then what becomes of a Firefox that is not wanted any more.
// world: { issuer, safe: address of an app that wants a second proof, people: names of two without a second factor (five
// messages go to each, more are too many), password: theirs, port: of the push service that gantry may call, profile:
// folder of Firefox's, visit, screens, shots }.
export async function pushMessages({ issuer, safe, people: [nora, omar], password, port, profile, visit, screens, shots }) {
  const service = await pushService(port);
  const firefox = await Firefox.launch({ profile, pushServer: service.url.replace('http', 'ws') });
  const step = (name, run) => check(name, () => run().catch(async (e) => {
    await firefox.shot(path.join(shots, `failed-${Date.now()}.png`)).catch(() => {});
    throw new Error(`${e.message}\npush service: ${JSON.stringify(service.messages)}`);
  }));

  async function shot(what) {
    await firefox.shot(path.join(shots, `push-${what}.png`));
    const [content, window] = await firefox.run('return [document.documentElement.scrollWidth, document.documentElement.clientWidth]');
    assert.ok(content <= window, `the page is ${content} px wide in a window of ${window} px`);
  }

  // What Firefox shows next; its worker has said that it took the message. Touched.
  async function notified(what) {
    const said = await firefox.notified(path.join(shots, `push-${what}.png`));
    assert.equal(await service.until(() => service.messages.findLast(({ status }) => status === 201).code), 100, 'shown by the worker');
    return said;
  }

  async function toAccount(name) {
    await firefox.open(`${issuer}/login`);
    await firefox.fill(`${FORM} input[name="username"]`, name);
    await firefox.fill(`${FORM} input[name="password"]`, password);
    await firefox.click(`${FORM} ${CONTINUE}`);
    await firefox.find('form[data-step="home"]');
    await firefox.open(`${issuer}/account`);
  }

  // From the account, to the code that comes and back.
  async function register(press = () => firefox.click(CONTINUE)) {
    await firefox.click(ADD);
    await firefox.find('form[data-push-key]');
    await press();
    const { title, text } = await notified('code');
    const [code] = text.match(/\b\d{6}\b/) ?? assert.fail(`no code in "${title}: ${text}"`);
    await firefox.fill('#code', code);
    await firefox.click(CONTINUE);
    await firefox.click(`form[data-step="recovery_codes"] ${CONTINUE}`);
    await firefox.find(REMOVE);
  }

  // Somebody signs in with the password, elsewhere: in Chromium on a desktop. `run` goes on from there.
  const elsewhere = (name, run) => visit({ viewport: screens.desktop }, async (page) => {
    await page.goto(safe);
    await page.fill(`${FORM} input[name="username"]`, name);
    await page.fill(`${FORM} input[name="password"]`, password);
    await page.locator(`${FORM} ${CONTINUE}`).click();
    await run(page, (what) => page.screenshot({ path: path.join(shots, `push-${what}.png`) }));
  }, /status of 422/);
  const entered = (page) => page.waitForSelector('form[data-step="consent"], #query');

  // The notification is touched; in the tab that it opens this number is picked, or another one.
  async function answer(number, wrong = '') {
    const { title, text } = await notified('question');
    assert.equal(title, 'Sign-in to Team wiki');
    assert.ok(!text.includes(number), `the number is in "${text}"`);
    await firefox.opened();
    await firefox.find('form[data-step="approve"]');
    await shot('approve');
    await firefox.click(wrong ? `button[name="number"]:not([value="${number}"])` : `button[name="number"][value="${number}"]`);
    await firefox.find('body:not(:has(form[data-step="approve"])) h1');
    await shot(wrong || 'approved');
    await firefox.leave();
  }

  await step('Firefox registers for push messages at the account, and says so when it may not', async () => {
    await firefox.size({ width: 460, height: 800 });
    await toAccount(nora);
    await register(async () => {
      await shot('add');
      await firefox.click(CONTINUE);
      await firefox.answer(false);
      await firefox.find('[data-failed]:not([hidden])');
      await shot('blocked');
      await firefox.forgetAnswers();
      await firefox.click(CONTINUE);
      await firefox.answer(true);
    });
    await shot('account');
    assert.equal(service.channels.size, 1);
  });

  await step('a push message in Firefox lets somebody in who picks the number', () => elsewhere(nora, async (page, chromium) => {
    const number = await page.textContent(NUMBER);
    await chromium('wait');
    await answer(number);
    await page.click(`${WAITING} ${CONTINUE}`);
    await entered(page);
  }));

  await step('a push message in Firefox lets nobody in who picks another number, and another message does', () => elsewhere(nora, async (page, chromium) => {
    const number = await page.textContent(NUMBER);
    await answer(number, 'refused');
    await page.click(`${WAITING} ${CONTINUE}`);
    await page.waitForSelector('#error');
    await chromium('not-let-in');
    await page.click(`${WAITING} button[value="resend"]`);
    await page.waitForSelector(`${WAITING}:not(:has(#error))`);
    await answer(await page.textContent(NUMBER));
    await page.click(`${WAITING} ${CONTINUE}`);
    await entered(page);
  }));

  await step('a Firefox that is removed at the account is sent nothing', async () => {
    const before = service.messages.length;
    await firefox.click(REMOVE);
    await firefox.find('form[data-step="remove"]');
    await shot('remove');
    await firefox.click(CONTINUE);
    await firefox.find(ADD);
    await elsewhere(nora, (page) => page.waitForSelector('form[data-step="enrol"]'));
    // Messages leave one after the other: had there been one, it would have come before this one.
    await register();
    assert.equal(service.messages.length, before + 1);
  });

  await step('a Firefox whose subscription belongs to another key gets one for ours', async () => {
    await firefox.run(`return ${SUBSCRIPTION}.then((one) => one.unsubscribe()).then(() => ${WORKER})
      .then((one) => one.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: '${ANOTHER_KEY}' })).then(() => undefined)`);
    const keys = () => [...service.channels.values()].map(({ key }) => key);
    assert.deepEqual(keys(), [ANOTHER_KEY]);
    await firefox.open(`${issuer}/`);
    await firefox.click('button[value="sign_out"]');
    await firefox.find('a.button');
    await toAccount(omar);
    await register();
    assert.equal(keys().length, 1);
    assert.notEqual(keys()[0], ANOTHER_KEY);
  });

  await step('a Firefox that takes no more messages is forgotten', async () => {
    await firefox.run(`return ${SUBSCRIPTION}.then((one) => one.unsubscribe())`);
    await service.until(() => !service.channels.size);
    await elsewhere(omar, (page) => page.waitForSelector(NUMBER));
    await service.until(() => service.messages.at(-1).status === 410);
    await elsewhere(omar, async (page, chromium) => {
      await page.waitForSelector(`${WAITING} button[value="resend"].primary`);
      await chromium('gone');
      assert.equal(await page.locator(NUMBER).count(), 0);
    });
    assert.equal(service.messages.filter(({ status }) => status === 410).length, 1);
  });

  await firefox.close();
  service.close();
}
