import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { BACKENDS } from "../../backends/registry.ts";
import { SHADOW } from "../../backends/shadow.ts";
import { BackendProblem } from "../../src/backend_module.ts";
import { makeSite, runProgram, type Site, startProgram } from "../lib/program.ts";
import { NOBODY } from "../lib/root.ts";
import { converse, type Login, logIn } from "../lib/submission.ts";
import { makeFolder, requirePrograms, run } from "../servers/lib.ts";
import { makeSystemUser } from "../servers/system_users.ts";
import { eventually } from "./contract_lib.ts";
import {
  askLookup,
  askPassword,
  FOREIGN_PASSWORD,
  hashOf,
  inShort,
  lineOf,
  openFile,
  openUnix,
  PASSWORD,
  privateEtc,
  REALM,
  requireSystemUsers,
  sharedSystemUsers,
  unixContracts,
} from "./unix_lib.ts";

const today = () => Math.floor(Date.now() / 86_400_000);
const withUsers = requireSystemUsers();
const withMkpasswd = requirePrograms(["mkpasswd"]);

const users = sharedSystemUsers();
unixContracts("shadow", users);

Deno.test("the section shadow has its keys and no others", () => {
  equal(BACKENDS.get("shadow"), SHADOW);
  deepEqual(SHADOW.schema.parse({}), { allowDes: false });
  const all = { file: "x", realm: "Foo.JP", minUid: 0, allowDes: true };
  deepEqual(SHADOW.schema.parse(all), { ...all, realm: "foo.jp" });
  for (
    const wrong of [{ file: "" }, { minUid: -1 }, { minUid: 1.5 }, { realm: "" }, { allowDes: "x" }, { path: "x" }]
  ) {
    equal(SHADOW.schema.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});

Deno.test("a file: marks, locked, expired and aged accounts", async () => {
  const hash = await hashOf(PASSWORD);
  const day = today();
  const cases: readonly (readonly [name: string, expected: string, fields: readonly string[]])[] = [
    ["plain", "accepted", [hash]],
    ["star", "not-allowed", ["*"]],
    ["bang", "not-allowed", ["!"]],
    ["bangs", "not-allowed", ["!!"]],
    ["cross", "not-allowed", ["x"]],
    ["empty", "not-allowed", [""]],
    ["solaris", "not-allowed", ["*LK*"]],
    ["clear", "not-allowed", [PASSWORD]],
    ["des", "not-allowed", ["rl.3StKT.4T8M"]],
    ["locked", "disabled", [`!${hash}`]],
    ["locked2", "disabled", [`!!${hash}`]],
    ["ages", "accepted", [hash, `${day - 10}`, "0", "99999", "7", "", "", ""]],
    ["last", "accepted", [hash, `${day - 30}`, "0", "30", "7", "", "", ""]],
    ["aged", "must-change", [hash, `${day - 31}`, "0", "30", "7", "", "", ""]],
    ["within", "must-change", [hash, `${day - 35}`, "0", "30", "7", "5", "", ""]],
    ["inactive", "expired", [hash, `${day - 36}`, "0", "30", "7", "5", "", ""]],
    ["forced", "must-change", [hash, "0", "0", "99999", "7", "", "", ""]],
    ["tomorrow", "accepted", [hash, "", "", "", "", "", `${day + 1}`, ""]],
    ["over", "expired", [hash, "", "", "", "", "", `${day}`, ""]],
    ["never", "expired", [hash, "", "", "", "", "", "0", ""]],
    ["short", "accepted", [hash]],
  ];
  const lines = cases.map(([name, , fields]) => lineOf("shadow", [name, ...fields]));
  const more = [
    `short:${hash}\n`,
    `bad:${hash}:x::::::\n`,
    "+::::::::\n",
    "# comment\n",
    "\n",
    "nonsense\n",
    `:${hash}:::::::\n`,
  ];
  await using opened = await openFile("shadow", [...lines.slice(0, -1), ...more].join(""));
  for (const [name, expected] of cases) {
    equal(inShort(await askPassword(opened.backend, name)), expected, name);
    const wrong = expected === "not-allowed" || expected === "disabled" ? expected : "wrong-secret";
    equal(inShort(await askPassword(opened.backend, name, "guess")), wrong, name);
    equal(inShort(await askPassword(opened.backend, name, "")), "wrong-secret", name);
    const known = ["star", "bang", "bangs", "empty", "solaris"].includes(name) ? "not-allowed" : "known";
    equal(inShort(await askLookup(opened.backend, name)), name === "cross" ? "known" : known, name);
  }
  for (const name of ["bad", "+", "# comment", "nonsense", ""]) {
    equal(inShort(await askPassword(opened.backend, name)), "unknown-user", name);
  }
});

Deno.test("a file is read anew when it changes, and a changed password has another version", async () => {
  const setting = "$6$rounds=1000$other";
  await using opened = await openFile("shadow", lineOf("shadow", ["taro", await hashOf(PASSWORD)]));
  const before = await askPassword(opened.backend, "taro");
  await opened.write(lineOf("shadow", ["taro", await hashOf("other")]));
  equal(inShort(await askPassword(opened.backend, "taro")), "wrong-secret");
  equal(inShort(await askPassword(opened.backend, "taro", "other")), "accepted");
  await Deno.writeTextFile(`${opened.file}.new`, lineOf("shadow", ["taro", await hashOf(PASSWORD, setting)]));
  await Deno.rename(`${opened.file}.new`, opened.file);
  const after = await askPassword(opened.backend, "taro");
  equal(after.kind, "accepted");
  equal(before.kind === "accepted" && after.kind === "accepted" && before.version !== after.version, true);
});

Deno.test("a file that is away is an outage, and over when it is back", async () => {
  await using opened = await openFile("shadow", lineOf("shadow", ["taro", await hashOf(PASSWORD)]));
  const { backend, file } = opened;
  const probe = () => backend.probe(new AbortController().signal);
  deepEqual(await probe(), { ok: true, value: undefined });
  await Deno.rename(file, `${file}.away`);
  const cause = `Cannot read ${file}: there is no such file`;
  for (const name of ["taro", "jiro"]) {
    deepEqual(await askPassword(backend, name), { kind: "unavailable", cause });
    deepEqual(await askLookup(backend, name), { kind: "unavailable", cause });
  }
  equal(inShort(await askPassword(backend, "taro", "")), "wrong-secret");
  deepEqual(await probe(), { ok: false, problem: cause });
  await Deno.rename(`${file}.away`, file);
  equal(inShort(await askPassword(backend, "taro")), "accepted");
  equal(inShort(await askPassword(backend, "jiro")), "unknown-user");
  deepEqual(await probe(), { ok: true, value: undefined });
});

Deno.test("accounts are in one realm", async () => {
  const text = lineOf("shadow", ["taro", await hashOf(PASSWORD)]);
  await using opened = await openFile("shadow", text, { realm: "Example.JP" });
  equal(inShort(await askPassword(opened.backend, "taro")), "unknown-user");
  equal(inShort(await askLookup(opened.backend, "taro")), "unknown-user");
  const known = await opened.backend.ask(
    { kind: "lookup", user: { local: "taro", realm: "example.jp" } },
    new AbortController().signal,
  );
  equal(known.kind === "known" && known.account.name, "taro@example.jp");
});

withMkpasswd("DES hashes count with allow_des only", async () => {
  const { output } = await run("mkpasswd", { args: ["--stdin", "--method=descrypt"], input: "tanstaaf" });
  const text = lineOf("shadow", ["taro", output.trim()]);
  await using refusing = await openFile("shadow", text);
  equal(inShort(await askPassword(refusing.backend, "taro", "tanstaaf")), "not-allowed");
  await using allowing = await openFile("shadow", text, { allowDes: true });
  equal(inShort(await askPassword(allowing.backend, "taro", "tanstaaf")), "accepted");
  equal(inShort(await askPassword(allowing.backend, "taro", "tanstaa")), "wrong-secret");
});

Deno.test("a file that is missing, is a folder, or shows its hashes to everybody is a problem at the start", async () => {
  const problem = (text: RegExp) => (error: unknown) => error instanceof BackendProblem && text.test(error.message);
  await rejects(
    openUnix("shadow", { file: "/nowhere/shadow" }),
    problem(/^Cannot read \/nowhere\/shadow: there is no such file$/),
  );
  await using opened = await openFile("shadow", lineOf("shadow", ["taro", await hashOf(PASSWORD)]));
  await rejects(openUnix("shadow", { file: opened.folder }), problem(/^Cannot read .*: it is a folder$/));
  await rejects(openUnix("shadow", { file: opened.file, minUid: 0 }), problem(/^Cannot use min_uid with /));
  await Deno.chmod(opened.file, 0o644);
  await rejects(
    openUnix("shadow", { file: opened.file }),
    problem(/^Cannot use .*accounts: everybody can read its hashes/),
  );
});

withUsers("each method of chpasswd", async () => {
  await using backend = await openUnix("shadow");
  for (const method of ["MD5", "SHA256", "SHA512", "YESCRYPT"]) {
    await using user = await makeSystemUser({ password: PASSWORD, method });
    equal(inShort(await askPassword(backend, user.name)), "accepted", method);
    equal(inShort(await askPassword(backend, user.name, `${PASSWORD}x`)), "wrong-secret", method);
  }
  await using des = await makeSystemUser({ password: "tanstaaf", method: "DES" });
  equal(inShort(await askPassword(backend, des.name, "tanstaaf")), "not-allowed");
  await using allowing = await openUnix("shadow", { allowDes: true });
  equal(inShort(await askPassword(allowing, des.name, "tanstaaf")), "accepted");
});

withUsers("what useradd, usermod, passwd and chage make of an account", async () => {
  await using backend = await openUnix("shadow");
  await using user = await makeSystemUser({ password: PASSWORD });
  const { name } = user;
  const both = async () => [inShort(await askPassword(backend, name)), inShort(await askLookup(backend, name))];
  deepEqual(await both(), ["accepted", "known"]);
  await user.change("usermod", "-L");
  deepEqual(await both(), ["disabled", "known"]);
  await user.change("usermod", "-U");
  deepEqual(await both(), ["accepted", "known"]);
  await user.change("passwd", "-q", "-l");
  deepEqual(await both(), ["disabled", "known"]);
  await user.change("passwd", "-q", "-u");
  await user.change("chage", "-E", "2020-01-01");
  deepEqual(await both(), ["expired", "known"]);
  await user.change("chage", "-E", "-1", "-d", "0");
  deepEqual(await both(), ["must-change", "known"]);
  await user.change("chage", "-d", "2020-01-01", "-M", "30");
  deepEqual(await both(), ["must-change", "known"]);
  await user.change("chage", "-I", "7");
  deepEqual(await both(), ["expired", "known"]);
  await user.change("chage", "-M", "-1", "-I", "-1");
  deepEqual(await both(), ["accepted", "known"]);
  await user.change("usermod", "-p", "*");
  deepEqual(await both(), ["not-allowed", "known"]);
  await user.change("passwd", "-q", "-d");
  deepEqual(await both(), ["not-allowed", "known"]);
  equal(inShort(await askPassword(backend, name, "")), "wrong-secret");
  await using fresh = await makeSystemUser({ password: null });
  equal(inShort(await askPassword(backend, fresh.name)), "not-allowed");
});

withUsers("accounts of the system are left out, but with a lower min_uid", async () => {
  await using user = await makeSystemUser({ password: PASSWORD, system: true });
  await using backend = await openUnix("shadow");
  for (const name of [user.name, "root"]) {
    equal(inShort(await askPassword(backend, name)), "not-allowed");
    equal(inShort(await askLookup(backend, name)), "not-allowed");
  }
  deepEqual(await askPassword(backend, "root"), {
    kind: "rejected",
    why: "not-allowed",
    note: "its number 0 is below min_uid",
  });
  await using lower = await openUnix("shadow", { minUid: 1 });
  equal(inShort(await askPassword(lower, user.name)), "accepted");
  equal(inShort(await askLookup(lower, "root")), "not-allowed");
});

withUsers("a login by SMTP AUTH against the accounts of this machine", async () => {
  await users.make();
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [], sasl: 'pwcheck_method = ["shadow"]' });
  await using program = await startProgram(site);
  const attempt = async (login: Login) => {
    using client = await converse(program, site, { login: null });
    return (await logIn(client, login)).slice(0, 9).trim();
  };
  for (const mechanism of ["PLAIN", "LOGIN"] as const) {
    const right = { authcid: users.right, password: PASSWORD, mechanism };
    equal(await attempt(right), "235 2.7.0");
    equal(await attempt({ ...right, authcid: `${users.right}@${REALM}` }), "235 2.7.0");
    equal(await attempt({ ...right, authcid: users.foreign, password: FOREIGN_PASSWORD }), "235 2.7.0");
    equal(await attempt({ ...right, password: `${PASSWORD}x` }), "535 5.7.8");
    equal(await attempt({ ...right, authcid: `${users.right}@elsewhere.example` }), "535 5.7.8");
    equal(await attempt({ ...right, authcid: `${users.right}x` }), "535 5.7.8");
    equal(await attempt({ ...right, authcid: "root" }), "535 5.7.8");
  }
});

