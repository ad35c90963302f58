import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { BACKENDS } from "../../backends/registry.ts";
import { SASLAUTHD } from "../../backends/saslauthd.ts";
import { decodeSaslauthd, encodeSaslauthd, refusalOf } from "../../backends/saslauthd_protocol.ts";
import type { Answer, Backend } from "../../src/backend.ts";
import { concat, utf8 } from "../../src/lib/octets.ts";
import { requireRoot } from "../lib/root.ts";
import type { Daemon } from "../servers/daemon.ts";
import { makeFolder, type RegisterTest, requirePrograms } from "../servers/lib.ts";
import { SASLAUTHD_PROGRAMS, type SaslauthdAccount, startSaslauthd } from "../servers/saslauthd.ts";
import { backendContract, type OpenBackend } from "./contract.ts";
import { never, ORIGIN } from "./contract_lib.ts";
import { smtpAuth } from "./smtp_auth.ts";

const REALM = "baz.co.jp";
const SECRET = "correct-horse";
const SHIN: SaslauthdAccount = { name: "shin", realm: REALM, password: SECRET };
const YUKI: SaslauthdAccount = { name: "yuki", realm: REALM, password: 'パスワード 1,2="x"' };

/** A mount namespace needs root. */
const test: RegisterTest = Deno.uid() === 0 ? requirePrograms(SASLAUTHD_PROGRAMS) : requireRoot();

interface Opened extends OpenBackend {
  readonly daemon: Daemon;
}

async function openBackend(dataDir: string, keys: Record<string, unknown> = {}): Promise<Backend> {
  const host = {
    ...{ dataDir, defaultRealm: REALM },
    accounts: () => {
      throw new TypeError("no store here");
    },
  };
  return await SASLAUTHD.open("daemon", SASLAUTHD.schema.parse({ path: "run/mux", ...keys }), host);
}

async function ask(backend: Backend, local: string, password: string): Promise<Answer> {
  const user = { local, realm: REALM };
  return await backend.ask({ kind: "password", user, password, origin: ORIGIN }, never());
}

for (const mechanism of ["sasldb", "shadow", "pam"] as const) {
  backendContract<Opened>(`saslauthd -a ${mechanism}`, {
    open: async () => {
      const daemon = await startSaslauthd(mechanism, [SHIN, YUKI]);
      const backend = await openBackend(daemon.folder);
      return {
        ...{ daemon, backend },
        async [Symbol.asyncDispose]() {
          await backend[Symbol.asyncDispose]();
          await daemon[Symbol.asyncDispose]();
        },
      };
    },
    right: { user: { local: "shin", realm: REALM }, password: SECRET },
    foreign: { user: { local: "yuki", realm: REALM }, password: YUKI.password },
    unknown: { local: "nobody", realm: REALM },
    tellsUnknown: mechanism === "shadow",
    deadlineMs: 3000,
    concurrency: SASLAUTHD.concurrency ?? 1,
    peer: {
      stop: ({ daemon }) => daemon.stop(),
      start: ({ daemon }) => daemon.start(),
      pause: ({ daemon }) => daemon.pause(),
      resume: ({ daemon }) => daemon.resume(),
      reopen: ({ daemon }) => openBackend(daemon.folder),
    },
    test,
  });
}

