import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { readPamService } from "../../backends/lib/pam_service.ts";
import { PAM } from "../../backends/pam.ts";
import { BACKENDS } from "../../backends/registry.ts";
import type { Answer, Backend } from "../../src/backend.ts";
import { BackendProblem } from "../../src/backend_module.ts";
import { makeSite, runProgram, type Site, type SiteOptions, startProgram } from "../lib/program.ts";
import { NOBODY, requireRoot } from "../lib/root.ts";
import { converse, logIn } from "../lib/submission.ts";
import { makeFolder, type RegisterTest, requirePrograms, run } from "../servers/lib.ts";
import {
  buildPamModule,
  makePamGate,
  makePamService,
  PAM_MODULE_PROGRAMS,
  PAM_UNIX,
  type PamServiceFile,
  pamServiceName,
} from "../servers/pam.ts";
import { makeSystemUser } from "../servers/system_users.ts";
import { backendContract } from "./contract.ts";
import { eventually, inTime, never, ORIGIN } from "./contract_lib.ts";
import { smtpAuth } from "./smtp_auth.ts";
import {
  askLookup,
  askPassword,
  FOREIGN_PASSWORD,
  inShort,
  PASSWORD,
  REALM,
  requireSystemUsers,
  sharedSystemUsers,
} from "./unix_lib.ts";

const withRoot = requireRoot();
const withUsers = requireSystemUsers();
const withModule: RegisterTest = Deno.uid() === 0 ? requirePrograms(PAM_MODULE_PROGRAMS) : withRoot;
const users = sharedSystemUsers();

/** Opens a backend named `mine`. */
async function openPam(service: Pick<PamServiceFile, "name">, keys: Record<string, unknown> = {}): Promise<Backend> {
  const warnings: string[] = [];
  const host = {
    ...{ dataDir: "/nowhere", defaultRealm: REALM, warn: (text: string) => warnings.push(text) },
    accounts: () => {
      throw new TypeError("no store here");
    },
  };
  const backend = await PAM.open("mine", PAM.schema.parse({ service: service.name, ...keys }), host);
  deepEqual(warnings, []);
  return backend;
}

backendContract("pam with pam_unix", {
  open: async () => {
    await users.make();
    const service = await makePamService(PAM_UNIX);
    const backend = await openPam(service);
    return {
      backend,
      async [Symbol.asyncDispose]() {
        await backend[Symbol.asyncDispose]();
        await service[Symbol.asyncDispose]();
      },
    };
  },
  right: { user: { local: users.right, realm: REALM }, password: PASSWORD },
  foreign: { user: { local: users.foreign, realm: REALM }, password: FOREIGN_PASSWORD },
  unknown: { local: `${users.right}x`, realm: REALM },
  deadlineMs: 10_000,
  concurrency: PAM.concurrency ?? 1,
  peer: null,
  test: withUsers,
});

smtpAuth("pam", {
  open: async () => {
    await users.make();
    const gate = await makePamGate();
    const service = await makePamService([gate.line, ...PAM_UNIX]);
    return {
      section: `service = "${service.name}"`,
      stop: () => gate.set("shut"),
      start: () => gate.set("open"),
      pause: () => gate.set("hung"),
      resume: () => gate.set("open"),
      async [Symbol.asyncDispose]() {
        await gate[Symbol.asyncDispose]();
        await service[Symbol.asyncDispose]();
      },
    };
  },
  right: { authcid: users.right, password: PASSWORD },
  unknown: `${users.right}x`,
  words: /PAM|pam_|module/,
  test: withUsers,
});

