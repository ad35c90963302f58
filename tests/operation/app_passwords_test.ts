/** App passwords through the whole program: made by the command, used over SMTP, revoked; accounts of our own store and of a directory. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ClientMechanismName } from "../../src/sasl/client.ts";
import { PEOPLE_DN, serviceAccount, startDirectory, TARO } from "../backends/ldap_people.ts";
import { eventually } from "../backends/contract_lib.ts";
import { makeSite, type RunningProgram, runProgram, type Site, startProgram } from "../lib/program.ts";
import { converse, type Login, logIn } from "../lib/submission.ts";
import { makeFolder, requirePrograms } from "../servers/lib.ts";
import { type Slapd, SLAPD_PROGRAMS, SUFFIX } from "../servers/slapd.ts";

const ALL = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"] as const;
const SHIN = { local: "shin", realm: "baz.co.jp", password: "correct-horse", disabled: false };
const NAME = "shin@baz.co.jp";
const testSlapd = requirePrograms(SLAPD_PROGRAMS);

interface Server {
  readonly site: Site;
  readonly program: RunningProgram;
}

function appPassword({ config }: Pick<Site, "config">, ...args: readonly string[]) {
  return runProgram(["user", "app-password", ...args, "--config", config]);
}

/** Makes one and gives what it printed: the password is a line of its own. */
async function add(site: Pick<Site, "config">, ...args: readonly string[]): Promise<string> {
  const { code, output } = await appPassword(site, "add", ...args);
  equal(code, 0, output);
  const [password, ...more] = output.split("\n").filter((line) => /^[a-z2-9]{4}(-[a-z2-9]{4}){4}$/.test(line));
  ok(password !== undefined && more.length === 0, output);
  return password;
}

async function list(site: Pick<Site, "config">, name: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { code, output } = await appPassword(site, "list", name, "--json");
  equal(code, 0, output);
  return JSON.parse(output);
}

async function replyTo({ program, site }: Server, login: Login, listener = "msa"): Promise<string> {
  using client = await converse(program, site, { login: null, listener });
  return await logIn(client, login);
}

async function expectEach(
  server: Server,
  login: Login,
  { mechanisms, code, listener }: {
    readonly mechanisms: readonly ClientMechanismName[];
    readonly code: string;
    readonly listener?: string;
  },
): Promise<void> {
  for (const mechanism of mechanisms) {
    const reply = await replyTo(server, { ...login, mechanism }, listener);
    equal(reply.slice(0, 3), code, `${mechanism}: ${reply}`);
  }
}

/** As if its day had passed. */
function letExpire({ dataDir }: Pick<Site, "dataDir">, label: string): void {
  using database = new DatabaseSync(join(dataDir, "sasldb"));
  const { changes } = database.prepare("UPDATE credential SET expires = '2026-01-01T00:00:00.000Z' WHERE label = ?")
    .run(label);
  equal(changes, 1);
}

Deno.test("an app password of our own account logs in by each mechanism, within its scope, until it is revoked", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [SHIN] });
  await using program = await startProgram(site);
  const server = { site, program };
  const main: Login = { authcid: NAME, password: SHIN.password };

  const phone = { authcid: NAME, password: await add(site, NAME, "--label", "my phone") };
  await expectEach(server, phone, { mechanisms: ALL, code: "235" });
  await expectEach(server, main, { mechanisms: ALL, code: "235" });
  await expectEach(server, { ...phone, password: `${phone.password}x` }, { mechanisms: ALL, code: "535" });

  // Mail goes out by it as by any login.
  using client = await converse(program, site, { login: phone });
  match(await client.command(`MAIL FROM:<${NAME}>`), /^250 /);
  match(await client.command("RCPT TO:<somebody@elsewhere.example>"), /^250 /);

  const elsewhere = { ...phone, password: await add(site, NAME, "--label", "office", "--network", "198.51.100.0/24") };
  await expectEach(server, elsewhere, { mechanisms: ["PLAIN", "SCRAM-SHA-256"], code: "535" });
  const here = ["--network", "198.51.100.0/24", "--network", "127.0.0.0/8", "--mech", "cram-md5", "--mech", "LOGIN"];
  const scoped = { ...phone, password: await add(site, NAME, "--label", "printer", ...here) };
  await expectEach(server, scoped, { mechanisms: ["CRAM-MD5", "LOGIN"], code: "235" });
  await expectEach(server, scoped, { mechanisms: ["PLAIN", "SCRAM-SHA-1"], code: "534" });
  const season = { ...phone, password: await add(site, NAME, "--label", "season", "--expires", "90d") };
  await expectEach(server, season, { mechanisms: ["PLAIN"], code: "235" });
  const guest = { ...phone, password: await add(site, NAME, "--label", "guest", "--expires", "1d") };
  await expectEach(server, guest, { mechanisms: ["PLAIN"], code: "235" });
  letExpire(site, "guest");
  await expectEach(server, guest, { mechanisms: ["PLAIN", "CRAM-MD5"], code: "535" });

  const listed = await list(site, NAME);
  deepEqual(listed.map(({ label }) => label), ["my phone", "office", "printer", "season", "guest"]);
  deepEqual(listed[2]?.["mechanisms"], ["CRAM-MD5", "LOGIN"]);
  deepEqual(listed[2]?.["networks"], ["198.51.100.0/24", "127.0.0.0/8"]);
  await eventually(async () => typeof (await list(site, NAME))[0]?.["lastUsed"] === "string");
  equal((await list(site, NAME))[1]?.["lastUsed"], null);
  const shown = await runProgram(["user", "show", NAME, "--config", site.config]);
  match(
    shown.output,
    /^app password: {3}"printer" for 198\.51\.100\.0\/24, 127\.0\.0\.0\/8, CRAM-MD5, LOGIN, last used 2/m,
  );

  equal((await appPassword(site, "revoke", NAME, "my phone")).code, 0);
  await expectEach(server, phone, { mechanisms: ALL, code: "535" });
  equal((await appPassword(site, "revoke", NAME, String(listed[2]?.["id"]))).code, 0);
  await expectEach(server, scoped, { mechanisms: ["CRAM-MD5", "LOGIN"], code: "535" });
  await expectEach(server, main, { mechanisms: ALL, code: "235" });
  equal((await appPassword(site, "revoke", NAME, "my phone")).code, 65);

  // A password set anew leaves them as they are, a disabled account does not.
  const set = await runProgram(["user", "passwd", NAME, "--password-stdin", "--config", site.config], {
    input: "new one",
  });
  equal(set.code, 0, set.output);
  await expectEach(server, season, { mechanisms: ALL, code: "235" });
  await runProgram(["user", "disable", NAME, "--config", site.config]);
  await expectEach(server, season, { mechanisms: ALL, code: "535" });

  for (const { password } of [phone, elsewhere, scoped, season, guest]) {
    ok(!program.process.output.includes(password), "the log holds an app password");
  }
});