Deno.test("a login by SMTP AUTH against a file, which goes away and comes back", async () => {
  await using folder = await makeFolder();
  const more = '[backend.shadow]\nfile = "accounts"';
  const site = await makeSite(folder.path, { people: [], sasl: 'pwcheck_method = ["shadow"]', more });
  const file = `${site.dataDir}/accounts`;
  await Deno.mkdir(site.dataDir, { recursive: true });
  await Deno.writeTextFile(file, lineOf("shadow", ["taro", await hashOf(PASSWORD)]), { mode: 0o600 });
  await using program = await startProgram(site);
  const attempt = async (authcid: string, password: string) => {
    using client = await converse(program, site, { login: null });
    return (await logIn(client, { authcid, password })).slice(0, 9).trim();
  };
  equal(await attempt("taro", PASSWORD), "235 2.7.0");
  equal(await attempt("taro", "wrong"), "535 5.7.8");
  await Deno.rename(file, `${file}.away`);
  for (const password of [PASSWORD, "wrong"]) equal(await attempt("taro", password), "454 4.7.0");
  equal(await attempt("jiro", PASSWORD), "454 4.7.0");
  await Deno.rename(`${file}.away`, file);
  await eventually(async () => await attempt("taro", PASSWORD) === "235 2.7.0");
  equal(await attempt("jiro", PASSWORD), "535 5.7.8");
});

