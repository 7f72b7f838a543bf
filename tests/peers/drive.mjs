// A browser of few words: follows redirects, fills the sign-in form, allows consent. No scripts, no styles.
//   drive.mjs URL USER PASSWORD [UNTIL]     prints the address it ended at, or the page when it did not
import { send, form, Cookies } from './http.mjs';

export class Browser {
  cookies = new Cookies();
  language = 'en';
  // The steps (`data-step`) that pages asked for, in order.
  steps = [];

  constructor({ until, map } = {}) { Object.assign(this, { until, map }); }

  // Resolves to the answer that is no redirect, or to {reached: address} before an address under `until` is asked for.
  async open(url, body, from) {
    for (let hop = 0; hop < 20; hop++) {
      if (this.until && url.startsWith(this.until)) return { reached: url };
      const headers = { accept: 'text/html,*/*', 'accept-language': this.language, 'user-agent': 'outside-in test', ...this.cookies.header(url) };
      if (body !== undefined) Object.assign(headers, { origin: from, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' });
      const res = await send(url, { method: body === undefined ? 'GET' : 'POST', body, headers, map: this.map });
      this.cookies.take(url, res.headers);
      if (![301, 302, 303, 307, 308].includes(res.status) || !res.headers.location) return res;
      url = new URL(res.headers.location, url).href;
      if (res.status !== 307 && res.status !== 308) body = undefined;
    }
    throw new Error(`redirected without end, last to ${url}`);
  }

  // Sends the page's form with the given values; `action` is the button that is pressed.
  submit(page, values, action) {
    const f = step(page);
    if (!f) throw new Error(`no form to fill on ${page.url} (${page.status}): ${page.body.slice(0, 300)}`);
    const fields = f.inputs.filter((x) => x.name && !['submit', 'checkbox', 'radio'].includes(x.type)).map((x) => [x.name, values[x.name] ?? x.value ?? '']);
    const button = f.buttons.find((x) => x.value === action) ?? f.buttons[0];
    if (button?.name) fields.push([button.name, button.value ?? '']);
    return this.open(new URL(f.action || page.url, page.url).href, form(fields), new URL(page.url).origin);
  }

  // From an address to the end of a sign-in, whatever stands between.
  async signIn(url, username, password) {
    let page = await this.open(url);
    for (let i = 0; i < 6 && !page.reached && step(page); i++) {
      const { name } = step(page);
      this.steps.push(name);
      if (name === 'password' && this.steps.filter((x) => x === 'password').length > 1) break;
      page = await this.submit(page, { username, password }, name === 'consent' ? 'allow' : 'continue');
    }
    return page;
  }
}

// The one form that carries the page's step, or undefined.
export function step(page) {
  const tag = [...(page.body ?? '').matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, head, inner]) => ({ head: attributes(head), inner })).find((x) => x.head['data-step']);
  if (!tag) return undefined;
  const all = (name) => [...tag.inner.matchAll(new RegExp(`<${name}\\b([^>]*)>`, 'gi'))].map(([, a]) => attributes(a));
  return { name: tag.head['data-step'], action: tag.head.action, method: tag.head.method, inputs: all('input'), buttons: all('button').filter((x) => (x.type ?? 'submit') === 'submit') };
}

export const alertOf = (page) => page.body.match(/role="?alert"?[^>]*>([\s\S]*?)<\//)?.[1].replace(/<[^>]*>/g, ' ').trim();

function attributes(text) {
  const out = {};
  for (const [, name, , a, b, c] of text.matchAll(/([^\s=/"']+)(\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)) out[name.toLowerCase()] = plain(a ?? b ?? c ?? '');
  return out;
}
const plain = (s) => s.replace(/&#x([0-9a-f]+);/gi, (_, n) => String.fromCodePoint(parseInt(n, 16))).replace(/&#(\d+);/g, (_, n) => String.fromCodePoint(+n))
  .replace(/&quot;/g, '"').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');

if (import.meta.url === `file://${process.argv[1]}`) {
  const [url, user, password, until] = process.argv.slice(2);
  const end = await new Browser({ until }).signIn(url, user, password);
  console.log(end.reached ?? end.body);
}
