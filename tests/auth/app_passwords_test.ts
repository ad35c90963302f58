import { deepEqual, equal, match, ok } from "node:assert/strict";
import { SASLDB } from "../../backends/sasldb.ts";
import type { AccountAdmin, AppPasswordRequest } from "../../src/accounts/account_store.ts";
import { AppPasswordFile } from "../../src/accounts/app_password_store.ts";
import { makeAppPassword } from "../../src/accounts/app_password.ts";
import {
  type AppPasswordRefusal,
  type AppPasswords,
  createAppPasswords,
  explainRefusal,
} from "../../src/auth/app_password_admin.ts";
import { createSuccessCache } from "../../src/auth/success_cache.ts";
import type { Account, Answer, Backend, LocalAccounts, UserName, VerifierScheme } from "../../src/backend.ts";
import type { BackendConfig } from "../../src/config/config.ts";
import { openStore, OPTIONS, temporaryFolder } from "../accounts/lib.ts";
import { account, type Bench, bench, KEY, REALM, scripted, type Setup, SHIN } from "./lib.ts";

const NAME = `shin@${REALM}`;
const NOBODY: UserName = { local: "nobody", realm: REALM };
const PHONE: AppPasswordRequest = { label: "phone", networks: [], mechanisms: null, expires: null };
const HOUR_MS = 3_600_000;
const UNKNOWN: Answer = { kind: "rejected", why: "unknown-user" };
const DOWN: Answer = { kind: "unavailable", cause: "connection refused" };
const NO_SCHEMES = { password: true, lookup: true, schemes: new Set<VerifierScheme>(), tokens: new Set<string>() };
const KNOWN_SHIN: Account = { ...account(NAME, "staff"), addresses: ["s@baz.co.jp"], groups: ["mail"] };

/** A directory: it can be asked for passwords and look-ups, and says of shin what it is told to say. */
class Directory {
  said: Answer = { kind: "known", account: KNOWN_SHIN };
  readonly asked: string[] = [];
  readonly backend: Backend;

  constructor(answers: Backend["answers"] = NO_SCHEMES) {
    this.backend = scripted("staff", (question) => {
      this.asked.push(question.kind === "lookup" && question.login === true ? "lookup for login" : question.kind);
      if (question.kind === "token" || question.kind === "verifiers") return { kind: "rejected", why: "not-allowed" };
      if (question.user.local.toLowerCase() !== "shin" || this.said.kind !== "known") {
        return this.said.kind === "unavailable" ? this.said : UNKNOWN;
      }
      if (question.kind === "lookup") return this.said;
      if (question.password !== "directory's") return { kind: "rejected", why: "wrong-secret" };
      return { kind: "accepted", account: this.said.account, credential: "password", version: "bind" };
    }, { answers });
  }
}

interface World extends AsyncDisposable {
  readonly file: AppPasswordFile;
  readonly setup: Bench;
  readonly appPasswords: AppPasswords;
  readonly folder: string;
  /** Makes one for shin. */
  add(request?: Partial<AppPasswordRequest>): Promise<{ readonly id: string; readonly password: string }>;
}

