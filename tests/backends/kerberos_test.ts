import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { KERBEROS } from "../../backends/kerberos.ts";
import { BACKENDS } from "../../backends/registry.ts";
import type { Answer, Backend } from "../../src/backend.ts";
import { BackendProblem } from "../../src/backend_module.ts";
import { makeSite, runProgram, startProgram } from "../lib/program.ts";
import { converse, logIn } from "../lib/submission.ts";
import { type Kdc, KDC_SERVICE, KRB5_PROGRAMS, startKdc, withKdc } from "../servers/krb5.ts";
import { makeFolder, requirePrograms } from "../servers/lib.ts";
import { backendContract, type OpenBackend } from "./contract.ts";
import { never, ORIGIN } from "./contract_lib.ts";
import { smtpAuth } from "./smtp_auth.ts";
import { inShort } from "./unix_lib.ts";

const REALM = "baz.co.jp";
const SECRET = "correct-horse";
const FOREIGN = { user: { local: "花子", realm: REALM }, password: "パスワード 1,2=x" };
const SHIN = `addprinc -pw ${SECRET} shin`;

const withFaketime = requirePrograms([...KRB5_PROGRAMS, "faketime"]);

interface Opened extends OpenBackend {
  readonly kdc: Kdc;
}

async function openKerberos(
  kdc: Kdc,
  keys: Record<string, unknown> = {},
  realms: readonly string[] = [],
): Promise<Backend> {
  const host = {
    ...{ dataDir: kdc.daemon.folder, defaultRealm: REALM, realms },
    accounts: () => {
      throw new TypeError("no store here");
    },
  };
  const options = KERBEROS.schema.parse({ keytab: "keytab", krb5Config: "krb5.conf", ...keys });
  return await KERBEROS.open("krb", options, host);
}

async function ask(backend: Backend, local: string, password = SECRET, realm = REALM): Promise<Answer> {
  return await backend.ask({ kind: "password", user: { local, realm }, password, origin: ORIGIN }, never());
}

backendContract<Opened>("kerberos", {
  open: async () => {
    const kdc = await startKdc({ commands: [SHIN, `addprinc -pw "${FOREIGN.password}" ${FOREIGN.user.local}`] });
    const backend = await openKerberos(kdc);
    return {
      ...{ kdc, backend },
      async [Symbol.asyncDispose]() {
        await backend[Symbol.asyncDispose]();
        await kdc[Symbol.asyncDispose]();
      },
    };
  },
  right: { user: { local: "shin", realm: REALM }, password: SECRET },
  foreign: FOREIGN,
  unknown: { local: "nobody", realm: REALM },
  deadlineMs: 3000,
  concurrency: KERBEROS.concurrency ?? 1,
  peer: {
    stop: ({ kdc }) => kdc.daemon.stop(),
    start: ({ kdc }) => kdc.daemon.start(),
    pause: ({ kdc }) => kdc.daemon.pause(),
    resume: ({ kdc }) => kdc.daemon.resume(),
    reopen: ({ kdc }) => openKerberos(kdc),
  },
  test: withKdc,
});

smtpAuth("kerberos", {
  open: async () => {
    const kdc = await startKdc({ commands: [SHIN] });
    return {
      section: `keytab = "${kdc.keytab}"\nkrb5_config = "${kdc.config}"`,
      stop: () => kdc.daemon.stop(),
      start: () => kdc.daemon.start(),
      pause: () => kdc.daemon.pause(),
      resume: () => kdc.daemon.resume(),
      [Symbol.asyncDispose]: () => kdc[Symbol.asyncDispose](),
    };
  },
  right: { authcid: "shin", password: SECRET },
  unknown: "nobody",
  words: /KDC|Kerberos|BAZ\.CO\.JP|[Pp]reauth/,
  test: withKdc,
});