Deno.test("app-password says what is wrong, and where an account can have none", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, {
    people: [SHIN],
    sasl: 'pwcheck_method = ["sasldb", "gone"]',
    more: '[backend.gone]\ntype = "saslauthd"\npath = "no-such-socket"\nrealms = ["foobar.co.jp"]\n',
  });
  const cases = [
    [[NAME, "--label", ""], 64, /the label has 1 to 64/],
    [[NAME, "--label", "x", "--network", "nowhere"], 64, /expected 20 addresses or networks/],
    [[NAME, "--label", "x", "--mech", "NONE"], 64, /expected names of mechanisms/],
    [[NAME, "--label", "x", "--expires", "yesterday"], 64, /expected a time in the future/],
    [[NAME], 64, /--label/],
    [["nobody@baz.co.jp", "--label", "x"], 65, /nobody@baz\.co\.jp: there is no such account/],
    [["taro@foobar.co.jp", "--label", "x"], 78, /the backend gone, and whether it still is there/],
  ] as const;
  for (const [args, code, words] of cases) {
    const refused = await appPassword(site, "add", ...args);
    equal(refused.code, code, refused.output);
    match(refused.output, words);
  }
  deepEqual(await list(site, NAME), []);
  // Nothing of theirs is made where there are none.
  await Deno.stat(join(site.dataDir, "app_passwords")).then(() => ok(false), () => {});
});

/** A site whose accounts are in a directory; the listener `strong` has a list of its own. */
async function directorySite(folder: string, slapd: Slapd, sasl = ""): Promise<Site> {
  const { bindDn, bindPasswordFile } = await serviceAccount(folder);
  return await makeSite(folder, {
    people: [],
    sasl: `pwcheck_method = ["staff"]\nrealms = ["example.org"]\n${sasl}`,
    listeners: `[[listener]]
name = "msa"
address = "127.0.0.1:0"
role = "msa"
[[listener]]
name = "strong"
address = "127.0.0.1:0"
role = "msa"
mech_list = ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN"]`,
    more: `[backend.staff]
type = "ldap"
url = "${slapd.url}"
deadline = "3s"
base = "${PEOPLE_DN}"
filter = "(uid={user})"
bind_dn = "${bindDn}"
bind_password_file = "${bindPasswordFile}"
`,
  });
}

const TARO_LOGIN: Login = { authcid: "taro@example.org", password: TARO.password };
const STRONG = ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN"] as const;
const person = (uid: string, lines: readonly string[]) =>
  `dn: uid=${uid},${PEOPLE_DN}\nchangetype: modify\n${lines.join("\n")}\n\n`;
const LOCK = person("taro", ["add: pwdAccountLockedTime", "pwdAccountLockedTime: 000001010000Z"]);
const UNLOCK = person("taro", ["delete: pwdAccountLockedTime"]);

