import { deepEqual, equal, match, notDeepEqual, ok, rejects } from "node:assert/strict";
import { BACKENDS } from "../../backends/registry.ts";
import { CYRUS_SASLDB } from "../../backends/cyrus_sasldb.ts";
import type { Answer, Backend, UserName, VerifierScheme } from "../../src/backend.ts";
import { BackendProblem } from "../../src/backend_module.ts";
import { utf8 } from "../../src/lib/octets.ts";
import { makeSite, startProgram } from "../lib/program.ts";
import { converse, type Login, logIn } from "../lib/submission.ts";
import { makeFolder, requirePrograms, runOrThrow } from "../servers/lib.ts";
import { backendContract } from "./contract.ts";
import { eventually, isNoBecause, isYes, ORIGIN } from "./contract_lib.ts";
import { cyrusFile, entry, FIXTURE, oldSecrets, openAt, openCyrus, PASSWORDS } from "./cyrus_lib.ts";

const withLoad = requirePrograms(["db5.3_load"]);
const never = () => new AbortController().signal;
const SCHEMES: readonly VerifierScheme[] = ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"];
const [SHIN, , TARO, , BOB] = PASSWORDS;

function ask(backend: Backend, user: UserName, password: string): Promise<Answer> {
  return backend.ask({ kind: "password", user, password, origin: ORIGIN }, never());
}

function verifiers(backend: Backend, user: UserName, scheme: VerifierScheme): Promise<Answer> {
  return backend.ask({ kind: "verifiers", user, scheme, origin: ORIGIN }, never());
}

backendContract("cyrus_sasldb", {
  open: async () => await openCyrus(await Deno.readFile(FIXTURE)),
  right: TARO!,
  foreign: BOB!,
  unknown: { local: "jiro", realm: "baz.co.jp" },
  deadlineMs: 10_000,
  peer: null,
});

Deno.test("the section cyrus_sasldb has a file, by default that of Cyrus, and nothing else", () => {
  equal(BACKENDS.get("cyrus_sasldb"), CYRUS_SASLDB);
  deepEqual(CYRUS_SASLDB.schema.parse({}), { file: "/etc/sasldb2" });
  for (const wrong of [{ file: "" }, { file: 1 }, { file: "a\0b" }, { path: "x" }]) {
    equal(CYRUS_SASLDB.schema.safeParse(wrong).success, false);
  }
});

Deno.test("every password of the fixture is right for its own account only", async () => {
  await using opened = await openCyrus(await Deno.readFile(FIXTURE));
  const { backend, warnings } = opened;
  for (const { user } of PASSWORDS) {
    for (const { user: owner, password } of PASSWORDS) {
      equal((await ask(backend, user, password)).kind, user === owner ? "accepted" : "rejected");
    }
  }
  deepEqual([...backend.answers.schemes].sort(), SCHEMES);
  deepEqual(warnings, []);
});

Deno.test("a realm is compared without case, a user is not", async () => {
  await using opened = await openCyrus(await Deno.readFile(FIXTURE));
  const { backend } = opened;
  const { user: { local }, password } = SHIN!;
  const answer = await ask(backend, { local, realm: "BAZ.co.jp" }, password);
  ok(answer.kind === "accepted" && answer.account.name === "shin@baz.co.jp");
  isNoBecause(await ask(backend, { local: "Shin", realm: "baz.co.jp" }, password), "unknown-user");
  isNoBecause(await ask(backend, { local, realm: "example.org" }, password), "unknown-user");
});

Deno.test("SCRAM shows the same salt each time, also after a restart, and another one for another name", async () => {
  const salts = async () => {
    await using opened = await openCyrus(await Deno.readFile(FIXTURE));
    return await Promise.all(PASSWORDS.map(async ({ user }) => {
      const answer = await verifiers(opened.backend, user, "scram-sha-256");
      ok(answer.kind === "verifiers");
      const [verifier] = answer.verifiers;
      ok(verifier?.scheme === "scram-sha-256" && verifier.salt.length === 16 && verifier.iterations === 4096);
      return verifier.salt.toHex();
    }));
  };
  const first = await salts();
  deepEqual(await salts(), first);
  equal(new Set(first).size, PASSWORDS.length);
});

