import { deepEqual, equal, match, notDeepEqual, ok, rejects } from "node:assert/strict";
import { RADIUS } from "../../backends/radius.ts";
import { BACKENDS } from "../../backends/registry.ts";
import type { Answer, Backend } from "../../src/backend.ts";
import { BackendProblem } from "../../src/backend_module.ts";
import { type Freeradius, FREERADIUS_PROGRAMS, startFreeradius } from "../servers/freeradius.ts";
import { makeFolder, requirePrograms } from "../servers/lib.ts";
import { backendContract, type OpenBackend } from "./contract.ts";
import { never, ORIGIN } from "./contract_lib.ts";
import { smtpAuth } from "./smtp_auth.ts";

const test = requirePrograms(FREERADIUS_PROGRAMS);
const REALM = "baz.co.jp";
const SECRET = "correct-horse";
const SHARED = "shared-horse é";
const FOREIGN = { user: { local: "ゆき", realm: REALM }, password: 'パスワード 1,2="x"' };
const ACCOUNTS = { shin: SECRET, [FOREIGN.user.local]: FOREIGN.password };

interface Opened extends OpenBackend {
  readonly server: Freeradius;
}

async function openBackend({ daemon, port }: Freeradius, keys: Record<string, unknown> = {}): Promise<Backend> {
  const { folder } = daemon;
  await Deno.writeTextFile(`${folder}/secret`, `${SHARED}\n`, { mode: 0o600 });
  const section = { servers: [`127.0.0.1:${port}`], secretFile: "secret", timeout: "2s", ...keys };
  return await RADIUS.open("mine", RADIUS.schema.parse(section), host(folder));
}

function host(dataDir: string) {
  return {
    ...{ dataDir, defaultRealm: REALM },
    accounts: () => {
      throw new TypeError("no store here");
    },
  };
}

async function ask(backend: Backend, local: string, password: string): Promise<Answer> {
  const user = { local, realm: REALM };
  return await backend.ask({ kind: "password", user, password, origin: ORIGIN }, never());
}

for (const method of ["pap", "chap"] as const) {
  backendContract<Opened>(`radius, ${method}`, {
    open: async () => {
      const server = await startFreeradius({ secret: SHARED, accounts: ACCOUNTS });
      const backend = await openBackend(server, { method });
      return {
        ...{ server, backend },
        async [Symbol.asyncDispose]() {
          await backend[Symbol.asyncDispose]();
          await server.daemon[Symbol.asyncDispose]();
        },
      };
    },
    right: { user: { local: "shin", realm: REALM }, password: SECRET },
    foreign: FOREIGN,
    unknown: { local: "nobody", realm: REALM },
    tellsUnknown: false,
    deadlineMs: 3000,
    concurrency: RADIUS.concurrency ?? 1,
    peer: {
      stop: ({ server }) => server.daemon.stop(),
      start: ({ server }) => server.daemon.start(),
      pause: ({ server }) => server.daemon.pause(),
      resume: ({ server }) => server.daemon.resume(),
      reopen: ({ server }) => openBackend(server, { method }),
    },
    test,
  });
}

