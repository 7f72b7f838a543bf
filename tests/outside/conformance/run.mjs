// Runs plans of the OpenID Foundation's suite against gantry and prints what became of each module.
// node run.mjs PLAN.json PLAN [VARIANT=VALUE,...] [MODULE...]; SUITE names the suite, https://localhost:8443 unless given,
// ROTATE the command that rotates gantry's keys.
import { execSync } from "node:child_process";
import { readFileSync } from "node:fs";

const suite = process.env.SUITE ?? "https://localhost:8443";
const [file, plan, variants = "", ...only] = process.argv.slice(2);
const variant = Object.fromEntries(variants.split(",").filter(Boolean).map((pair) => pair.split("=")));
const call = async (method, path, query = {}, body = undefined) => {
  const url = `${suite}/api/${path}?${new URLSearchParams(query)}`;
  const answer = await fetch(url, { method, body, headers: { "content-type": "application/json" } });
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
};

// A module starts by itself, except that about new keys, and runs until it ends or has waited for too long.
const run = async (id, entry) => {
  const query = { test: entry.testModule, plan: id, variant: JSON.stringify(entry.variant ?? {}) };
  const { id: module } = await call("POST", "runner", query);
  const until = async (states, seconds) => {
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) {
      const { state } = await call("GET", `runner/${module}/wait-state`, { states, timeoutMs: 20000 });
      if (state) return state;
    }
    return "HANGS";
  };
  if (entry.testModule === "oidcc-server-rotate-keys") {
    await until("CONFIGURED", 30);
    execSync(process.env.ROTATE);
    await call("POST", `runner/${module}`);
  }
  const state = await until("FINISHED,INTERRUPTED", 90);
  const { result } = await call("GET", `info/${module}`);
  const log = await call("GET", `log/${module}`);
  const marks = log.filter((line) => ["FAILURE", "WARNING", "REVIEW"].includes(line.result));
  if (state === "HANGS") await call("DELETE", `runner/${module}`).catch(() => {});
  return { module, result: state === "FINISHED" ? result : `${state} ${result}`, marks };
};

const { id, modules } = await call("POST", "plan", { planName: plan, variant: JSON.stringify(variant) }, readFileSync(file));
console.log(`# ${plan} ${variants} ${suite}/plan-detail.html?plan=${id}`);
const counts = {};
for (const entry of modules.filter(({ testModule }) => !only.length || only.includes(testModule))) {
  const { module, result, marks } = await run(id, entry);
  counts[result] = (counts[result] ?? 0) + 1;
  console.log(`${result}\t${entry.testModule}\t${entry.variant?.response_type ?? ""}\t${module}`);
  for (const { result, src, msg } of marks) console.log(`    ${result} ${src}: ${String(msg).split("\n")[0].slice(0, 220)}`);
}
console.log(`= ${plan} ${JSON.stringify(counts)}`);
