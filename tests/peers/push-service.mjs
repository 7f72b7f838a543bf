// The push service that Firefox is told to use: to browsers it speaks the protocol of Mozilla's (one WebSocket each, JSON
// in text frames), to whoever sends a message RFC 8030. It refuses what RFC 8030 and 8292 forbid, and remembers what became of
// each message: 100 shown to the worker, 101 not decrypted, 102 not delivered.
import http from 'node:http';
import { createHash, createPublicKey, randomUUID, verify } from 'node:crypto';
import { EventEmitter, once } from 'node:events';

// Resolves to a service: `url`, `messages` (of {status, why, code}), `channels` (by the secret in their address), close(),
// and until(test), which resolves as soon as the test is truthy.
export async function pushService(port) {
  const service = Object.assign(new EventEmitter(), { url: `http://127.0.0.1:${port}`, channels: new Map(), messages: [] });
  const server = http.createServer((req, res) => take(service, req, res));
  server.on('upgrade', (req, socket) => meet(service, req, socket));
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  service.close = () => { server.close(); server.closeAllConnections(); };
  service.until = async (test) => {
    for (const signal = AbortSignal.timeout(15_000);;) {
      const found = test();
      if (found) return found;
      await once(service, 'news', { signal });
    }
  };
  return service;
}

// --- whoever sends a message (RFC 8030 section 5) ----------------------------------------------------

async function take(service, req, res) {
  const body = Buffer.concat(await req.toArray());
  const { pathname } = new URL(req.url, service.url), channel = service.channels.get(pathname.slice('/push/'.length));
  const [status, why] = channel ? wrong(service, req, channel) ?? [201, 'Created'] : [410, 'no such subscription'];
  res.writeHead(status, { 'content-type': 'text/plain', ...(status === 201 ? { location: `${service.url}/m/${randomUUID()}`, ttl: req.headers.ttl } : {}) }).end(why);
  const message = { status, why };
  service.messages.push(message);
  if (status === 201) {
    message.version = randomUUID();
    say(channel.socket, { messageType: 'notification', channelID: channel.id, version: message.version, ttl: +req.headers.ttl, data: body.toString('base64url'), headers: { encoding: 'aes128gcm' } });
  }
  service.emit('news');
}

// Why a message is not taken: [status, reason], or nothing.
function wrong(service, req, channel) {
  if (req.method !== 'POST') return [405, 'not a POST'];
  if (!/^\d+$/.test(req.headers.ttl ?? '')) return [400, 'no TTL'];
  if (req.headers['content-encoding'] !== 'aes128gcm') return [400, 'not aes128gcm'];
  const [, token, key] = (req.headers.authorization ?? '').match(/^vapid t=([^,]+), *k=([\w-]+)$/) ?? [];
  if (!token) return [401, 'no VAPID'];
  if (key !== channel.key) return [403, 'not the key of this subscription'];
  const [head, claims, signature] = token.split('.'), point = Buffer.from(key, 'base64url');
  const jwk = { kty: 'EC', crv: 'P-256', x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') };
  const signed = verify('sha256', Buffer.from(`${head}.${claims}`), { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  const { aud, exp, sub } = JSON.parse(Buffer.from(claims, 'base64url')), left = exp - Date.now() / 1000;
  // RFC 8292 section 2.
  if (!signed || aud !== service.url || !(left > 0 && left <= 86_400) || !/^(mailto|https):/.test(sub)) return [401, `bad VAPID: ${JSON.stringify({ signed, aud, left, sub })}`];
}

// --- browsers ---------------------------------------------------------------------------------------

function meet(service, req, socket) {
  const accept = createHash('sha1').update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: push-notification\r\n\r\n`);
  let seen = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (data) => {
    seen = Buffer.concat([seen, data]);
    for (let frame; (frame = unpack(seen)); seen = seen.subarray(frame.length)) {
      if (frame.opcode === CLOSE) return socket.end(pack(CLOSE, frame.payload.subarray(0, 2)));
      if (frame.opcode === PING) socket.write(pack(PONG, frame.payload));
      if (frame.opcode === TEXT) hear(service, socket, JSON.parse(frame.payload));
    }
  });
}

const say = (socket, message) => socket.write(pack(TEXT, Buffer.from(JSON.stringify(message))));

function hear(service, socket, message) {
  const { messageType, channelID } = message;
  if (messageType === 'hello') say(socket, { messageType, uaid: message.uaid ?? randomUUID().replaceAll('-', ''), status: 200, use_webpush: true, broadcasts: {} });
  if (messageType === 'register') {
    const secret = randomUUID();
    service.channels.set(secret, { id: channelID, key: (message.key ?? '').replace(/=+$/, ''), socket });
    say(socket, { messageType, channelID, status: 200, pushEndpoint: `${service.url}/push/${secret}` });
  }
  if (messageType === 'unregister') {
    for (const [secret, channel] of service.channels) if (channel.id === channelID) service.channels.delete(secret);
    say(socket, { messageType, channelID, status: 200 });
  }
  if (messageType === 'ack') for (const { version, code } of message.updates) service.messages.find((one) => one.version === version).code = code;
  if (messageType === undefined) say(socket, {});
  service.emit('news');
}

// --- frames (RFC 6455 section 5.2) ------------------------------------------------------------------

const TEXT = 1, CLOSE = 8, PING = 9, PONG = 10;

function pack(opcode, payload) {
  const { length } = payload;
  const head = length < 126 ? Buffer.from([0x80 | opcode, length]) : Buffer.from([0x80 | opcode, 126, length >> 8, length & 255]);
  return Buffer.concat([head, payload]);
}

// The first frame of what a browser sent, unmasked, or nothing while it is not whole. Firefox does not fragment.
function unpack(seen) {
  if (seen.length < 2) return undefined;
  const short = seen[1] & 127, start = short === 126 ? 4 : 2;
  if (short === 127 || !(seen[0] & 0x80) || !(seen[1] & 0x80)) throw new Error('a frame that no browser sends here');
  if (seen.length < start + 4) return undefined;
  const size = short === 126 ? seen.readUInt16BE(2) : short, mask = seen.subarray(start, start + 4);
  if (seen.length < start + 4 + size) return undefined;
  const payload = Buffer.from(seen.subarray(start + 4, start + 4 + size).map((byte, i) => byte ^ mask[i % 4]));
  return { opcode: seen[0] & 15, payload, length: start + 4 + size };
}
