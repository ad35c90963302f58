/** Several backends behind one server: who gets in while one is down, what is offered, and what a reload may add. */

import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { ClientMechanismName } from "../../src/sasl/client.ts";
import { makeSite, type RunningProgram, runProgram, type Site, startProgram } from "../lib/program.ts";
import { converse, type Login, logIn } from "../lib/submission.ts";
import { makeFolder } from "../servers/lib.ts";

const SHIN = { local: "shin", realm: "baz.co.jp", password: "correct-horse", disabled: false };
const RIGHT: Login = { authcid: "shin@baz.co.jp", password: SHIN.password };
/** In the file of `[backend.staff]`. */
const HANAKO: Login = { authcid: "hanako@baz.co.jp", password: "tanstaaf 42" };
const STRANGER: Login = { authcid: "taro@baz.co.jp", password: SHIN.password };
const PASSWD =
  "hanako:$6$saltsalt$xUYBn6PZYKh3RCxHorL6ZeL5IRnHsZqddDu/8KX3qKoKnD6lC4tPBZhw0ZJIf3K0z3wHrZ4dLQP33HSwG4H/L1:5001:5001::/:/bin/sh\n";
const STAFF = '[backend.staff]\ntype = "passwd"\nfile = "../passwd"\n';
/** Nobody has this socket: an outage that needs no server. */
const DOWN = '[backend.gone]\ntype = "saslauthd"\npath = "no-such-socket"\n';

/** Which reply a login gets. */
async function codeOf({ program, site }: { program: RunningProgram; site: Site }, login: Login): Promise<string> {
  using client = await converse(program, site, { login: null });
  return (await logIn(client, login)).slice(0, 3);
}

/** The mechanisms in the reply to EHLO, after TLS. */
async function offeredTo({ program, site }: { program: RunningProgram; site: Site }): Promise<readonly string[]> {
  using client = await converse(program, site, { login: null });
  const [, list = ""] = /^250[- ]AUTH (.*)$/m.exec(await client.command("EHLO client.example")) ?? [];
  return list.trim().split(" ");
}

async function writePasswd(folder: string): Promise<void> {
  await Deno.writeTextFile(join(folder, "passwd"), PASSWD, { mode: 0o600 });
}

Deno.test("while one backend is down the accounts of the other get in, and nobody is told a wrong password", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, {
    people: [SHIN],
    sasl: 'pwcheck_method = ["gone", "sasldb"]',
    more: DOWN,
  });
  await using program = await startProgram(site);
  const server = { program, site };
  equal(await codeOf(server, RIGHT), "235");
  equal(await codeOf(server, { ...RIGHT, password: "wrong" }), "454");
  equal(await codeOf(server, STRANGER), "454");
  const [, wrong, unknown] = await program.events(3, ({ kind }) => kind === "authentication");
  match(
    JSON.stringify(wrong?.["chain"]),
    /^\[\{"backend":"gone","answer":"unavailable:.*no-such-socket.*\},\{"backend":"sasldb","answer":"rejected:wrong-secret"/,
  );
  match(JSON.stringify(unknown?.["chain"]), /"sasldb","answer":"rejected:unknown-user"/);
  await program.events(1, ({ kind, backend }) => kind === "backend-down" && backend === "gone");
});

Deno.test("an outage is told as a wrong password where that is configured, and logged as what it is", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, {
    people: [SHIN],
    sasl: 'pwcheck_method = ["sasldb", "gone"]\noutage_is_rejection = true',
    more: DOWN,
  });
  await using program = await startProgram(site);
  await program.events(1, ({ kind, text }) => kind === "warning" && String(text).includes("outage_is_rejection"));
  equal(await codeOf({ program, site }, STRANGER), "535");
  const [event] = await program.events(1, ({ kind }) => kind === "authentication");
  equal(event?.["result"], "unavailable");
});

Deno.test("with a second backend that has only passwords, whoever picks the strongest mechanism still gets in", async () => {
  await using folder = await makeFolder();
  await writePasswd(folder.path);
  const site = await makeSite(folder.path, {
    people: [SHIN],
    sasl: 'pwcheck_method = "sia"',
    more: `[backend.sia]\nmethods = ["sasldb", "staff"]\n${STAFF}`,
  });
  await using program = await startProgram(site);
  const server = { program, site };
  const offered = await offeredTo(server);
  equal(offered.join(" "), "PLAIN LOGIN");
  for (const mechanism of offered as readonly ClientMechanismName[]) {
    equal(await codeOf(server, { ...RIGHT, mechanism }), "235");
    equal(await codeOf(server, { ...HANAKO, mechanism }), "235");
    equal(await codeOf(server, { ...HANAKO, mechanism, password: SHIN.password }), "535");
  }
});

