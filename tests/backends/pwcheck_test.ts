import { deepEqual, equal } from "node:assert/strict";
import { PWCHECK } from "../../backends/pwcheck.ts";
import { BACKENDS } from "../../backends/registry.ts";
import type { Answer, Backend } from "../../src/backend.ts";
import type { Daemon } from "../servers/daemon.ts";
import { makeFolder, requirePrograms } from "../servers/lib.ts";
import { PWCHECK_PROGRAMS, startPwcheck } from "../servers/pwcheck.ts";
import { backendContract, type OpenBackend } from "./contract.ts";
import { never, ORIGIN } from "./contract_lib.ts";
import { smtpAuth } from "./smtp_auth.ts";

const test = requirePrograms(PWCHECK_PROGRAMS);
const REALM = "baz.co.jp";
const SECRET = "correct-horse";
const FOREIGN = { user: { local: "ゆき", realm: REALM }, password: 'パスワード 1,2="x"' };

interface Opened extends OpenBackend {
  readonly daemon: Daemon;
}

async function open(): Promise<Opened> {
  const daemon = await startPwcheck({ shin: SECRET, [FOREIGN.user.local]: FOREIGN.password });
  const backend = await openBackend(daemon.folder);
  return {
    ...{ daemon, backend },
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]();
      await daemon[Symbol.asyncDispose]();
    },
  };
}

async function openBackend(dataDir: string, keys: Record<string, unknown> = {}): Promise<Backend> {
  const host = {
    ...{ dataDir, defaultRealm: REALM },
    accounts: () => {
      throw new TypeError("no store here");
    },
  };
  return await PWCHECK.open("old", PWCHECK.schema.parse({ path: "pwcheck", ...keys }), host);
}

async function ask(backend: Backend, local: string, password: string): Promise<Answer> {
  const user = { local, realm: REALM };
  return await backend.ask({ kind: "password", user, password, origin: ORIGIN }, never());
}

backendContract<Opened>("pwcheck", {
  open,
  right: { user: { local: "shin", realm: REALM }, password: SECRET },
  foreign: FOREIGN,
  unknown: { local: "nobody", realm: REALM },
  deadlineMs: 3000,
  concurrency: PWCHECK.concurrency ?? 1,
  peer: {
    stop: ({ daemon }) => daemon.stop(),
    start: ({ daemon }) => daemon.start(),
    pause: ({ daemon }) => daemon.pause(),
    resume: ({ daemon }) => daemon.resume(),
    reopen: ({ daemon }) => openBackend(daemon.folder),
  },
  test,
});