Deno.test("the section kerberos has its keys and no others, and an older name", () => {
  equal(BACKENDS.get("kerberos"), KERBEROS);
  equal(BACKENDS.get("kerberos_v4"), KERBEROS);
  deepEqual(KERBEROS.schema.parse({}), { keytab: "/etc/krb5.keytab", principal: "{user}@{REALM}" });
  const all = {
    ...{ keytab: "k", service: "smtp/x", krb5Config: "c", principal: "{user}/mail@{REALM}" },
    kerberosRealms: { "baz.co.jp": "BAZ.CO.JP" },
  };
  deepEqual(KERBEROS.schema.parse(all), all);
  const principals = [
    "",
    "{user}",
    "x@{REALM}",
    "{user}@",
    "@{REALM}{user}",
    "{user}@{realms}",
    "{user}@a@b",
    "{user}\n@X",
  ];
  for (const principal of principals) equal(KERBEROS.schema.safeParse({ principal }).success, false, principal);
  for (const realm of ["", "a b", "A@B", "A/B", "A\\B", "\u00c9"]) {
    equal(KERBEROS.schema.safeParse({ kerberosRealms: { "baz.co.jp": realm } }).success, false, realm);
  }
  for (const wrong of [{ keytab: "" }, { kerberosRealms: {} }, { service: "" }, { realm: "x" }]) {
    equal(KERBEROS.schema.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});

withKdc("kerberos: what the KDC says of accounts", async () => {
  const password = "other-horse";
  await using kdc = await startKdc({
    commands: [
      `addprinc -pw ${password} -pwexpire 2020-01-01 aged`,
      `addprinc -pw ${password} +needchange new`,
      `addprinc -pw ${password} -expire 2020-01-01 ended`,
      `addprinc -pw ${password} -allow_tix closed`,
      `addprinc -pw ${password} -requires_preauth plain`,
      `addprinc -pw ${password} taro/admin`,
      `addprinc -pw ${password} +requires_hwauth hardware`,
    ],
  });
  await using backend = await openKerberos(kdc);
  const both = async (local: string) => {
    const answers = [await ask(backend, local, password), await ask(backend, local, `${password}x`)];
    return answers.map(inShort);
  };
  deepEqual(await both("plain"), ["accepted", "wrong-secret"]);
  deepEqual(await both("aged"), ["must-change", "wrong-secret"]);
  deepEqual(await both("new"), ["must-change", "wrong-secret"]);
  // These are said before the password is looked at.
  deepEqual(await both("ended"), ["expired", "expired"]);
  deepEqual(await both("closed"), ["disabled", "disabled"]);
  deepEqual(await both("hardware"), ["not-allowed", "not-allowed"]);
  deepEqual(await both("taro/admin"), ["unknown-user", "unknown-user"]);
  for (const name of ["plain@BAZ.CO.JP", "plain\\", "krbtgt/BAZ.CO.JP", "plain@"]) {
    deepEqual(await both(name), ["unknown-user", "unknown-user"], name);
  }
});

withKdc("kerberos: an account that the KDC has locked after wrong passwords", async () => {
  await using kdc = await startKdc({
    commands: [
      "addpol -maxfailure 3 -failurecountinterval 0 -lockoutduration 0 strict",
      `addprinc -policy strict -pw ${SECRET} shin`,
    ],
  });
  await using backend = await openKerberos(kdc);
  equal(inShort(await ask(backend, "shin")), "accepted");
  for (let time = 0; time < 3; time++) equal(inShort(await ask(backend, "shin", "wrong-horse")), "wrong-secret");
  equal(inShort(await ask(backend, "shin")), "disabled");
  await kdc.admin("modprinc -unlock shin");
  equal(inShort(await ask(backend, "shin")), "accepted");
});

withKdc("kerberos: realms, and the form of the principal", async () => {
  await using kdc = await startKdc({
    commands: [SHIN, `addprinc -pw ${SECRET} taro/mail`, `addprinc -pw ${SECRET} yuki\\@foobar.jp`],
  });
  const login = async (
    keys: Record<string, unknown>,
    [local, realm]: readonly [string, string],
    realms: readonly string[] = [],
  ) => {
    await using backend = await openKerberos(kdc, keys, realms);
    const answer = await ask(backend, local, SECRET, realm);
    return answer.kind === "accepted" ? answer.account.name : inShort(answer);
  };
  equal(await login({}, ["shin", REALM]), "shin@baz.co.jp");
  equal(await login({}, ["shin", "foobar.jp"]), "unknown-user");
  equal(await login({}, ["shin", REALM], ["foobar.jp"]), "unknown-user");
  match(await login({}, ["shin", "foobar.jp"], ["foobar.jp"]), /Cannot find KDC for realm "FOOBAR\.JP"/);
  equal(await login({}, ["shin", REALM], ["foobar.jp", REALM]), "shin@baz.co.jp");
  const kerberosRealms = { "Foobar.JP": "BAZ.CO.JP" };
  equal(await login({ kerberosRealms }, ["shin", "foobar.jp"]), "shin@foobar.jp");
  equal(await login({ kerberosRealms }, ["shin", REALM]), "unknown-user");
  equal(await login({ principal: "{user}/mail@{REALM}" }, ["taro", REALM]), "taro@baz.co.jp");
  equal(
    await login({ kerberosRealms, principal: "{user}\\@{realm}@{REALM}" }, ["yuki", "foobar.jp"]),
    "yuki@foobar.jp",
  );
  match(await login({ kerberosRealms: { "baz.co.jp": "NOWHERE" } }, ["shin", REALM]), /Cannot find KDC for realm/);
});

withKdc("kerberos: a false KDC of the same realm is not believed", async () => {
  await using kdc = await startKdc({ commands: [SHIN] });
  await using backend = await openKerberos(kdc);
  equal(inShort(await ask(backend, "shin")), "accepted");
  await kdc.daemon.stop();
  const evil = "addprinc -pw evil-horse shin";
  // One that has made itself a key of our name, and one that has none.
  for (const commands of [[evil], [evil, `delprinc -force ${KDC_SERVICE}`]]) {
    await using _false = await startKdc({ commands, port: kdc.port });
    const answer = await ask(backend, "shin", "evil-horse");
    ok(answer.kind === "unavailable", JSON.stringify(answer));
    match(answer.cause, /^the KDC has not proved that it knows the key of smtp\/mail\.baz\.co\.jp@BAZ\.CO\.JP in /);
    if (commands.length === 1) match(problemOf(await backend.probe(never())), /is not the one that the KDC has/);
  }
  await kdc.daemon.start();
  equal(inShort(await ask(backend, "shin")), "accepted");
  equal(inShort(await ask(backend, "shin", "evil-horse")), "wrong-secret");
  deepEqual(await backend.probe(never()), { ok: true, value: undefined });
});

withKdc("kerberos: a keytab whose key the KDC has replaced, and the new one", async () => {
  await using kdc = await startKdc({ commands: [SHIN] });
  await using backend = await openKerberos(kdc);
  await kdc.admin(`cpw -randkey ${KDC_SERVICE}`);
  match(inShort(await ask(backend, "shin")), /^the KDC has not proved that it knows the key of /);
  equal(inShort(await ask(backend, "shin", "wrong-horse")), "wrong-secret");
  match(problemOf(await backend.probe(never())), /is not the one that the KDC has/);
  await kdc.admin(`ktadd -k ${kdc.keytab} ${KDC_SERVICE}`);
  equal(inShort(await ask(backend, "shin")), "accepted");
  await Deno.remove(kdc.keytab);
  match(inShort(await ask(backend, "shin")), /keytab/);
});

withFaketime("kerberos: a KDC whose clock is wrong", async () => {
  await using kdc = await startKdc({ commands: [SHIN], under: ["faketime", "-f", "-1h"] });
  // libkrb5 goes by the clock of the KDC, where it is not told otherwise.
  await using lenient = await openKerberos(kdc);
  equal(inShort(await ask(lenient, "shin")), "accepted");
  const strict = (await Deno.readTextFile(kdc.config)).replace("[libdefaults]", "[libdefaults]\nkdc_timesync = 0");
  await Deno.writeTextFile(`${kdc.daemon.folder}/strict.conf`, strict);
  await using backend = await openKerberos(kdc, { krb5Config: "strict.conf" });
  match(inShort(await ask(backend, "shin")), /^the clocks of this machine and of the KDC differ .* \(NTP\)$/);
});

withKdc("kerberos: keys, settings and files that cannot be used are a problem at the start", async () => {
  await using kdc = await startKdc({ commands: ["addprinc -randkey host/mail.baz.co.jp"] });
  const problem = (text: RegExp) => (error: unknown) => error instanceof BackendProblem && text.test(error.message);
  const refused = (keys: Record<string, unknown>, text: RegExp) => rejects(openKerberos(kdc, keys), problem(text));
  await refused({ keytab: "/nowhere/keytab" }, /^Cannot read \/nowhere\/keytab: there is no such file$/);
  await refused({ krb5Config: "/nowhere/krb5.conf" }, /^Cannot read \/nowhere\/krb5\.conf: there is no such file$/);
  await refused({ service: "imap/mail.baz.co.jp" }, /: it holds smtp\/mail\.baz\.co\.jp@BAZ\.CO\.JP, not imap\/mail/);
  await refused({ keytab: "krb5.conf" }, /^Cannot use .*: mode 644 lets others read or write it/);
  await Deno.chmod(kdc.config, 0o600);
  await refused({ keytab: "krb5.conf" }, /^Cannot read .*krb5\.conf: /);
  await Deno.chmod(kdc.keytab, 0o640);
  await refused({}, /^Cannot use .*: mode 640 lets others read or write it; chmod 600 /);
  await Deno.chmod(kdc.keytab, 0o600);

  await kdc.admin(`ktadd -k ${kdc.keytab} host/mail.baz.co.jp`);
  await refused({}, /^Cannot choose from .*: it holds smtp\/\S+, host\/\S+; name one as service$/);
  for (const service of [KDC_SERVICE, "host/mail.baz.co.jp@BAZ.CO.JP"]) {
    await using backend = await openKerberos(kdc, { service });
    equal(inShort(await ask(backend, "nobody")), "unknown-user");
  }
});

withKdc("kerberos: by its older name, with a note in the log", async () => {
  await using folder = await makeFolder();
  await using kdc = await startKdc({ commands: [SHIN] });
  const site = await makeSite(folder.path, {
    people: [],
    sasl: 'pwcheck_method = "kerberos_v4"',
    more: `[backend.kerberos_v4]\nkeytab = "${kdc.keytab}"\nkrb5_config = "${kdc.config}"\n` +
      `[backend.kerberos_v4.kerberos_realms]\n"baz.co.jp" = "BAZ.CO.JP"`,
  });
  const { code, output } = await runProgram(["check", "--connect", "--config", site.config]);
  equal(code, 0, output);
  match(output, /kerberos_v4 is an older name of the type kerberos/);
  await using program = await startProgram(site);
  const attempt = async (password: string) => {
    using client = await converse(program, site, { login: null });
    return (await logIn(client, { authcid: "shin", password })).slice(0, 9);
  };
  equal(await attempt(SECRET), "235 2.7.0");
  equal(await attempt("wrong"), "535 5.7.8");
  const [note] = await program.events(1, ({ text }) => String(text).includes("kerberos_v4"));
  match(JSON.stringify(note), /older name of the type kerberos/);
});

withKdc("kerberos: a false KDC under the running program", async () => {
  await using folder = await makeFolder();
  await using kdc = await startKdc({ commands: [SHIN] });
  const site = await makeSite(folder.path, {
    people: [],
    sasl: 'pwcheck_method = "kerberos"',
    more: `[backend.kerberos]\nkeytab = "${join(kdc.daemon.folder, "keytab")}"\nkrb5_config = "${kdc.config}"`,
  });
  await kdc.daemon.stop();
  await using _false = await startKdc({ commands: ["addprinc -pw evil-horse shin"], port: kdc.port });
  await using program = await startProgram(site);
  using client = await converse(program, site, { login: null });
  match(await logIn(client, { authcid: "shin", password: "evil-horse" }), /^454 4\.7\.0 /);
});

function problemOf(probed: { readonly ok: boolean; readonly problem?: string }): string {
  return probed.problem ?? "reached";
}
