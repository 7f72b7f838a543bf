// Debian's Firefox through Marionette, the protocol that WebDriver speaks to it with: pages, and the browser's own windows
// around them (its questions, its notifications), which a person clicks too.
import fs from 'node:fs';
import net from 'node:net';
import { spawn } from 'node:child_process';

const WAIT = 15_000, ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
// Notifications are windows of its own and not the desktop's. What keeps a fresh profile quiet comes with Marionette.
const PREFS = { 'marionette.port': 0, 'alerts.useSystemBackend': false, 'browser.aboutwelcome.enabled': false, 'network.proxy.type': 0 };

export class Firefox {
  #asked = new Map(); #last = 0;

  // `profile` is a folder that may hold a certificate store (see trust in lib.sh), `pushServer` the address of its push
  // service's WebSocket.
  static async launch({ profile, pushServer }) {
    const prefs = { ...PREFS, 'dom.push.serverURL': pushServer, 'dom.push.testing.allowInsecureServerURL': true };
    fs.writeFileSync(`${profile}/user.js`, Object.entries(prefs).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(''));
    const args = ['--headless', '--no-remote', '--marionette', '--remote-allow-system-access', '--profile', profile];
    const firefox = new Firefox();
    firefox.child = spawn(process.env.FIREFOX, args, { env: { ...process.env, MOZ_CRASHREPORTER_DISABLE: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
    process.once('exit', () => firefox.child.kill('SIGKILL'));
    await firefox.#connect(await listening(firefox.child));
    await firefox.send('WebDriver:NewSession', { timeouts: { implicit: WAIT, pageLoad: WAIT, script: WAIT } });
    // Marionette has switched it off, whatever the profile says.
    await firefox.around(() => firefox.run("Services.prefs.setBoolPref('dom.push.connection.enabled', true)"));
    firefox.first = (await firefox.send('WebDriver:GetWindowHandle')).value;
    return firefox;
  }

  #connect(port) {
    this.socket = net.connect(port, '127.0.0.1');
    let seen = Buffer.alloc(0);
    return new Promise((greeted, failed) => {
      this.socket.on('error', failed);
      this.socket.on('close', () => this.#asked.forEach((one) => one.failed(new Error('Firefox has ended'))));
      this.socket.on('data', (data) => {
        seen = Buffer.concat([seen, data]);
        // Each message has its length before it, in bytes: `12:[1,7,null,{}]`.
        for (let colon; (colon = seen.indexOf(':')) > 0;) {
          const end = colon + 1 + Number(seen.subarray(0, colon));
          if (seen.length < end) return;
          const message = JSON.parse(seen.subarray(colon + 1, end));
          seen = seen.subarray(end);
          if (Array.isArray(message)) this.#answered(message);
          else greeted();
        }
      });
    });
  }

  #answered([, id, error, result]) {
    const { name, done, failed } = this.#asked.get(id);
    this.#asked.delete(id);
    if (error) failed(new Error(`${name}: ${error.error}: ${error.message}`));
    else done(result);
  }

  send(name, params = {}) {
    const id = ++this.#last, text = JSON.stringify([0, id, name, params]);
    return new Promise((done, failed) => {
      this.#asked.set(id, { name, done, failed });
      this.socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  }

  // --- a page -----------------------------------------------------------------------------------------

  open(url) { return this.send('WebDriver:Navigate', { url }); }
  // Waits for the element.
  async find(selector) { return (await this.send('WebDriver:FindElement', { using: 'css selector', value: selector })).value[ELEMENT]; }
  // Waits for the page that a click leads to.
  async click(selector) { await this.send('WebDriver:ElementClick', { id: await this.find(selector) }); }
  async fill(selector, text) { await this.send('WebDriver:ElementSendKeys', { id: await this.find(selector), text }); }
  // What the script returns, or the promise that it returns resolves to.
  async run(script, ...args) { return (await this.send('WebDriver:ExecuteScript', { script, args })).value; }
  async shot(file) { fs.writeFileSync(file, Buffer.from((await this.send('WebDriver:TakeScreenshot', { full: true })).value, 'base64')); }
  size({ width, height }) { return this.send('WebDriver:SetWindowRect', { width, height }); }

  // --- tabs, and what is around them ------------------------------------------------------------------

  // What runs with the browser's own windows instead of its pages.
  async around(run) {
    await this.send('Marionette:SetContext', { value: 'chrome' });
    try { return await run(); } finally { await this.send('Marionette:SetContext', { value: 'content' }); }
  }

  // Says yes or no where the browser asks whether the site may do something. The panel is no part of a window, so that no
  // pointer gets there.
  answer(yes) {
    const button = `#notification-popup .popup-notification-${yes ? 'primary' : 'secondary'}-button`;
    return this.around(async () => {
      await until(() => this.run("return document.querySelector('#notification-popup').state === 'open'"));
      await this.run('document.querySelector(arguments[0]).click()', button);
    });
  }

  // What was answered there is asked again.
  forgetAnswers() { return this.around(() => this.run('Services.perms.removeAll()')); }

  // The notification that is on the screen or comes: {title, text}, and a picture of it. It is touched.
  notified(file) {
    return this.around(async () => {
      const { value: own } = await this.send('WebDriver:GetWindowHandle');
      const notification = await until(async () => {
        for (const handle of await this.#windows()) {
          await this.#to(handle);
          if (await this.run("return document.documentURI.endsWith('/alert.xhtml') && window.gIsActive")) return handle;
        }
      });
      const [title, text] = await this.run("return [document.getElementById('alertTitleLabel').value, document.getElementById('alertTextLabel').textContent]");
      await this.shot(file);
      await this.click('#alertTextLabel');
      await until(async () => !(await this.#windows()).includes(notification));
      await this.#to(own);
      return { title, text };
    });
  }

  // Goes to the tab that something has opened beside the first one.
  async opened() { await this.#to(await until(async () => (await this.#windows()).find((handle) => handle !== this.first))); }

  // Closes this tab and goes to the first one.
  async leave() {
    await this.send('WebDriver:CloseWindow');
    await this.#to(this.first);
  }

  #windows() { return this.send('WebDriver:GetWindowHandles'); }
  #to(handle) { return this.send('WebDriver:SwitchToWindow', { handle, focus: true }); }

  async close() {
    const ended = new Promise((done) => this.child.once('exit', done));
    await this.send('Marionette:Quit', { flags: ['eForceQuit'] }).catch(() => this.child.kill('SIGKILL'));
    await ended;
  }
}

// Asks again and again until the answer is truthy.
async function until(ask) {
  for (const end = Date.now() + WAIT; Date.now() < end;) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((next) => setTimeout(next, 50));
  }
  throw new Error(`waited in vain: ${ask}`);
}

// The port that it says it listens on.
function listening(child) {
  let said = '';
  return new Promise((done, failed) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        said = (said + data).slice(-4000);
        const [, port] = said.match(/Marionette\s+INFO\s+Listening on port (\d+)/) ?? [];
        if (port) done(Number(port));
      });
    }
    child.once('error', failed);
    child.once('exit', (code) => failed(new Error(`Firefox ended with ${code}: ${said.slice(-500)}`)));
  });
}