smtpAuth("pwcheck", {
  open: async () => {
    const daemon = await startPwcheck({ shin: SECRET });
    return {
      section: `path = "${daemon.folder}/pwcheck"`,
      stop: () => daemon.stop(),
      start: () => daemon.start(),
      pause: () => daemon.pause(),
      resume: () => daemon.resume(),
      [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
    };
  },
  right: { authcid: "shin", password: SECRET },
  unknown: "nobody",
  words: /Userid|Incorrect/,
  test,
});

Deno.test("the section pwcheck has a path and a form of name, and nothing else", () => {
  equal(BACKENDS.get("pwcheck"), PWCHECK);
  deepEqual(PWCHECK.schema.parse({}), { path: "/var/pwcheck/pwcheck", userName: "{user}" });
  for (const wrong of [{ path: "" }, { path: 1 }, { userName: "{local}" }, { service: "smtp" }]) {
    equal(PWCHECK.schema.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});

test("pwcheck: the daemon's reasons are told apart, and the name has the form that is configured", async () => {
  await using daemon = await startPwcheck({ shin: SECRET, locked: null, [`shin@${REALM}`]: "other-horse" });
  await using backend = await openBackend(daemon.folder);
  deepEqual(await ask(backend, "locked", SECRET), { kind: "rejected", why: "disabled" });
  deepEqual(await ask(backend, "nobody", SECRET), { kind: "rejected", why: "unknown-user" });
  const elsewhere = { local: "shin", realm: "other.example" };
  const other = await backend.ask({ kind: "password", user: elsewhere, password: SECRET, origin: ORIGIN }, never());
  deepEqual(other, { kind: "rejected", why: "unknown-user" });
  await using whole = await openBackend(daemon.folder, { userName: "{user}@{realm}" });
  deepEqual(await ask(whole, "shin", SECRET), { kind: "rejected", why: "wrong-secret" });
  equal((await ask(whole, "shin", "other-horse")).kind, "accepted");
});

test("pwcheck: what fills the daemon's buffer exactly is asked, and one octet more is not", async () => {
  const long = "x".repeat(1022 - "shin".length - 2);
  await using daemon = await startPwcheck({ shin: "short-horse" });
  await using backend = await openBackend(daemon.folder);
  const asked = () => daemon.lines.filter((line) => line === "asked shin").length;
  deepEqual(await ask(backend, "shin", long), { kind: "rejected", why: "wrong-secret" });
  equal(asked(), 1);
  deepEqual(await ask(backend, "shin", `${long}x`), { kind: "rejected", why: "wrong-secret" });
  equal((await ask(backend, "shin", "short-horse")).kind, "accepted");
  equal(asked(), 2, "the password that was too long has been sent");
});

test("pwcheck: what would be read as another name or password is never sent", async () => {
  await using daemon = await startPwcheck({ shin: SECRET });
  await using backend = await openBackend(daemon.folder);
  for (const local of ["shin\0", `shin\0${SECRET}`, "\0shin", "", "shin\n"]) {
    deepEqual(await ask(backend, local, SECRET), { kind: "rejected", why: "unknown-user" });
  }
  for (const password of ["", `${SECRET}\0x`, `${SECRET}\n`, "\0"]) {
    deepEqual(await ask(backend, "shin", password), { kind: "rejected", why: "wrong-secret" });
  }
  equal((await ask(backend, "shin", SECRET)).kind, "accepted");
  deepEqual(daemon.lines.filter((line) => line.startsWith("asked")), ["asked shin"]);
});

test("pwcheck: a slow daemon is waited for, and its queue may be full", async () => {
  await using daemon = await startPwcheck({ shin: SECRET }, { seconds: 0.05 });
  await using backend = await openBackend(daemon.folder);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, at) => ask(backend, "shin", at % 2 === 0 ? SECRET : "wrong-horse")),
  );
  deepEqual(answers.map(({ kind }) => kind), answers.map((_, at) => at % 2 === 0 ? "accepted" : "rejected"));
});

/** Answers each connection with these octets and closes. */
function lyingDaemon(path: string, reply: string): Disposable {
  const listener = Deno.listen({ transport: "unix", path });
  const serve = async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(2048));
      if (reply !== "") await conn.write(new TextEncoder().encode(reply));
      conn.close();
    }
  };
  const served = serve();
  served.catch(() => {});
  return { [Symbol.dispose]: () => listener.close() };
}

Deno.test("pwcheck: what the daemon says, and what it means", async () => {
  const cases: readonly (readonly [string, string])[] = [
    ["OK", "accepted"],
    ["OK \n", "accepted"],
    ["OKAY", "rejected"],
    ["ok", "rejected"],
    ["Invalid Login or Password", "rejected"],
    ["x".repeat(100_000), "rejected"],
    ["", "unavailable"],
    ["Bind Failed", "unavailable"],
    ["Request too big", "unavailable"],
  ];
  await using folder = await makeFolder();
  await using backend = await openBackend(folder.path);
  for (const [reply, kind] of cases) {
    using _daemon = lyingDaemon(`${folder.path}/pwcheck`, reply);
    const answer = await ask(backend, "shin", SECRET);
    equal(answer.kind, kind, reply.slice(0, 40));
    await Deno.remove(`${folder.path}/pwcheck`).catch(() => {});
  }
});

test("pwcheck: an outage is told with its cause", async () => {
  await using daemon = await startPwcheck({ shin: SECRET });
  await using nowhere = await openBackend(daemon.folder, { path: "missing" });
  const missing = `there is no socket ${daemon.folder}/missing`;
  deepEqual(await ask(nowhere, "shin", SECRET), { kind: "unavailable", cause: missing });
  await using backend = await openBackend(daemon.folder);
  await daemon.stop();
  const gone = `nobody listens at ${daemon.folder}/pwcheck`;
  deepEqual(await ask(backend, "shin", SECRET), { kind: "unavailable", cause: gone });
});
