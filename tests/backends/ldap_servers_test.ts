import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { LdapFailure } from "../../backends/ldap_connection.ts";
import type { LdapServer } from "../../backends/ldap_options.ts";
import { LdapPool, type PooledConnection } from "../../backends/ldap_pool.ts";
import type { Answer, Backend } from "../../src/backend.ts";
import { concat } from "../../src/lib/octets.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { makeCertificate } from "../servers/certificate.ts";
import { makeFolder, requirePrograms } from "../servers/lib.ts";
import { SLAPD_PROGRAMS } from "../servers/slapd.ts";
import { inTime, never, ORIGIN } from "./contract_lib.ts";
import { openLdap, PEOPLE_DN, SOREN, startDirectory, TARO } from "./ldap_people.ts";

const test = requirePrograms(SLAPD_PROGRAMS);

const TEMPLATE = { template: `uid={user},${PEOPLE_DN}` } as const;

function ask(
  backend: Backend,
  login: { readonly user: typeof TARO.user | typeof SOREN.user; readonly password: string } = TARO,
): Promise<Answer> {
  return backend.ask({ kind: "password", ...login, origin: ORIGIN }, never());
}

async function causeOf(backend: Backend): Promise<string> {
  const answer = await ask(backend);
  ok(answer.kind === "unavailable", JSON.stringify(answer));
  return answer.cause;
}

test("ldap: ldaps and StartTLS, checked against the site's own authority", async () => {
  await using slapd = await startDirectory();
  const { caFile } = slapd.certificate;
  const local = (url: string) => url.replace("127.0.0.1", "localhost");
  for (
    const [url, section] of [
      [slapd.tlsUrl, {}],
      [local(slapd.tlsUrl), {}],
      [slapd.url, { startTls: true }],
      [local(slapd.url), { startTls: true }],
    ] as const
  ) {
    await using backend = await openLdap({ url }, { ...TEMPLATE, ...section, caFile });
    for (const login of [TARO, SOREN]) {
      equal((await ask(backend, login)).kind, "accepted");
      deepEqual(await ask(backend, { ...login, password: "wrong" }), { kind: "rejected", why: "wrong-secret" });
    }
  }
  const binds = slapd.log.filter((line) => line.includes(" mech=SIMPLE "));
  ok(binds.length >= 8 && binds.every((line) => !line.includes(" ssf=0")), binds.join("\n"));
  equal(slapd.log.filter((line) => line.includes("1.3.6.1.4.1.1466.20037")).length, 2);
});

