// Debian's Chromium through playwright-core: one process, a fresh context per visit.
import { chromium } from 'playwright-core';

// `map` sends host names to ports on this machine: {'chat.example.org': 12345}.
export function launch({ map = {} } = {}) {
  const rules = Object.entries(map).map(([host, port]) => `MAP ${host} 127.0.0.1:${port}`).join(',');
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // HOME holds the certificate store that trusts the test authorities (see trust in lib.sh).
    env: { ...process.env },
    chromiumSandbox: process.getuid() !== 0,
    args: ['--headless', ...(process.getuid() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-proxy-server', ...(rules ? [`--host-resolver-rules=${rules}`] : [])],
  });
}

// Collects what the console must not show: errors, and anything the content security policy stopped.
export function watch(page, seen) {
  page.on('console', (m) => { if (m.type() === 'error' || /content security policy/i.test(m.text())) seen.push(m.text()); });
  page.on('pageerror', (e) => seen.push(e.message));
}