smtpAuth("radius", {
  open: async () => {
    const { daemon, port } = await startFreeradius({ secret: SHARED, accounts: ACCOUNTS });
    await Deno.writeTextFile(`${daemon.folder}/secret`, SHARED, { mode: 0o600 });
    return {
      section: `servers = ["127.0.0.1:${port}"]\nsecret_file = "${daemon.folder}/secret"\ntimeout = "1s"`,
      stop: () => daemon.stop(),
      start: () => daemon.start(),
      pause: () => daemon.pause(),
      resume: () => daemon.resume(),
      [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
    };
  },
  right: { authcid: "shin", password: SECRET },
  unknown: "nobody",
  words: /Reply-Message|radius/i,
  test,
});

test("radius: the server is told who asks, for whom, and under which name", async () => {
  const whole = { [`shin@${REALM}`]: "other-horse" };
  const server = await startFreeradius({ secret: SHARED, accounts: { ...ACCOUNTS, ...whole } });
  await using _daemon = server.daemon;
  await using plain = await openBackend(server);
  equal((await ask(plain, "shin", SECRET)).kind, "accepted");
  await using named = await openBackend(server, { userName: "{user}@{realm}", nasIdentifier: "mail.foobar.co.jp" });
  const answer = await ask(named, "shin", "other-horse");
  ok(answer.kind === "accepted" && answer.account.name === `shin@${REALM}`);
  deepEqual(await server.asked(), [
    `shin|${Deno.hostname()}|192.0.2.1|Authenticate-Only`,
    `shin@${REALM}|mail.foobar.co.jp|192.0.2.1|Authenticate-Only`,
  ]);
});

test("radius: without the realm in the name another realm is somebody else, unless all are the same", async () => {
  const server = await startFreeradius({ secret: SHARED, accounts: ACCOUNTS });
  await using _daemon = server.daemon;
  const user = { local: "shin", realm: "other.example" };
  const question = { kind: "password", user, password: SECRET, origin: ORIGIN } as const;
  await using plain = await openBackend(server);
  deepEqual(await plain.ask(question, never()), { kind: "rejected", why: "unknown-user" });
  await using each = await openBackend(server, { realm: "*" });
  equal((await each.ask(question, never())).kind, "accepted");
});

test("radius: a server that does not sign is an outage, unless that is allowed", async () => {
  const server = await startFreeradius({ secret: SHARED, accounts: ACCOUNTS, signs: false });
  await using _daemon = server.daemon;
  await using strict = await openBackend(server, { timeout: "300ms" });
  for (const password of [SECRET, "wrong-horse"]) {
    const answer = await ask(strict, "shin", password);
    ok(answer.kind === "unavailable", JSON.stringify(answer));
    match(answer.cause, /have no Message-Authenticator/);
  }
  await using lax = await openBackend(server, { requireMessageAuthenticator: false });
  equal((await ask(lax, "shin", SECRET)).kind, "accepted");
  equal((await ask(lax, "shin", "wrong-horse")).kind, "rejected");
});

test("radius: a challenge is no yes, and the log says what the server wanted", async () => {
  const accounts = { ...ACCOUNTS, token: SECRET };
  const server = await startFreeradius({ secret: SHARED, accounts, challenged: "token" });
  await using _daemon = server.daemon;
  await using backend = await openBackend(server);
  const answer = await ask(backend, "token", SECRET);
  ok(answer.kind === "rejected" && answer.why === "not-allowed", JSON.stringify(answer));
  match(answer.note ?? "", /Access-Challenge/);
});

test("radius: a slow server is waited for, and not asked anew", async () => {
  const accounts = { ...ACCOUNTS, slow: SECRET };
  const server = await startFreeradius({ secret: SHARED, accounts, slow: "slow" });
  await using _daemon = server.daemon;
  await using backend = await openBackend(server, { timeout: "30s", retry: "500ms" });
  equal((await ask(backend, "slow", SECRET)).kind, "accepted");
  deepEqual((await server.asked()).length, 1, "a repetition was taken for another question");
});

test("radius: 128 octets are sent by PAP, more are not", async () => {
  const long = "x".repeat(128);
  const server = await startFreeradius({ secret: SHARED, accounts: { shin: long } });
  await using _daemon = server.daemon;
  await using backend = await openBackend(server);
  equal((await ask(backend, "shin", long)).kind, "accepted");
  deepEqual(await ask(backend, "shin", `${long}x`), { kind: "rejected", why: "wrong-secret" });
  deepEqual(await ask(backend, "é".repeat(127), SECRET), { kind: "rejected", why: "unknown-user" });
  equal((await server.asked()).length, 1);
});

test("radius: another secret than the server's is an outage that names it", async () => {
  const server = await startFreeradius({ secret: SHARED, accounts: ACCOUNTS });
  await using _daemon = server.daemon;
  await Deno.writeTextFile(`${server.daemon.folder}/other`, "another-horse", { mode: 0o600 });
  await using backend = await openBackend(server, { secretFile: "other", timeout: "300ms" });
  const answer = await ask(backend, "shin", SECRET);
  // The server does not answer what it cannot check.
  deepEqual(answer, { kind: "unavailable", cause: `no answer from 127.0.0.1:${server.port}` });
  ok(!JSON.stringify(answer).includes("horse"));
});

test("radius: a probe by the name of somebody", async () => {
  const server = await startFreeradius({ secret: SHARED, accounts: ACCOUNTS });
  await using daemon = server.daemon;
  await using backend = await openBackend(server, { probeUser: "probe", timeout: "300ms" });
  deepEqual(await backend.probe(never()), { ok: true, value: undefined });
  match((await server.asked()).join(), /^probe\|/);
  await daemon.stop();
  equal((await backend.probe(never())).ok, false);
});

Deno.test("the section radius", () => {
  equal(BACKENDS.get("radius"), RADIUS);
  const least = { servers: ["radius.example.net"], secretFile: "secret" };
  deepEqual(RADIUS.schema.parse({ ...least, servers: ["Radius.example.net", "192.0.2.1:1645", "[2001:db8::1]:1"] }), {
    servers: [
      { host: "radius.example.net", port: 1812 },
      { host: "192.0.2.1", port: 1645 },
      { host: "2001:db8::1", port: 1 },
    ],
    secretFile: "secret",
    method: "pap",
    requireMessageAuthenticator: true,
    userName: "{user}",
    retry: 1000,
    timeout: 9000,
    holdDown: 60_000,
  });
  const wrong: readonly Record<string, unknown>[] = [
    { servers: [] },
    { servers: "radius.example.net" },
    { servers: ["radius.example.net:0"] },
    { servers: ["http://radius.example.net"] },
    { secretFile: "" },
    { secret: "in the file" },
    { method: "mschap" },
    { timeout: "0s" },
    { timeout: "soon" },
    { nasIdentifier: "x".repeat(254) },
    { probeUser: "" },
  ];
  for (const keys of wrong) equal(RADIUS.schema.safeParse({ ...least, ...keys }).success, false, JSON.stringify(keys));
});

Deno.test("radius: a secret that cannot be used is told when it is opened, and never quoted", async () => {
  await using folder = await makeFolder();
  const open = (secretFile: string) =>
    RADIUS.open("mine", RADIUS.schema.parse({ servers: ["127.0.0.1"], secretFile }), host(folder.path));
  const files: readonly (readonly [string, string, number])[] = [
    ["shared", "shared-horse", 0o640],
    ["others", "shared-horse", 0o604],
    ["empty", "\n", 0o600],
    ["lines", "shared-horse\nmore\n", 0o600],
  ];
  for (const [name, content, mode] of files) {
    await Deno.writeTextFile(`${folder.path}/${name}`, content);
    await Deno.chmod(`${folder.path}/${name}`, mode);
  }
  for (const name of [...files.map(([name]) => name), "missing", "."]) {
    await rejects(open(name), (error) => {
      ok(error instanceof BackendProblem, String(error));
      ok(error.message.includes(folder.path) && !error.message.includes("horse"), error.message);
      return true;
    });
  }
  await Deno.writeTextFile(`${folder.path}/good`, "shared-horse\n", { mode: 0o600 });
  const [first, second] = [await open("good"), await open(`${folder.path}/good`)];
  notDeepEqual(first, second);
  await first[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
});