test("ldap: a certificate that does not fit is an outage with its reason, and no password is sent", async () => {
  await using folder = await makeFolder();
  await using slapd = await startDirectory();
  const { caFile } = slapd.certificate;
  const { caFile: strange } = await makeCertificate(folder.path, { label: "strange" });
  // To the system it is this machine, to the certificate nobody.
  const unnamed = (url: string) => url.replace("127.0.0.1", "0.0.0.0");
  for (
    const [url, section, reason] of [
      [slapd.tlsUrl, { caFile: strange }, /certificate is not accepted/],
      [slapd.tlsUrl, {}, /certificate is not accepted/],
      [slapd.url, { caFile: strange, startTls: true }, /certificate is not accepted/],
      [unnamed(slapd.tlsUrl), { caFile }, /certificate is not accepted.*0\.0\.0\.0 is not in the cert's list/],
      [unnamed(slapd.url), { caFile, startTls: true }, /0\.0\.0\.0 is not in the cert's list/],
      [slapd.tlsUrl.replace("ldaps", "ldap"), { startTls: true, caFile }, /closed the connection|reset/],
      [slapd.url.replace("ldap", "ldaps"), { caFile }, /cannot connect/],
    ] as const
  ) {
    await using backend = await openLdap({ url }, { ...TEMPLATE, ...section });
    match(await causeOf(backend), reason);
    const probed = await backend.probe(never());
    match(probed.ok ? "" : probed.problem, reason);
  }
  equal(slapd.log.some((line) => line.includes(" BIND ")), false);
});

/** ExtendedResponse to message 1, success. */
const START_TLS_YES = Uint8Array.fromHex("300c02010178070a010004000400");
const START_TLS_NO = Uint8Array.fromHex("300c02010178070a010204000400");
/** BindResponse to message 2, success, but for its last octet: the first of what follows would complete it. */
const BIND_YES_BEGUN = Uint8Array.fromHex("300d02010261080a0100040004013e").subarray(0, 14);

Deno.test("ldap: what is slipped in before TLS, or a refusal of StartTLS, ends the connection before any password", async () => {
  for (
    const [octets, reason] of [
      [concat(START_TLS_YES, BIND_YES_BEGUN), /its answer to StartTLS is broken/],
      [START_TLS_NO, /refused StartTLS \(code 2\)/],
      [new Uint8Array(), /closed the connection at StartTLS/],
    ] as const
  ) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const received: number[] = [];
    const serving = (async () => {
      using conn = await listener.accept();
      const buffer = new Uint8Array(4096);
      received.push(await conn.read(buffer) ?? 0);
      if (octets.length === 0) return;
      await conn.write(octets);
      received.push(await conn.read(buffer).catch(() => null) ?? 0);
    })();
    const url = `ldap://127.0.0.1:${listener.addr.port}`;
    await using backend = await openLdap({ url }, { ...TEMPLATE, startTls: true });
    match(await causeOf(backend), reason);
    await serving;
    equal(received[0], 31);
    equal(received[1] ?? 0, 0);
  }
});

test("ldap: with the first server gone the second is asked, and the first again when it is back", async () => {
  await using first = await startDirectory();
  await using second = await startDirectory();
  await using backend = await openLdap({ url: "" }, { ...TEMPLATE, url: [first.url, second.url] });
  const bindsOf = (log: readonly string[]) => log.filter((line) => line.includes(" mech=SIMPLE ")).length;
  equal((await ask(backend)).kind, "accepted");
  deepEqual([bindsOf(first.log), bindsOf(second.log)], [1, 0]);
  await first.stop();
  equal((await ask(backend)).kind, "accepted");
  deepEqual(await ask(backend, { ...TARO, password: "wrong" }), { kind: "rejected", why: "wrong-secret" });
  equal(bindsOf(second.log), 1);
  await second.stop();
  match(await causeOf(backend), /connection refused/);
  // Both are held, and held ones are tried all the same when there is no other.
  await first.start();
  equal((await ask(backend)).kind, "accepted");
  equal(bindsOf(first.log), 1);
});

const ANSWER_MS = 1000;

test("ldap: with the first server hung the second is asked after the deadline, and at once from then on", async () => {
  await using first = await startDirectory();
  await using second = await startDirectory();
  await using backend = await openLdap({ url: "" }, {
    ...TEMPLATE,
    url: [first.url, second.url],
    answerDeadline: `${ANSWER_MS}ms`,
  });
  equal((await ask(backend)).kind, "accepted");
  first.pause();
  const answers = await inTime(
    Array.from({ length: 40 }, (_, at) => ask(backend, at % 2 === 0 ? TARO : { ...TARO, password: "wrong" })),
  );
  for (const [at, answer] of answers.entries()) equal(answer.kind, at % 2 === 0 ? "accepted" : "rejected");
  const begun = performance.now();
  equal((await ask(backend)).kind, "accepted");
  ok(performance.now() - begun < ANSWER_MS, "the hung server was asked again");
});

test("ldap: a server that is restarted is not noticed", async () => {
  await using slapd = await startDirectory();
  await using backend = await openLdap(slapd, { base: PEOPLE_DN, filter: "(uid={user})" });
  await Promise.all(Array.from({ length: 8 }, () => ask(backend)));
  await slapd.stop();
  await slapd.start();
  for (const answer of await Promise.all(Array.from({ length: 8 }, () => ask(backend)))) equal(answer.kind, "accepted");
});

test("ldap: no more connections than allowed for searches and for logins, and they are used again", async () => {
  await using slapd = await startDirectory();
  await using backend = await openLdap(slapd, { base: PEOPLE_DN, filter: "(uid={user})", connections: 3 });
  const answers = await Promise.all(Array.from({ length: 60 }, () => ask(backend)));
  for (const answer of answers) equal(answer.kind, "accepted");
  // Two were to see whether it listens.
  const accepted = slapd.log.filter((line) => line.includes(" ACCEPT from ")).length - 2;
  ok(accepted >= 2 && accepted <= 2 * 3, String(accepted));
});

/** A pool whose servers answer as they are told, with a clock that is set. */
function fakePool(servers: readonly string[]) {
  const state = { now: 0, up: new Set(servers), tried: new Array<string>() };
  const pool = new LdapPool({
    servers: servers.map((host): LdapServer => ({ url: host, host, port: 1, implicitTls: false })),
    limit: 2,
    now: () => state.now,
    open: ({ host }): Promise<Result<PooledConnection, LdapFailure>> => {
      state.tried.push(host);
      if (!state.up.has(host)) return Promise.resolve(fail({ kind: "unreachable", text: `${host} is down` }));
      return Promise.resolve(succeed({ usable: true, close: () => {} }));
    },
  });
  const use = async () => {
    state.tried.length = 0;
    const outcome = await pool.use({ role: "login", signal: never() }, () => Promise.resolve(succeed("done")));
    return [outcome.ok ? outcome.value : outcome.problem.text, ...state.tried];
  };
  return { state, use };
}

Deno.test("ldap: a server that is down is left alone for half a minute, and then tried by one", async () => {
  const { state, use } = fakePool(["a", "b"]);
  deepEqual(await use(), ["done", "a"]);
  state.up.delete("a");
  // What is kept to it still works, as far as the pool can know; after a minute it is opened anew.
  deepEqual(await use(), ["done"]);
  state.now = 61_000;
  deepEqual(await use(), ["done", "a", "b"]);
  deepEqual(await use(), ["done"]);
  state.now += 31_000;
  await Promise.all([use(), use(), use()]);
  equal(state.tried.filter((host) => host === "a").length, 1);
  state.up.add("a");
  state.now += 31_000;
  deepEqual(await use(), ["done", "a"]);
  deepEqual(await use(), ["done"]);
});