testSlapd("an app password of an account in a directory: beside its password, and gone with the account", async () => {
  await using folder = await makeFolder();
  await using slapd = await startDirectory();
  const site = await directorySite(folder.path, slapd);
  await using program = await startProgram(site);
  const server = { site, program };
  {
    using client = await converse(program, site, { login: null, listener: "strong" });
    match(
      await client.command("EHLO client.example"),
      /^250[ -]AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 CRAM-MD5 PLAIN\r?$/m,
    );
    using plain = await converse(program, site, { login: null });
    match(await plain.command("EHLO client.example"), /^250[ -]AUTH PLAIN LOGIN\r?$/m);
  }
  // Before there is any: nobody gets in by a verifier, the known one as little as the unknown.
  await expectEach(server, TARO_LOGIN, { mechanisms: ["CRAM-MD5", "SCRAM-SHA-256"], code: "535", listener: "strong" });

  const phone = { ...TARO_LOGIN, password: await add(site, "TARO@example.org", "--label", "phone") };
  slapd.quiet();
  await expectEach(server, phone, { mechanisms: ["PLAIN", "LOGIN"], code: "235" });
  await expectEach(server, phone, { mechanisms: STRONG, code: "235", listener: "strong" });
  equal(
    slapd.log.filter((line) => line.includes(`BIND dn="uid=taro`)).length,
    0,
    "the directory has seen an app password",
  );
  await expectEach(server, TARO_LOGIN, { mechanisms: ["PLAIN", "LOGIN"], code: "235" });
  await expectEach(server, TARO_LOGIN, { mechanisms: ["PLAIN"], code: "235", listener: "strong" });
  await expectEach(server, TARO_LOGIN, { mechanisms: ["CRAM-MD5", "SCRAM-SHA-256"], code: "535", listener: "strong" });
  await expectEach(server, { ...phone, authcid: "hanako@example.org" }, { mechanisms: ["PLAIN"], code: "535" });
  const [accepted] = await program.events(1, ({ kind, result, chain }) => {
    return kind === "authentication" && result === "accepted" && JSON.stringify(chain).includes("app-passwords");
  });
  equal(accepted?.["account"], "taro@example.org");

  // The list of accounts is that of our own store, and there is none here.
  equal((await runProgram(["user", "list", "--config", site.config])).code, 78);
  deepEqual((await list(site, "taro@example.org")).map(({ label }) => label), ["phone"]);

  await slapd.modify(LOCK);
  await expectEach(server, phone, { mechanisms: ["PLAIN"], code: "535" });
  await expectEach(server, phone, { mechanisms: STRONG, code: "535", listener: "strong" });
  await slapd.modify(UNLOCK);
  await expectEach(server, phone, { mechanisms: ["PLAIN"], code: "235" });

  await slapd.stop();
  await expectEach(server, phone, { mechanisms: ["PLAIN", "LOGIN"], code: "454" });
  await expectEach(server, phone, { mechanisms: STRONG, code: "454", listener: "strong" });
  const other = await appPassword(site, "add", "taro@example.org", "--label", "other");
  equal(other.code, 69, other.output);
  await slapd.start();
  await eventually(async () => (await replyTo(server, phone)).startsWith("235"));

  await slapd.modify(`dn: uid=taro,${PEOPLE_DN}\nchangetype: delete\n\n`);
  await expectEach(server, phone, { mechanisms: ["PLAIN"], code: "535" });
  await expectEach(server, phone, { mechanisms: STRONG, code: "535", listener: "strong" });
  // It can be revoked while nobody can be asked.
  await slapd.stop();
  equal((await appPassword(site, "revoke", "taro@example.org", "phone")).code, 0);
  ok(!program.process.output.includes(phone.password), "the log holds an app password");
});

testSlapd(
  "with app_password_outage an app password works while the directory is down, over a restart, and its password does not",
  async () => {
    await using folder = await makeFolder();
    await using slapd = await startDirectory();
    const site = await directorySite(folder.path, slapd, "app_password_outage = true");
    const login = { ...TARO_LOGIN, password: await add(site, "taro@example.org", "--label", "phone") };
    {
      await using program = await startProgram(site);
      await expectEach({ site, program }, login, { mechanisms: ["PLAIN"], code: "235" });
      await slapd.stop();
      await expectEach({ site, program }, login, { mechanisms: ["PLAIN", "LOGIN"], code: "235" });
      await expectEach({ site, program }, TARO_LOGIN, { mechanisms: ["PLAIN"], code: "454" });
    }
    await using program = await startProgram(site);
    const server = { site, program };
    await expectEach(server, login, { mechanisms: STRONG, code: "235", listener: "strong" });
    await slapd.start();
    await eventually(async () => (await replyTo(server, TARO_LOGIN)).startsWith("235"));
    await slapd.modify(LOCK);
    await expectEach(server, login, { mechanisms: ["PLAIN"], code: "535" });
    await slapd.stop();
    await expectEach(server, login, { mechanisms: ["PLAIN"], code: "454" });
  },
);

testSlapd("a server does not start on a file of app passwords that it cannot read", async () => {
  await using folder = await makeFolder();
  await using slapd = await startDirectory();
  const site = await directorySite(folder.path, slapd);
  await Deno.mkdir(site.dataDir, { recursive: true });
  await Deno.writeTextFile(join(site.dataDir, "app_passwords"), `no database ${SUFFIX} `.repeat(400));
  const started = await runProgram(["serve", "--config", site.config]);
  equal(started.code, 65, started.output);
  match(started.output, /Cannot open app passwords .*app_passwords/);
});
