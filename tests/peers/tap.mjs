// One line a check: `ok NAME` or `not ok NAME` with the reason below. tests/run adds them up.
import assert from 'node:assert/strict';

let failed = 0;

export async function check(name, run) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (e) {
    failed++;
    console.log(`not ok ${name}`);
    console.log(`${e.message}${e.cause ? `\n${JSON.stringify(e.cause)}` : ''}`.replace(/\x1b\[\d+m/g, '').split('\n').filter(Boolean).slice(0, 20).map((l) => `# ${l}`).join('\n'));
  }
}

export function done() {
  process.exit(failed ? 1 : 0);
}

export { assert };