smtpAuth("saslauthd", {
  open: async () => {
    const daemon = await startSaslauthd("shadow", [SHIN]);
    return {
      section: `path = "${daemon.folder}/run/mux"`,
      stop: () => daemon.stop(),
      start: () => daemon.start(),
      pause: () => daemon.pause(),
      resume: () => daemon.resume(),
      [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
    };
  },
  right: { authcid: "shin", password: SECRET },
  unknown: "nobody",
  words: /Invalid|Incorrect|PAM|NO /,
  test,
});

Deno.test("the section saslauthd has a path, a service, a form of name and a realm, and nothing else", () => {
  equal(BACKENDS.get("saslauthd"), SASLAUTHD);
  deepEqual(SASLAUTHD.schema.parse({}), { service: "smtp", userName: "{user}", sendRealm: "{realm}" });
  equal(SASLAUTHD.schema.parse({ sendRealm: "" }).sendRealm, "");
  for (
    const wrong of [{ path: "" }, { service: "" }, { service: "x".repeat(257) }, { sendRealm: "a\nb" }, { realm: "" }, {
      mux: "x",
    }]
  ) {
    equal(SASLAUTHD.schema.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});

test("saslauthd: the realm is sent as the name has it, as it is configured, or not at all", async () => {
  const elsewhere = { name: "taro", realm: "mail.foobar.co.jp", password: "other-horse" };
  await using daemon = await startSaslauthd("sasldb", [SHIN, elsewhere]);
  await using plain = await openBackend(daemon.folder);
  await using fixed = await openBackend(daemon.folder, { sendRealm: "mail.foobar.co.jp" });
  equal((await ask(plain, "shin", SECRET)).kind, "accepted");
  equal((await ask(plain, "taro", "other-horse")).kind, "rejected");
  const answer = await ask(fixed, "taro", "other-horse");
  ok(answer.kind === "accepted" && answer.account.name === `taro@${REALM}`);
  equal((await ask(fixed, "shin", SECRET)).kind, "rejected");
});

test("saslauthd: another realm than that of the accounts is asked for only where the daemon tells realms apart", async () => {
  const elsewhere = { name: "taro", realm: "other.example", password: "other-horse" };
  await using daemon = await startSaslauthd("sasldb", [SHIN, elsewhere]);
  const login = async (keys: Record<string, unknown>) => {
    await using backend = await openBackend(daemon.folder, keys);
    const user = { local: "taro", realm: "other.example" };
    return await backend.ask({ kind: "password", user, password: "other-horse", origin: ORIGIN }, never());
  };
  deepEqual(await login({}), { kind: "rejected", why: "unknown-user" });
  for (const realm of ["*", "Other.Example"]) {
    const answer = await login({ realm });
    ok(answer.kind === "accepted" && answer.account.name === "taro@other.example");
  }
});

test("saslauthd: with -r, and with the whole name as login", async () => {
  const whole = { ...SHIN, name: `shin@${REALM}` };
  await using joining = await startSaslauthd("shadow", [whole], { args: ["-r"] });
  await using joined = await openBackend(joining.folder);
  equal((await ask(joined, "shin", SECRET)).kind, "accepted");
  await using unjoined = await openBackend(joining.folder, { sendRealm: "" });
  deepEqual(await ask(unjoined, "shin", SECRET), { kind: "rejected", why: "unknown-user" });
  await using named = await openBackend(joining.folder, { sendRealm: "", userName: "{user}@{realm}" });
  equal((await ask(named, "shin", SECRET)).kind, "accepted");
});

test("saslauthd: an account that has expired, by shadow and by PAM", async () => {
  const old = { name: "old", realm: REALM, password: SECRET, expires: 1 };
  for (const [mechanism, why] of [["shadow", "expired"], ["pam", "not-allowed"]] as const) {
    await using daemon = await startSaslauthd(mechanism, [old]);
    await using backend = await openBackend(daemon.folder);
    deepEqual(await ask(backend, "old", SECRET), { kind: "rejected", why });
    deepEqual(await ask(backend, "old", `${SECRET}x`), { kind: "rejected", why: "wrong-secret" });
  }
});

test("saslauthd: 256 octets are asked, more are not", async () => {
  const long = { ...SHIN, password: "x".repeat(256) };
  await using daemon = await startSaslauthd("sasldb", [long]);
  await using backend = await openBackend(daemon.folder);
  equal((await ask(backend, "shin", long.password)).kind, "accepted");
  deepEqual(await ask(backend, "shin", `${long.password}x`), { kind: "rejected", why: "wrong-secret" });
  deepEqual(await ask(backend, "é".repeat(129), "x"), { kind: "rejected", why: "unknown-user" });
  ok(!daemon.lines.some((line) => line.includes("exceeded")), "saslauthd was asked for more than it takes");
});

test("saslauthd: 100 at once, more than its queue holds", async () => {
  await using daemon = await startSaslauthd("shadow", [SHIN]);
  await using backend = await openBackend(daemon.folder);
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, at) => ask(backend, "shin", at % 2 === 0 ? SECRET : "wrong-horse")),
  );
  deepEqual(answers.map(({ kind }) => kind), answers.map((_, at) => at % 2 === 0 ? "accepted" : "rejected"));
});

Deno.test("saslauthd: octets of a question and of an answer", () => {
  const question = { login: "shin", password: "é", service: "smtp", realm: "" };
  deepEqual(encodeSaslauthd(question), concat(utf8("\0\x04shin\0\x02é\0\x04smtp\0\0")));
  throws(() => encodeSaslauthd({ ...question, password: "x".repeat(257) }), RangeError);
  const answer = utf8("\0\x05NO no");
  for (let length = 0; length < answer.length; length++) equal(decodeSaslauthd(answer.subarray(0, length)), undefined);
  equal(decodeSaslauthd(answer), "NO no");
  equal(decodeSaslauthd(utf8("\0\x02OK and more")), "OK");
  equal(decodeSaslauthd(new Uint8Array([0xff, 0xff])), "");
});

Deno.test("saslauthd: what it says, and what it means", () => {
  for (const yes of ["OK", "OK ", "OK remote authentication successful", "OK\0"]) equal(refusalOf(yes), null);
  const no: readonly (readonly [string, string])[] = [
    ["NO", "wrong-secret"],
    ["NO ", "wrong-secret"],
    ["NO Incorrect password", "wrong-secret"],
    ["NO PAM auth error", "wrong-secret"],
    ["NO remote server rejected your credentials", "wrong-secret"],
    ["NO Invalid username", "unknown-user"],
    ["NO Account expired", "expired"],
    ["NO Password expired", "must-change"],
    ["NO PAM acct error", "not-allowed"],
  ];
  for (const [text, why] of no) deepEqual(refusalOf(text), { kind: "rejected", why }, text);
  const outages = ["", "N", "NOT", "OKAY", "ok", "\0", "NO [ALERT] Couldn't contact remote authentication server"];
  for (
    const text of [...outages, "NO PAM start error", "NO internal mechanism failure", "NO Username lookup failure: x"]
  ) {
    equal(refusalOf(text)?.kind, "unavailable", JSON.stringify(text));
  }
});

Deno.test("saslauthd: without a path the usual ones are looked at, and an outage is told with its cause", async () => {
  await using folder = await makeFolder();
  await using backend = await openBackend(folder.path);
  deepEqual(await ask(backend, "shin", SECRET), {
    kind: "unavailable",
    cause: `there is no socket ${folder.path}/run/mux`,
  });
  await Deno.mkdir(`${folder.path}/run`);
  using listener = Deno.listen({ transport: "unix", path: `${folder.path}/run/mux` });
  const asking = ask(backend, "shin", SECRET);
  const conn = await listener.accept();
  await conn.read(new Uint8Array(100));
  await conn.write(utf8("\0\x02O"));
  conn.close();
  deepEqual(await asking, {
    kind: "unavailable",
    cause: `${folder.path}/run/mux closed the connection without an answer`,
  });
});