Deno.test("a file that is missing, is something else, or shows its passwords to everybody is a problem at the start", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/sasldb2`;
  const refused = (text: RegExp) =>
    rejects(openAt(file), (error) => error instanceof BackendProblem && text.test(error.message));
  await refused(/^Cannot read .*sasldb2: there is no such file$/);
  await Deno.mkdir(file);
  await refused(/^Cannot read .*sasldb2: it is not a file$/);
  await Deno.remove(file);
  await Deno.writeTextFile(file, "taro:secret\n".repeat(100), { mode: 0o600 });
  await refused(/^Cannot read .*sasldb2: it is no Berkeley DB file$/);
  await Deno.copyFile(FIXTURE, file);
  await Deno.chmod(file, 0o644);
  await refused(/^Cannot use .*sasldb2: everybody can read its passwords; run chmod 600 on it/);
  for (const mode of [0o600, 0o640]) {
    await Deno.chmod(file, mode);
    await using _backend = await openAt(file);
  }
});

Deno.test("a half-written file leaves what was there in force, with one warning; one that is away is an outage", async () => {
  await using opened = await openCyrus(await Deno.readFile(FIXTURE));
  const { backend, file, warnings } = opened;
  const { user, password } = SHIN!;
  const whole = await Deno.readFile(file);
  await Deno.writeFile(file, whole.subarray(0, 8192));
  isYes(await ask(backend, user, password));
  isNoBecause(await ask(backend, user, "wrong"), "wrong-secret");
  deepEqual(warnings, [
    `Cannot read ${file}: it is damaged or half written: it ends early; what it held before counts`,
  ]);
  await Deno.writeFile(file, whole);
  isYes(await ask(backend, user, password));
  await Deno.writeFile(file, new Uint8Array());
  isYes(await ask(backend, user, password));
  equal(warnings.length, 2);
  await Deno.remove(file);
  const cause = `Cannot read ${file}: there is no such file`;
  deepEqual(await ask(backend, user, password), { kind: "unavailable", cause });
  deepEqual(await backend.ask({ kind: "lookup", user }, never()), { kind: "unavailable", cause });
  deepEqual(await backend.probe(never()), { ok: false, problem: cause });
  await Deno.writeFile(file, whole, { mode: 0o600 });
  isYes(await ask(backend, user, password));
});

requirePrograms(["saslpasswd2"])("saslpasswd2 adds, changes and deletes under an open backend", async () => {
  await using opened = await openCyrus(await Deno.readFile(FIXTURE));
  const { backend, file } = opened;
  const set = (args: readonly string[], input = "") =>
    runOrThrow("saslpasswd2", { args: ["-f", file, "-u", "example.org", ...args], input });
  const user = { local: "jiro", realm: "example.org" };
  isNoBecause(await ask(backend, user, "first, one"), "unknown-user");
  await set(["-p", "-c", "jiro"], "first, one");
  const before = await ask(backend, user, "first, one");
  await set(["-p", "jiro"], "second");
  isNoBecause(await ask(backend, user, "first, one"), "wrong-secret");
  const after = await ask(backend, user, "second");
  ok(before.kind === "accepted" && after.kind === "accepted" && before.version !== after.version);
  await set(["-d", "jiro"]);
  isNoBecause(await ask(backend, user, "second"), "unknown-user");
});

withLoad("secrets that SASL 1.5 left answer what they can, and what they cannot is not offered", async () => {
  const old = { user: { local: "taro", realm: "example.jp" }, password: "old, 'Secret' ö" };
  const secrets = oldSecrets(old);
  for (const prefix of ["cmusaslsecret", ""]) {
    for (const mechanisms of [["PLAIN", "CRAM-MD5", "DIGEST-MD5"], ["CRAM-MD5"], ["DIGEST-MD5"], ["PLAIN"]]) {
      const entries = mechanisms.map((mechanism) =>
        entry(["taro", "example.jp", prefix + mechanism], secrets.get(mechanism)!)
      );
      const shin = entry(["shin", "baz.co.jp", "userPassword"], utf8("clear"));
      // SASL 1.5 notes a mechanism that was ever used under an empty name.
      await using opened = await openCyrus(await cyrusFile([...entries, shin, entry(["", "", "PLAIN"], utf8("x"))]));
      const { backend, warnings } = opened;
      deepEqual(warnings, []);
      isYes(await ask(backend, old.user, old.password));
      isYes(await ask(backend, { local: "shin", realm: "baz.co.jp" }, "clear"));
      for (const wrong of [`${old.password}x`, "old", ""]) {
        isNoBecause(await ask(backend, old.user, wrong), "wrong-secret");
      }
      const schemes = SCHEMES.filter((scheme) => mechanisms.some((mechanism) => mechanism.toLowerCase() === scheme));
      deepEqual([...backend.answers.schemes].sort(), schemes);
      for (const scheme of SCHEMES) {
        const answer = await verifiers(backend, old.user, scheme);
        equal(answer.kind, schemes.includes(scheme) ? "verifiers" : "rejected", scheme);
        if (answer.kind === "rejected") match(answer.note ?? "", /SASL 1\.5 left no/);
      }
    }
  }
});

withLoad("what else is in a file: read where its form is known, named where not", async () => {
  const salt = utf8("sixteen octets!!\0");
  await using opened = await openCyrus(
    await cyrusFile([
      entry(["apop", "baz.co.jp", "PLAIN-APOP"], new Uint8Array([...salt, ...utf8("clear, too")])),
      entry(["latin", "baz.co.jp", "userPassword"], Uint8Array.of(0x70, 0xe4, 0x73)),
      entry(["bare", "", "userPassword"], utf8("no realm")),
      entry(["empty", "baz.co.jp", "userPassword"], new Uint8Array()),
      entry(["otp", "baz.co.jp", "cmusaslsecretOTP"], utf8("md5 0499 ab1234 0123456789abcdef")),
      entry(["both", "baz.co.jp", "cmusaslsecretOTP"], utf8("md5 0499 ab1234 0123456789abcdef")),
      entry(["both", "baz.co.jp", "userPassword"], utf8("beside it")),
      entry(["short", "baz.co.jp", "cmusaslsecretPLAIN"], new Uint8Array(5)),
      entry(["bell", "baz.co.jp", "userPassword"], utf8("ring\x07ring")),
      [utf8("no key of three"), utf8("x")],
    ]),
  );
  const { backend, warnings } = opened;
  const of = (local: string) => ({ local, realm: "baz.co.jp" });
  isYes(await ask(backend, of("apop"), "clear, too"));
  isYes(await ask(backend, of("latin"), "päs"));
  deepEqual(await ask(backend, of("latin"), "pas"), {
    kind: "rejected",
    why: "wrong-secret",
    note: "its password is not UTF-8 and was taken as ISO-8859-1",
  });
  isYes(await ask(backend, of("bare"), "no realm"));
  isYes(await ask(backend, of("both"), "beside it"));
  for (const local of ["empty", "otp", "short"]) isNoBecause(await ask(backend, of(local), "x"), "unknown-user");
  isNoBecause(await verifiers(backend, of("bell"), "scram-sha-256"), "not-allowed");
  deepEqual([...warnings].map((text) => text.replace(/^.*?sasldb2: /, "")).sort(), [
    'an entry "no key of three" has no key of user, realm and property in UTF-8',
    "empty@baz.co.jp: its password is empty",
    'otp@baz.co.jp: "cmusaslsecretOTP" is of no form that is read here',
    'short@baz.co.jp: "cmusaslsecretPLAIN" is of no form that is read here',
  ]);
});

withLoad("of realms that differ by case the one written as realms are counts", async () => {
  const both = [
    entry(["taro", "BAZ.CO.JP", "userPassword"], utf8("upper")),
    entry(["taro", "baz.co.jp", "userPassword"], utf8("lower")),
  ];
  for (const entries of [both, both.toReversed()]) {
    await using opened = await openCyrus(await cyrusFile(entries));
    isYes(await ask(opened.backend, { local: "taro", realm: "baz.co.jp" }, "lower"));
    isNoBecause(await ask(opened.backend, { local: "taro", realm: "baz.co.jp" }, "upper"), "wrong-secret");
  }
});

Deno.test("a version tells nothing of the password, and is another one in another process", async () => {
  const { user, password } = SHIN!;
  const octets = await Deno.readFile(FIXTURE);
  const versions = await Promise.all([1, 2].map(async () => {
    await using opened = await openCyrus(octets);
    const answer = await ask(opened.backend, user, password);
    return answer.kind === "accepted" ? answer.version : null;
  }));
  ok(versions.every((version) => version !== null));
  notDeepEqual(versions[0], versions[1]);
});

const MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"] as const;

Deno.test("a login by SMTP AUTH with each mechanism, while the file goes away and comes back", async () => {
  await using folder = await makeFolder();
  const more = '[backend.old]\ntype = "cyrus_sasldb"\nfile = "sasldb2"';
  const site = await makeSite(folder.path, { people: [], sasl: 'pwcheck_method = ["old"]', more });
  const file = `${site.dataDir}/sasldb2`;
  await Deno.mkdir(site.dataDir, { recursive: true });
  await Deno.writeFile(file, await Deno.readFile(FIXTURE), { mode: 0o600 });
  await using program = await startProgram(site);
  const attempt = async (login: Login) => {
    using client = await converse(program, site, { login: null });
    return (await logIn(client, login)).slice(0, 9).trim();
  };
  for (const { user, password } of PASSWORDS) {
    for (const mechanism of MECHANISMS) {
      const login = { authcid: `${user.local}@${user.realm}`, password, mechanism };
      equal(await attempt(login), "235 2.7.0", `${login.authcid} ${mechanism}`);
    }
  }
  for (const mechanism of MECHANISMS) {
    const login = { authcid: "shin", password: SHIN!.password, mechanism };
    equal(await attempt(login), "235 2.7.0");
    equal(await attempt({ ...login, password: "wrong" }), "535 5.7.8");
    equal(await attempt({ ...login, authcid: "jiro" }), "535 5.7.8");
  }
  const right = { authcid: "shin", password: SHIN!.password };
  await Deno.rename(file, `${file}.away`);
  for (const mechanism of MECHANISMS) equal(await attempt({ ...right, mechanism }), "454 4.7.0");
  equal(await attempt({ ...right, password: "wrong" }), "454 4.7.0");
  await Deno.rename(`${file}.away`, file);
  await eventually(async () => await attempt(right) === "235 2.7.0");
  equal(await attempt({ ...right, password: "wrong" }), "535 5.7.8");
  const whole = await Deno.readFile(file);
  await Deno.writeFile(file, whole.subarray(0, 4096));
  equal(await attempt(right), "235 2.7.0");
  const [warning] = await program.events(
    1,
    ({ kind, text }) => kind === "warning" && /half written/.test(String(text)),
  );
  match(JSON.stringify(warning), /"about":"backend.old".*what it held before counts/);
  for (const { password } of PASSWORDS) ok(!program.process.output.includes(password), "the log holds a password");
});