Deno.test("a required backend must accept too, and leaves only mechanisms that show it the password", async () => {
  await using folder = await makeFolder();
  await writePasswd(folder.path);
  const shadowed = { ...SHIN, local: "hanako", password: HANAKO.password };
  const site = await makeSite(folder.path, {
    people: [SHIN, shadowed],
    sasl: 'pwcheck_method = ["sasldb", "staff"]',
    more: `${STAFF}control = "required"\n`,
  });
  await using program = await startProgram(site);
  const server = { program, site };
  equal((await offeredTo(server)).join(" "), "PLAIN LOGIN");
  equal(await codeOf(server, HANAKO), "235");
  equal(await codeOf(server, RIGHT), "535", "right in sasldb, unknown to what is required");
  equal(await codeOf(server, { ...HANAKO, password: "wrong" }), "535");
});

Deno.test("a backend is asked for its realms alone", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, {
    people: [SHIN],
    sasl: 'pwcheck_method = ["gone", "sasldb"]',
    more: `${DOWN}realms = ["other.jp"]\n`,
  });
  await using program = await startProgram(site);
  equal(await codeOf({ program, site }, STRANGER), "535");
  equal(await codeOf({ program, site }, { ...STRANGER, authcid: "taro@other.jp" }), "454");
});

Deno.test("a reload cannot add a backend that needs a permission given up at the start", async () => {
  await using folder = await makeFolder();
  await writePasswd(folder.path);
  const before = { people: [SHIN], sasl: 'pwcheck_method = ["sasldb"]' };
  const site = await makeSite(folder.path, before);
  const both = await Deno.readTextFile(site.config).then((text) =>
    text.replace('["sasldb"]', '["sasldb", "staff"]') + STAFF
  );
  {
    await using program = await startProgram(site);
    await Deno.writeTextFile(site.config, both);
    program.process.signal("SIGHUP");
    const [refused] = await program.events(1, ({ kind }) => kind === "reload-refused");
    match(String(refused?.["mistakes"]), /^backend\.staff: it needs a restart, .*permission "ffi"/);
    equal(await codeOf({ program, site }, RIGHT), "235");
  }
  await using program = await startProgram(site);
  equal(await codeOf({ program, site }, HANAKO), "235");
  program.process.signal("SIGHUP");
  await program.events(1, ({ kind }) => kind === "reloaded");
  equal(await codeOf({ program, site }, HANAKO), "235", "what is needed from the start stays");
});

Deno.test("a backend that cannot work at all stops the start with its reason, and is a mistake for check", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, {
    people: [SHIN],
    sasl: 'pwcheck_method = ["sasldb", "staff"]',
    more: STAFF,
  });
  for (const args of [["serve"], ["check"]]) {
    const { code, output } = await runProgram([...args, "--config", site.config]);
    equal(code, 78, output);
    match(output, /backend\.staff: .*passwd/);
    ok(!output.includes(" at file:"), output);
  }
});

Deno.test("check --connect asks each backend, says how long it took, and exits 69 when one cannot be reached", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, {
    people: [SHIN],
    sasl: 'pwcheck_method = ["sasldb", "gone"]',
    more: DOWN,
  });
  const check = (...args: readonly string[]) => runProgram(["check", "--config", site.config, ...args]);
  const asked = await check("--connect");
  equal(asked.code, 69, asked.output);
  match(asked.output, /^reached: backend sasldb in \d+ ms$/m);
  match(asked.output, /^unreachable: backend gone after \d+ ms: .*no-such-socket/m);
  match(asked.output, /is right, but not every backend can be reached$/m);
  const json = JSON.parse((await check("--connect", "--json")).output) as readonly { readonly level: string }[];
  equal(json.filter(({ level }) => level === "unreachable").length, 1);
  equal((await check()).code, 0);
  await Deno.writeTextFile(site.config, (await Deno.readTextFile(site.config)).replace(', "gone"', ""));
  const well = await check("--connect");
  equal(well.code, 0, well.output);
  match(well.output, /^OK: /m);
});
