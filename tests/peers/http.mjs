// HTTPS without fetch's own headers and without its redirects: the tests decide what goes on the wire.
import fs from 'node:fs';
import https from 'node:https';

const ca = (process.env.PEER_CA ?? '').split(',').filter(Boolean).map((f) => fs.readFileSync(f));

// One request; resolves to {status, headers, body, url}. `map` sends a host to a local port.
export function send(url, { method = 'GET', headers = {}, body, map = {} } = {}) {
  const to = new URL(url), port = map[to.hostname] ?? to.port;
  return new Promise((done, failed) => {
    const req = https.request({
      host: map[to.hostname] ? '127.0.0.1' : to.hostname, port: port || 443, path: to.pathname + to.search,
      method, ca, timeout: 30_000, agent: false, ...(/^[\d.]+$/.test(to.hostname) ? {} : { servername: to.hostname }),
      headers: { host: to.host, ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }), ...headers },
    }, async (res) => {
      try {
        done({ status: res.statusCode, headers: res.headers, body: (await res.toArray()).map(String).join(''), url: to.href });
      } catch (e) { failed(e); }
    });
    req.on('timeout', () => req.destroy(new Error(`no answer from ${to.host}`)));
    req.on('error', failed);
    req.end(body);
  });
}

export const form = (fields) => new URLSearchParams(fields).toString();
export const json = (res) => JSON.parse(res.body);

// The cookies of one browser: host and path are kept, `Secure` is given since all is HTTPS.
export class Cookies {
  #kept = new Map();

  take(url, headers) {
    for (const line of headers['set-cookie'] ?? []) {
      const [pair, ...attributes] = line.split(';').map((x) => x.trim()), cut = pair.indexOf('=');
      const attribute = Object.fromEntries(attributes.map((x) => [x.split('=')[0].toLowerCase(), x.split('=').slice(1).join('=')]));
      const name = pair.slice(0, cut), path = attribute.path ?? '/', key = `${new URL(url).hostname} ${path} ${name}`;
      if (name.startsWith('__Host-') && (!('secure' in attribute) || path !== '/' || 'domain' in attribute)) throw new Error(`a browser refuses this cookie: ${line}`);
      if (attribute['max-age'] <= 0 || Date.parse(attribute.expires) < Date.now()) this.#kept.delete(key);
      else this.#kept.set(key, pair);
    }
  }

  header(url) {
    const { hostname, pathname } = new URL(url);
    const fit = [...this.#kept].filter(([key]) => { const [host, path] = key.split(' '); return host === hostname && pathname.startsWith(path); });
    return fit.length ? { cookie: fit.map(([, pair]) => pair).join('; ') } : {};
  }
}