/** A chain of these backends with a file of app passwords. */
function world(
  backends: readonly Backend[],
  options: Partial<Setup> & { readonly stores?: ReadonlyMap<string, AccountAdmin> } = {},
): World {
  const folder = temporaryFolder();
  // The bench's clock goes from the 24th on; this one stands before.
  const file = new AppPasswordFile(`${folder.path}/app_passwords`, OPTIONS);
  const setup = bench({ backends, appPasswords: file, ...options });
  const { authenticator } = setup;
  const sections = backends.map(({ name }) => ({ name, ...SUFFICIENT, ...options.sections?.[name] }));
  const stores = options.stores ?? new Map();
  const appPasswords = createAppPasswords({ sections, backends, authenticator, stores, file });
  return {
    ...{ file, setup, appPasswords, folder: folder.path },
    add: async (request = {}) => {
      const made = await appPasswords.add(SHIN, { ...PHONE, ...request });
      ok(made.ok, made.ok ? "" : explainRefusal(made.problem));
      return { id: made.value.credential.id, password: made.value.password };
    },
    [Symbol.asyncDispose]: async () => {
      await setup[Symbol.asyncDispose]();
      await file[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const SUFFICIENT: Pick<BackendConfig, "control" | "realms"> = { control: "sufficient", realms: [] };

async function refusalOf(
  appPasswords: AppPasswords,
  user: UserName,
  request = PHONE,
): Promise<AppPasswordRefusal | null> {
  const made = await appPasswords.add(user, request);
  return made.ok ? null : made.problem;
}

const reasonOf = (world: World) => async (password: string, options: Parameters<Bench["login"]>[2] = {}) => {
  const { verdict, event } = await world.setup.login(SHIN, password, options);
  return `${verdict.kind}: ${event.reason}`;
};

Deno.test("an app password opens the account of the directory, which is asked for it and not for the password", async () => {
  const directory = new Directory();
  await using it = world([directory.backend]);
  const { id, password } = await it.add();
  directory.asked.length = 0;
  const { verdict, event } = await it.setup.login(SHIN, password);
  ok(verdict.kind === "accepted");
  deepEqual(verdict.identity, { account: KNOWN_SHIN, credential: id, mechanism: "PLAIN", trusted: true });
  deepEqual(directory.asked, ["lookup for login"]);
  deepEqual(event.chain.map(({ backend, answer }) => `${backend} ${answer}`), ["app-passwords accepted"]);
});

Deno.test("the directory's own password goes on as if there were no app passwords, and a wrong one is counted once", async () => {
  const directory = new Directory();
  await using it = world([directory.backend]);
  await it.add();
  directory.asked.length = 0;
  const right = await it.setup.login(SHIN, "directory's");
  equal(right.verdict.kind, "accepted");
  deepEqual(right.event.chain.map(({ backend, answer }) => `${backend} ${answer}`), ["staff accepted"]);
  deepEqual(directory.asked, ["password"]);
  // Five distinct wrong secrets are free: were each counted twice, the third would be too many.
  for (let count = 1; count <= 5; count++) {
    const wrong = await it.setup.login(SHIN, makeAppPassword());
    deepEqual([wrong.verdict.kind, wrong.event.reason], ["rejected", "wrong-secret"], String(count));
    deepEqual(wrong.event.chain.map(({ backend }) => backend), ["staff"]);
  }
});

Deno.test("verifiers are those of the app passwords, and who has none gets what nobody gets", async () => {
  const directory = new Directory();
  await using it = world([directory.backend]);
  await using without = world([new Directory().backend]);
  const { id } = await it.add();
  for (const scheme of ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"] as const) {
    const { verdict, answer } = await it.setup.prove(SHIN, true, { scheme });
    ok(verdict.kind === "accepted", scheme);
    deepEqual(verdict.identity.account, KNOWN_SHIN);
    equal(verdict.identity.credential, id);
    const nobody = await it.setup.prove(NOBODY, true, { scheme });
    const never = await without.setup.prove(SHIN, true, { scheme });
    ok(answer.kind === "verifiers" && nobody.answer.kind === "verifiers" && never.answer.kind === "verifiers");
    deepEqual([answer.decoy, nobody.answer.decoy, never.answer.decoy], [false, true, true]);
    deepEqual(shapeOf(answer), shapeOf(nobody.answer), scheme);
    deepEqual(shapeOf(answer), shapeOf(never.answer), scheme);
    equal(nobody.verdict.kind, "rejected");
    // As before there were app passwords: the realm doctor looks only where a backend has said that it does not know the name.
    equal(nobody.event.reason, never.event.reason);
  }
});

/** What a client sees of the first verifier. */
function shapeOf(answer: Extract<Answer, { readonly kind: "verifiers" }>): readonly unknown[] {
  const [verifier] = answer.verifiers;
  return verifier !== undefined && "salt" in verifier ? [verifier.iterations, verifier.salt.length] : [];
}

Deno.test("removed or closed in the directory is 535, and down is 454 and no bug", async () => {
  const directory = new Directory();
  await using it = world([directory.backend]);
  const { password } = await it.add();
  const reason = reasonOf(it);
  directory.said = DOWN;
  equal(await reason(password), "unavailable: connection refused");
  equal((await it.setup.prove(SHIN, true)).verdict.kind, "unavailable");
  // An authorization identity is looked up, too.
  equal(await reason(password, { authzid: NAME }), "unavailable: connection refused");
  deepEqual(it.setup.events.filter(({ kind }) => kind === "bug"), []);
  directory.said = UNKNOWN;
  equal(await reason(password), "rejected: account is gone");
  equal((await it.setup.prove(SHIN, true)).verdict.kind, "rejected");
  directory.said = { kind: "rejected", why: "disabled" };
  const closed = scripted("staff", () => directory.said, { answers: NO_SCHEMES });
  await using disabled = bench({ backends: [closed], appPasswords: it.file });
  equal((await disabled.login(SHIN, password)).verdict.kind, "rejected");
  directory.said = { kind: "known", account: KNOWN_SHIN };
  equal(await reason(password, { authzid: NAME }), "accepted: password");
  equal(await reason(password, { authzid: `hana@${REALM}` }), "rejected: authorization identity is another account");
});

Deno.test("with app_password_outage an account that was known within a day gets in while the directory is down", async () => {
  const directory = new Directory();
  await using it = world([directory.backend], { appPasswordOutage: true });
  const { password } = await it.add();
  const reason = reasonOf(it);
  const down = async () => {
    const before = directory.said;
    directory.said = DOWN;
    const said = await reason(password);
    directory.said = before;
    return said;
  };
  equal(await down(), "unavailable: connection refused", "nobody has asked yet");
  equal(await reason(password), "accepted: password");
  equal(await down(), "accepted: password");
  directory.said = DOWN;
  const { verdict } = await it.setup.login(SHIN, password);
  ok(verdict.kind === "accepted");
  deepEqual(verdict.identity.account, KNOWN_SHIN);
  it.setup.clock.time += 24 * HOUR_MS;
  equal(await reason(password), "unavailable: connection refused", "a day later");
  directory.said = { kind: "known", account: KNOWN_SHIN };
  equal(await reason(password), "accepted: password");
  directory.said = UNKNOWN;
  equal(await reason(password), "rejected: account is gone");
  equal(await down(), "unavailable: connection refused", "its no was the last word");
});

Deno.test("the success cache never stands between a login and the directory", async () => {
  const directory = new Directory();
  await using it = world([directory.backend], { cache: createSuccessCache({ key: KEY }) });
  const { id, password } = await it.add();
  const reason = reasonOf(it);
  for (const _ of [1, 2]) equal(await reason(password), "accepted: password");
  equal(directory.asked.filter((kind) => kind === "lookup for login").length, 2);
  directory.said = UNKNOWN;
  equal(await reason(password), "rejected: account is gone");
  directory.said = { kind: "known", account: KNOWN_SHIN };
  ok((await it.appPasswords.revoke(SHIN, id)).ok);
  equal(await reason(password), "rejected: wrong-secret");
});

Deno.test("networks, mechanisms and expiry of an app password hold", async () => {
  const directory = new Directory();
  await using it = world([directory.backend]);
  const reason = reasonOf(it);
  const near = await it.add({ label: "near", networks: ["192.0.2.0/24"] });
  equal(await reason(near.password), "accepted: password");
  equal(
    await reason(near.password, { origin: { remote: "198.51.100.7" } }),
    "rejected: credential is not for this network",
  );
  const login = await it.add({ label: "login", mechanisms: ["LOGIN"] });
  equal(await reason(login.password), "too-weak: credential is not for this mechanism");
  equal(await reason(login.password, { origin: { mechanism: "LOGIN" } }), "accepted: password");
  const short = await it.add({ label: "short", expires: new Date(it.setup.clock.time + HOUR_MS * 20).toISOString() });
  equal(await reason(short.password), "accepted: password");
  it.setup.clock.time += HOUR_MS * 20;
  equal(await reason(short.password), "rejected: credential has expired");
});

Deno.test("an app password that is revoked between its proof and the verdict is refused", async () => {
  const directory = new Directory();
  await using it = world([directory.backend]);
  const { id, password } = await it.add();
  await it.add({ label: "another" });
  const origin = { remote: "192.0.2.1", listener: "MSA", tls: null, mechanism: "PLAIN" };
  using exchange = it.setup.authenticator.begin(origin, "s");
  const answer = await exchange.ask({ kind: "password", user: SHIN, password, origin }, new AbortController().signal);
  ok(answer.kind === "accepted");
  ok((await it.appPasswords.revoke(SHIN, id)).ok);
  const { account, credential } = answer;
  const outcome = { kind: "proved", authcid: SHIN, authzid: "", account, credential, proof: "password" } as const;
  equal((await exchange.conclude(outcome, "s.1")).kind, "rejected");
});

Deno.test("outside SASL an app password is a wrong password", async () => {
  const directory = new Directory();
  await using it = world([directory.backend]);
  const { password } = await it.add();
  equal(await reasonOf(it)(password, { origin: { mechanism: "PASSWD" } }), "rejected: wrong-secret");
});

Deno.test("an unknown user costs the time of a wrong password of our own store, app passwords or not", async () => {
  const spent: string[] = [];
  const local: LocalAccounts = {
    standing: () => Promise.resolve(null),
    used: () => {},
    spend: (password) => {
      spent.push(password);
      return Promise.resolve();
    },
  };
  const ours = scripted("ours", () => UNKNOWN, { local });
  await using it = world([ours, new Directory().backend]);
  const { password } = await it.add();
  const tried = makeAppPassword();
  equal((await it.setup.login(NOBODY, tried)).verdict.kind, "rejected");
  deepEqual(spent, [tried]);
  equal((await it.setup.login(SHIN, password)).verdict.kind, "accepted");
  deepEqual(spent, [tried]);
});

Deno.test("a name that one of our own stores has by now is not opened by a foreign app password", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  const host = { dataDir: "/nowhere", defaultRealm: REALM, accounts: () => store };
  const sasldb = await SASLDB.open("sasldb", SASLDB.schema.parse({}), host);
  const directory = new Directory();
  await using it = world([sasldb, directory.backend], { stores: new Map([["sasldb", store]]) });
  const foreign = await it.add();
  equal(await reasonOf(it)(foreign.password), "accepted: password");
  await store.add(SHIN, "main");
  equal(await reasonOf(it)(foreign.password), "rejected: account is gone");
  const own = await it.add({ label: "own" });
  const { verdict, event } = await it.setup.login(SHIN, own.password);
  ok(verdict.kind === "accepted");
  equal(verdict.identity.account.backend, "sasldb");
  deepEqual(event.chain.map(({ backend }) => backend), ["sasldb"]);
  const listed = await it.appPasswords.list(SHIN);
  ok(listed.ok);
  deepEqual(listed.value.map(({ label }) => label), ["own", "phone"]);
  for (const { id } of [own, foreign]) ok((await it.appPasswords.revoke(SHIN, id)).ok);
  deepEqual(await it.appPasswords.revoke(SHIN, own.id), { ok: false, problem: "unknown-credential" });
  deepEqual(await it.appPasswords.list(SHIN), { ok: true, value: [] });
});

Deno.test("where several must agree there are no app passwords, and those from before are none", async () => {
  const directory = new Directory();
  await using before = world([directory.backend]);
  const { password } = await before.add();
  const sections = { staff: { control: "required" } } as const;
  await using it = bench({ backends: [directory.backend], appPasswords: before.file, sections });
  const { verdict, event } = await it.login(SHIN, password);
  equal(verdict.kind, "rejected");
  deepEqual(event.chain.map(({ backend }) => backend), ["staff"]);
  await using now = world([directory.backend], { sections });
  deepEqual(await refusalOf(now.appPasswords, SHIN), { kind: "required", backends: ["staff"] });
  // Only in the realms that it is for.
  const other = { staff: SUFFICIENT, second: { control: "required", realms: ["foobar.co.jp"] } } as const;
  await using apart = world([directory.backend, scripted("second", () => UNKNOWN)], { sections: other });
  equal(await refusalOf(apart.appPasswords, SHIN), null);
});

Deno.test("a file that cannot be read is an outage for who is not known elsewhere", async () => {
  const directory = new Directory();
  await using it = world([directory.backend]);
  await Deno.writeTextFile(`${it.folder}/app_passwords`, "no database ".repeat(400));
  equal(await reasonOf(it)("directory's"), "accepted: password");
  match(await reasonOf(it)("wrong"), /^unavailable: Cannot open app passwords/);
  match((await it.setup.prove(SHIN, true)).event.reason, /^Cannot open app passwords/);
  match(
    explainRefusal(await refusalOf(it.appPasswords, SHIN) ?? { kind: "bad-name" }),
    /^it cannot be told now: Cannot open/,
  );
});

Deno.test("a failure waits for the floor, and who has app passwords does not show by it", async () => {
  const directory = new Directory();
  await using it = world([directory.backend]);
  const { password } = await it.add();
  directory.said = UNKNOWN;
  it.setup.waits.length = 0;
  for (const tried of [password, makeAppPassword()]) {
    equal((await it.setup.login(SHIN, tried)).verdict.kind, "rejected");
  }
  equal(it.setup.waits.length, 2);
  equal(it.setup.waits[0], it.setup.waits[1]);
});

Deno.test("add says why not: unknown, closed, down, or in a backend that cannot tell", async () => {
  const directory = new Directory();
  const blind = scripted("radius", () => UNKNOWN, { answers: { ...NO_SCHEMES, lookup: false } });
  await using it = world([directory.backend]);
  deepEqual(await refusalOf(it.appPasswords, NOBODY), { kind: "unknown-account" });
  deepEqual(await refusalOf(it.appPasswords, SHIN, { ...PHONE, label: "" }), { kind: "bad-label" });
  equal(await refusalOf(it.appPasswords, SHIN), null);
  deepEqual(await refusalOf(it.appPasswords, SHIN), { kind: "label-taken" });
  directory.said = DOWN;
  deepEqual(await refusalOf(it.appPasswords, SHIN), { kind: "unavailable", cause: "connection refused" });
  const closed = scripted("staff", () => ({ kind: "rejected", why: "disabled" }));
  await using disabled = world([closed]);
  deepEqual(await refusalOf(disabled.appPasswords, SHIN), { kind: "not-allowed" });
  await using two = world([new Directory().backend, blind]);
  deepEqual(await refusalOf(two.appPasswords, NOBODY), { kind: "no-lookup", backends: ["radius"] });
  equal(await refusalOf(two.appPasswords, SHIN), null);
  const odd = scripted("staff", () => ({ kind: "known", account: account("Shin@BAZ.co.jp", "staff") }));
  await using named = world([odd]);
  deepEqual(await refusalOf(named.appPasswords, SHIN), { kind: "bad-name" });
});

Deno.test("add stores under the name that the backend gives, however it was typed", async () => {
  const directory = new Directory();
  await using it = world([directory.backend]);
  const made = await it.appPasswords.add({ ...SHIN, local: "SHIN" }, PHONE);
  ok(made.ok);
  deepEqual(made.value.account, KNOWN_SHIN);
  for (const local of ["shin", "Shin"]) {
    const { verdict } = await it.setup.login({ ...SHIN, local }, made.value.password);
    ok(verdict.kind === "accepted", local);
    equal(verdict.identity.account.name, NAME);
  }
});

Deno.test("list and revoke ask no backend where there is something, and list says who is unknown", async () => {
  const directory = new Directory();
  await using it = world([directory.backend]);
  deepEqual(await it.appPasswords.list(SHIN), { ok: true, value: [] });
  deepEqual(await it.appPasswords.list(NOBODY), { ok: false, problem: { kind: "unknown-account" } });
  const { id } = await it.add();
  directory.said = DOWN;
  directory.asked.length = 0;
  const listed = await it.appPasswords.list(SHIN);
  ok(listed.ok);
  deepEqual(listed.value.map((each) => each.id), [id]);
  deepEqual(await it.appPasswords.revoke(NOBODY, id), { ok: false, problem: "unknown-credential" });
  ok((await it.appPasswords.revoke(SHIN, id)).ok);
  deepEqual(directory.asked, []);
  deepEqual(await it.appPasswords.list(SHIN), {
    ok: false,
    problem: { kind: "unavailable", cause: "connection refused" },
  });
});

Deno.test("isMain tells an app password from the password of the account, and forget removes all", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add({ local: "hana", realm: REALM }, "main");
  const directory = new Directory();
  await using it = world([directory.backend], { stores: new Map([["sasldb", store]]) });
  const { id, password } = await it.add();
  equal(await it.appPasswords.isMain(KNOWN_SHIN, id), false);
  equal(await it.appPasswords.isMain(KNOWN_SHIN, "password"), true);
  const hana = account(`hana@${REALM}`, "sasldb");
  const main = (await store.credentials(hana.name))[0]?.id ?? "";
  const app = await store.addAppPassword({ local: "hana", realm: REALM }, PHONE);
  ok(app.ok);
  equal(await it.appPasswords.isMain(hana, main), true);
  equal(await it.appPasswords.isMain(hana, app.value.credential.id), false);
  await it.appPasswords.forget(SHIN);
  equal(await reasonOf(it)(password), "rejected: wrong-secret");
});

Deno.test("without a backend that has accounts elsewhere and can be asked for them the file is never looked at", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/app_passwords`;
  await Deno.writeTextFile(path, "no database");
  await using file = new AppPasswordFile(path, OPTIONS);
  const blind = scripted("radius", () => ({ kind: "rejected", why: "wrong-secret" }), {
    answers: { ...NO_SCHEMES, lookup: false },
  });
  await using setup = bench({ backends: [blind], appPasswords: file });
  equal((await setup.login(SHIN, makeAppPassword())).event.reason, "wrong-secret");
});

Deno.test("explainRefusal has a sentence for each", () => {
  const kinds = [
    "unknown-account",
    "bad-label",
    "label-taken",
    "bad-networks",
    "bad-mechanisms",
    "bad-expires",
  ] as const;
  const sentences = [
    ...[...kinds, "too-many", "not-allowed", "bad-name"].map((kind) => explainRefusal({ kind } as AppPasswordRefusal)),
    explainRefusal({ kind: "no-lookup", backends: ["radius", "pwcheck"] }),
    explainRefusal({ kind: "required", backends: ["staff"] }),
    explainRefusal({ kind: "unavailable", cause: "connection\nrefused" }),
  ];
  equal(new Set(sentences).size, sentences.length);
  for (const sentence of sentences) match(sentence, /^[a-z][^\n]+[^.]$/);
});