Deno.test("the section pam has its keys and no others", () => {
  equal(BACKENDS.get("pam"), PAM);
  deepEqual(PAM.schema.parse({}), { service: "dokodemo", userName: "{user}", lookup: "none" });
  const all = { service: "smtp-2", userName: "{user}@{realm}", lookup: "system", minUid: 0, realm: "foo.jp" };
  deepEqual(PAM.schema.parse({ ...all, realm: "Foo.JP" }), all);
  const services = ["", "other", "../x", "a/b", "/etc/x", "Smtp", ".x", "a b", "a\n", "x".repeat(65)];
  for (const service of services) equal(PAM.schema.safeParse({ service }).success, false, service);
  for (const wrong of [{ lookup: true }, { minUid: -1 }, { realm: "" }, { userName: "{realm}" }, { file: "x" }]) {
    equal(PAM.schema.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});

withUsers("pam: what chage, usermod and passwd make of an account", async () => {
  await using service = await makePamService(PAM_UNIX);
  await using backend = await openPam(service);
  await using user = await makeSystemUser({ password: PASSWORD });
  const now = async () => inShort(await askPassword(backend, user.name));
  equal(await now(), "accepted");
  await user.change("chage", "-E", "2020-01-01");
  equal(await now(), "expired");
  equal(inShort(await askPassword(backend, user.name, "wrong")), "wrong-secret");
  await user.change("chage", "-E", "-1", "-d", "0");
  equal(await now(), "must-change");
  await user.change("chage", "-d", "2020-01-01", "-M", "30", "-I", "7");
  equal(await now(), "expired");
  await user.change("chage", "-M", "-1", "-I", "-1");
  equal(await now(), "accepted");
  // pam_unix compares the password with the field as it stands.
  await user.change("usermod", "-L");
  equal(await now(), "wrong-secret");
  await user.change("usermod", "-U");
  equal(await now(), "accepted");
  await user.change("passwd", "-q", "-d");
  equal(await now(), "wrong-secret");
  equal(inShort(await askPassword(backend, user.name, "")), "wrong-secret");
});

withUsers("pam: the service file of docs/backends.md", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/backends.md", import.meta.url));
  const [, lines = ""] = /^# \/etc\/pam\.d\/dokodemo\n([^`]+)```/m.exec(page) ?? [];
  await using service = await makePamService(lines.trimEnd().split("\n"));
  await using backend = await openPam(service);
  await using person = await makeSystemUser({ password: PASSWORD });
  await using daemon = await makeSystemUser({ password: PASSWORD, system: true });
  equal(inShort(await askPassword(backend, person.name)), "accepted");
  equal(inShort(await askPassword(backend, daemon.name)), "not-allowed");
  equal(inShort(await askPassword(backend, daemon.name, "wrong")), "wrong-secret");
});

withUsers("pam: 511 octets are asked, more are not", async () => {
  await using service = await makePamService(PAM_UNIX);
  await using backend = await openPam(service);
  const longest = "é".repeat(255) + "x";
  await using user = await makeSystemUser({ password: longest });
  equal(inShort(await askPassword(backend, user.name, longest)), "accepted");
  for (const password of [longest.slice(0, -1), `${longest}x`, `${longest}\0`]) {
    equal(inShort(await askPassword(backend, user.name, password)), "wrong-secret");
  }
});

withUsers("pam: accounts are in one realm, or the whole name is asked for", async () => {
  await users.make();
  await using service = await makePamService(PAM_UNIX);
  const login = async (realm: string, keys: Record<string, unknown>) => {
    await using backend = await openPam(service, keys);
    const user = { local: users.right, realm };
    return await backend.ask({ kind: "password", user, password: PASSWORD, origin: ORIGIN }, never());
  };
  equal(inShort(await login("elsewhere.example", {})), "unknown-user");
  for (const realm of ["*", "Elsewhere.Example"]) {
    const answer = await login("elsewhere.example", { realm });
    equal(answer.kind === "accepted" && answer.account.name, `${users.right}@elsewhere.example`);
  }
  equal(inShort(await login(REALM, { userName: "{user}@{realm}" })), "unknown-user");
});

withUsers("pam: look-ups by the system's accounts", async () => {
  await users.make();
  await using service = await makePamService(PAM_UNIX);
  await using backend = await openPam(service, { lookup: "system" });
  equal(backend.answers.lookup, true);
  const known = await askLookup(backend, users.right);
  equal(known.kind === "known" && known.account.name, `${users.right}@${REALM}`);
  for (const name of [`${users.right}x`, "root", "", "a\nb"]) {
    equal(inShort(await askLookup(backend, name)), "unknown-user", name);
  }
  await using lower = await openPam(service, { lookup: "system", minUid: 0 });
  equal(inShort(await askLookup(lower, "root")), "known");
  await rejects(
    openPam(service, { minUid: 0 }),
    (error) => error instanceof BackendProblem && /^Cannot use min_uid without lookup/.test(error.message),
  );
  await using without = await openPam(service);
  equal(without.answers.lookup, false);
});

withRoot(
  "pam: a service file that would send PAM to another one is a problem at the start, and an outage later",
  async () => {
    const problem = (text: RegExp) => (error: unknown) => error instanceof BackendProblem && text.test(error.message);
    const missing = pamServiceName();
    await rejects(
      openPam({ name: missing }),
      problem(new RegExp(`^Cannot read /etc/pam.d/${missing}: there is no such file$`)),
    );
    const permit = ["auth required pam_permit.so", "account required pam_permit.so"];
    await using included = await makePamService(permit);
    await using authOnly = await makePamService(permit.slice(0, 1));
    const bad: readonly (readonly [lines: readonly string[], text: RegExp])[] = [
      [[], /has no line of type auth/],
      [["# auth required pam_permit.so", permit[1] ?? ""], /has no line of type auth/],
      [permit.slice(0, 1), /has no line of type account/],
      [[`@include ${authOnly.name}`], /has no line of type account/],
      [[permit[0] ?? "", `account include ${authOnly.name}`], /has no line of type account/],
      [[...permit, `@include ${missing}`], new RegExp(`^Cannot read /etc/pam.d/${missing}: there is no such file$`)],
      [[`auth substack ${missing}`], new RegExp(`^Cannot read /etc/pam.d/${missing}`)],
    ];
    for (const [lines, text] of bad) {
      await using service = await makePamService(lines);
      await rejects(openPam(service), problem(text), lines.join("\n"));
    }
    await using itself = await makePamService([]);
    await itself.write([`@include ${itself.name}`]);
    await rejects(openPam(itself), problem(/too many files include each other/));

    const good: readonly (readonly string[])[] = [
      [`@include ${included.name}`],
      [`auth include ${included.name}`, `account substack ${included.name}`],
      ["-AUTH [success=ok \\", "default=bad] pam_permit.so # x", "account\trequired pam_permit.so"],
    ];
    for (const lines of good) {
      await using service = await makePamService(lines);
      deepEqual(await readPamService(service.name), {
        ok: true,
        value: { auth: ["pam_permit.so"], account: ["pam_permit.so"] },
      });
      await using backend = await openPam(service);
      equal(inShort(await askPassword(backend, "anybody")), "accepted");
    }

    await using service = await makePamService(permit);
    await using backend = await openPam(service);
    equal(inShort(await askPassword(backend, "anybody")), "accepted");
    await service.remove();
    const cause = `Cannot read ${service.file}: there is no such file`;
    deepEqual(await askPassword(backend, "anybody"), { kind: "unavailable", cause });
    deepEqual(await backend.probe(never()), { ok: false, problem: cause });
    await service.write(permit);
    equal(inShort(await askPassword(backend, "anybody")), "accepted");
    deepEqual(await backend.probe(never()), { ok: true, value: undefined });
  },
);

withRoot("pam: modules are told the client's address, and a terminal", async () => {
  await using folder = await makeFolder();
  const script = `${folder.path}/script`;
  await Deno.writeTextFile(script, `/usr/bin/env > ${folder.path}/env\n`);
  await using service = await makePamService([
    `auth required pam_exec.so quiet /bin/sh ${script}`,
    "account required pam_permit.so",
  ]);
  await using backend = await openPam(service);
  const told = async (remote: string) => {
    const user = { local: "taro", realm: REALM };
    const answer = await backend.ask(
      { kind: "password", user, password: PASSWORD, origin: { ...ORIGIN, remote } },
      never(),
    );
    equal(inShort(answer), "accepted");
    const lines = (await Deno.readTextFile(`${folder.path}/env`)).split("\n");
    return Object.fromEntries(
      lines.filter((each) => /^PAM_(?:USER|RHOST|TTY|SERVICE)=/.test(each)).map((each) => each.split("=")),
    );
  };
  const always = { PAM_USER: "taro", PAM_TTY: "smtp", PAM_SERVICE: service.name };
  deepEqual(await told("2001:db8::7"), { ...always, PAM_RHOST: "2001:db8::7" });
  deepEqual(await told("local"), always);
});

withRoot("pam: a delay that a module asks for is not waited for", async () => {
  await using service = await makePamService([
    "auth optional pam_faildelay.so delay=120000000",
    "auth required pam_deny.so",
    "account required pam_permit.so",
  ]);
  await using backend = await openPam(service);
  const begun = performance.now();
  equal(inShort(await askPassword(backend, "taro")), "wrong-secret");
  ok(performance.now() - begun < 60_000, "it was waited for");
});

withRoot("pam: a module that hangs holds its own login, and no other", async () => {
  await using gate = await makePamGate();
  await using hanging = await makePamService([
    gate.line,
    "auth required pam_permit.so",
    "account required pam_permit.so",
  ]);
  await using other = await makePamService(["auth required pam_permit.so", "account required pam_permit.so"]);
  await using backend = await openPam(hanging);
  await using second = await openPam(other);
  await gate.set("hung");
  const leaving = new AbortController();
  const user = { local: "taro", realm: REALM };
  const question = { kind: "password", user, password: PASSWORD, origin: ORIGIN } as const;
  const under = Array.from({ length: 8 }, () => backend.ask(question, leaving.signal).then(inShort, () => "given up"));
  equal(inShort(await askPassword(second, "taro")), "accepted");
  leaving.abort();
  deepEqual(await inTime(under), under.map(() => "given up"));
  const left = askPassword(backend, "taro");
  await backend[Symbol.asyncDispose]();
  deepEqual(await inTime([left]), [{ kind: "unavailable", cause: "the backend is closed" }]);
  await gate.set("open");
  await using again = await openPam(hanging);
  equal(inShort(await askPassword(again, "taro")), "accepted");
});

withModule("pam: what modules ask, and what they say", async () => {
  await using module = await buildPamModule();
  await using service = await makePamService([]);
  const say = async (auth: string, account = ""): Promise<Answer> => {
    await service.write([`auth required ${module.path} ${auth}`, `account required ${module.path} ${account}`]);
    await using backend = await openPam(service);
    return await askPassword(backend, "TARO");
  };
  const more = { kind: "rejected", why: "not-allowed", note: "a module asked for more than a password" };
  // A password; messages; a line that is shown; radio buttons; octets.
  for (const style of [1, 3, 4]) equal((await say(`prompt=${style}`)).kind, "accepted", String(style));
  equal((await say("prompt=4 prompt=1 prompt=1 prompt=3")).kind, "accepted");
  for (const prompts of ["prompt=2", "prompt=5", "prompt=7", "prompt=1 prompt=2"]) deepEqual(await say(prompts), more);

  const answers: readonly (readonly [code: number, auth: string, account: string])[] = [
    [6, "not-allowed", "not-allowed"],
    [7, "wrong-secret", "not-allowed"],
    [10, "unknown-user", "unknown-user"],
    [11, "wrong-secret", "not-allowed"],
    [12, "must-change", "must-change"],
    [13, "expired", "expired"],
    [16, "expired", "expired"],
    [27, "expired", "expired"],
  ];
  for (const [code, auth, account] of answers) {
    equal(inShort(await say(`code=${code}`)), auth, `auth ${code}`);
    equal(inShort(await say("", `account=${code}`)), account, `account ${code}`);
  }
  for (const code of [1, 2, 3, 4, 5, 8, 9, 15, 17, 19, 20, 24, 26, 28]) {
    match(inShort(await say(`code=${code}`)), new RegExp(`^pam_authenticate: .+ \\(${code}\\)$`));
    match(inShort(await say("", `account=${code}`)), new RegExp(`^pam_acct_mgmt: .+ \\(${code}\\)$`));
  }
  await service.write(["auth required pam_nowhere.so", "account required pam_permit.so"]);
  await using lacking = await openPam(service);
  match(inShort(await askPassword(lacking, "taro")), /^pam_authenticate: .+ \(28\)$/);

  const named = async (name: string) => {
    const answer = await say(`user=${name}`);
    return answer.kind === "accepted" ? answer.account.name : inShort(answer);
  };
  equal(await named("taro"), `taro@${REALM}`);
  equal(await named("taro@Foobar.JP"), "taro@foobar.jp");
  for (const name of ["-taro", "a/b", "@foobar.jp", "taro@"]) equal(await named(name), "not-allowed", name);
});

async function siteOfNobody(folder: string, options: SiteOptions): Promise<Site> {
  const site = await makeSite(folder, { people: [], top: `user = "${NOBODY}"`, ...options });
  const id = async (option: string) => Number((await run("id", { args: [option, NOBODY] })).output);
  await Deno.chown(`${folder}/key.pem`, await id("-u"), await id("-g"));
  return site;
}

withUsers(
  "pam: a service that may not read shadow and has nothing but pam_unix says at the start what to do",
  async () => {
    await using folder = await makeFolder({ open: true });
    await using service = await makePamService([
      "auth [success=1 default=ignore] pam_unix.so nodelay",
      "auth requisite pam_deny.so",
      "auth required pam_permit.so",
      "account required pam_unix.so",
    ]);
    const site = await siteOfNobody(folder.path, {
      sasl: 'pwcheck_method = ["pam"]',
      more: `[backend.pam]\nservice = "${service.name}"`,
    });
    const { code, output } = await runProgram(["serve", "--config", site.config]);
    match(
      output,
      /backend\.pam: Cannot check passwords: \/etc\/pam\.d\/\S+ uses pam_unix, which cannot check the accounts/,
    );
    match(output, /usermod -aG shadow USER.*saslauthd -a pam/);
    equal(code, 78);
  },
);

withUsers("pam: a service that may not read shadow warns, and the other modules check", async () => {
  await users.make();
  await using folder = await makeFolder({ open: true });
  const script = `${folder.path}/check`;
  await Deno.writeTextFile(script, `IFS= read -r password\n[ "$PAM_USER:$password" = "taro:${PASSWORD}" ]\n`);
  await using service = await makePamService([
    "auth sufficient pam_unix.so nodelay noreap",
    `auth [success=ok default=bad] pam_exec.so quiet expose_authtok /bin/sh ${script}`,
    "account required pam_permit.so",
  ]);
  const site = await siteOfNobody(folder.path, {
    sasl: 'pwcheck_method = ["pam"]',
    more: `[backend.pam]\nservice = "${service.name}"`,
  });
  await using program = await startProgram(site);
  const [warning] = await program.events(1, ({ kind, about }) => kind === "warning" && about === "backend.pam");
  match(JSON.stringify(warning), /usermod -aG shadow USER.*The other modules there \(pam_exec\.so\)/);
  const attempt = async (authcid: string) => {
    using client = await converse(program, site, { login: null });
    return (await logIn(client, { authcid, password: PASSWORD })).slice(0, 4);
  };
  equal(await attempt("taro"), "235 ");
  // The script says no, but it is pam_unix that knows this one, and cannot look.
  ok((await attempt(users.right)) !== "235 ");
});

withUsers("pam: SMTP AUTH while the service file is away", async () => {
  await users.make();
  await using folder = await makeFolder();
  await using service = await makePamService(PAM_UNIX);
  const site = await makeSite(folder.path, {
    people: [],
    sasl: 'pwcheck_method = ["pam"]',
    more: `[backend.pam]\nservice = "${service.name}"`,
  });
  await using program = await startProgram(site);
  const attempt = async (password: string) => {
    using client = await converse(program, site, { login: null });
    return (await logIn(client, { authcid: users.right, password })).slice(0, 9);
  };
  equal(await attempt(PASSWORD), "235 2.7.0");
  await service.remove();
  for (const password of [`${PASSWORD}x`, PASSWORD]) equal(await attempt(password), "454 4.7.0");
  await service.write(PAM_UNIX);
  await eventually(async () => await attempt(PASSWORD) === "235 2.7.0");
  equal(await attempt(`${PASSWORD}x`), "535 5.7.8");
});