withUsers("a service that may not read shadow says at the start what to do", async () => {
  await using folder = await makeFolder({ open: true });
  const site = await siteOfNobody(folder.path);
  const { code, output } = await runProgram(["serve", "--config", site.config]);
  match(
    output,
    /Cannot read \/etc\/shadow: permission denied; put the user of this service into the group of that file/,
  );
  equal(code, 78);
});

withUsers("shadow that cannot be read any more is an outage, not an unknown user", async () => {
  await using folder = await makeFolder({ open: true });
  const site = await siteOfNobody(folder.path);
  const etc = `${folder.path}/etc`;
  const under = await privateEtc(etc, {
    passwd: [lineOf("passwd", ["taro", "x"])],
    shadow: [lineOf("shadow", ["taro", await hashOf(PASSWORD)])],
  });
  await using program = await startProgram(site, { under });
  const attempt = async (password: string) => {
    using client = await converse(program, site, { login: null });
    return (await logIn(client, { authcid: "taro", password })).slice(0, 9).trim();
  };
  equal(await attempt(PASSWORD), "235 2.7.0");
  await Deno.chmod(`${etc}/shadow`, 0o600);
  equal(await attempt("wrong"), "454 4.7.0");
  equal(await attempt(PASSWORD), "454 4.7.0");
  const [failed] = await program.events(1, ({ kind, result }) => kind === "authentication" && result === "unavailable");
  match(JSON.stringify(failed), /Cannot read \/etc\/shadow: permission denied/);
  await Deno.chmod(`${etc}/shadow`, 0o644);
  await eventually(async () => await attempt(PASSWORD) === "235 2.7.0");
  equal(await attempt("wrong"), "535 5.7.8");
  for (const name of ["shadow", "passwd"]) {
    await Deno.rename(`${etc}/${name}`, `${etc}/away`);
    for (const password of [PASSWORD, "wrong"]) equal(await attempt(password), "454 4.7.0", name);
    await Deno.rename(`${etc}/away`, `${etc}/${name}`);
    await eventually(async () => await attempt(PASSWORD) === "235 2.7.0");
    equal(await attempt("wrong"), "535 5.7.8", name);
  }
});

async function siteOfNobody(folder: string): Promise<Site> {
  const site = await makeSite(folder, { people: [], sasl: 'pwcheck_method = ["shadow"]', top: `user = "${NOBODY}"` });
  const id = async (option: string) => Number((await run("id", { args: [option, NOBODY] })).output);
  await Deno.chown(`${folder}/key.pem`, await id("-u"), await id("-g"));
  return site;
}
