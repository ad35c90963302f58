import { deepEqual, equal, match, ok } from "node:assert/strict";
import { BACKENDS } from "../../backends/registry.ts";
import { LDAP } from "../../backends/ldap.ts";
import type { Answer, Backend, UserName } from "../../src/backend.ts";
import { makeFolder, requirePrograms } from "../servers/lib.ts";
import { type Slapd, SLAPD_PROGRAMS, SUFFIX } from "../servers/slapd.ts";
import { backendContract, type Login, type OpenBackend } from "./contract.ts";
import { limited, never, ORIGIN } from "./contract_lib.ts";
import {
  GROUPS_DN,
  HANAKO,
  JIRO,
  openLdap,
  PEOPLE_DN,
  REALM,
  type ServiceAccount,
  serviceAccount,
  SOREN,
  startDirectory,
  TARO,
} from "./ldap_people.ts";
import { smtpAuth } from "./smtp_auth.ts";

const test = requirePrograms(SLAPD_PROGRAMS);

const SEARCH = { base: PEOPLE_DN, filter: "(&(objectClass=inetOrgPerson)(uid={user}))" } as const;
const TEMPLATE = { template: `uid={user},${PEOPLE_DN}` } as const;
const SCHEMES = ["cram-md5", "scram-sha-1", "scram-sha-256"];

interface Opened extends OpenBackend {
  readonly slapd: Slapd;
  readonly section: Record<string, unknown>;
}

/** Slapd, the service account's file, and the backend over both. */
async function open(
  section: (account: ServiceAccount) => Opened["section"],
): Promise<Opened> {
  const folder = await makeFolder();
  const keys = section(await serviceAccount(folder.path));
  const slapd = await startDirectory();
  const backend = await openLdap(slapd, keys);
  return {
    ...{ slapd, backend, section: keys },
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]();
      await slapd[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

for (
  const [how, section, tellsUnknown] of [
    ["search and bind", (account: ServiceAccount) => ({ ...SEARCH, ...account, schemes: SCHEMES }), true],
    // slapd does not tell an unknown name from a wrong password.
    ["template", () => ({ ...TEMPLATE, addressAttributes: ["mail"] }), false],
  ] as const
) {
  backendContract<Opened>(`ldap, ${how}`, {
    open: () => open(section),
    right: TARO,
    foreign: SOREN,
    unknown: { local: "nobody", realm: REALM },
    tellsUnknown,
    deadlineMs: LDAP.deadlineMs,
    peer: {
      stop: ({ slapd }) => slapd.stop(),
      start: ({ slapd }) => slapd.start(),
      pause: ({ slapd }) => slapd.pause(),
      resume: ({ slapd }) => slapd.resume(),
      reopen: ({ slapd, section }) => openLdap(slapd, section),
    },
    test,
  });
}

smtpAuth("ldap", {
  open: async () => {
    const slapd = await startDirectory();
    return {
      section: `url = "${slapd.url}"\nstart_tls = true\nca_file = "${slapd.certificate.caFile}"\n` +
        `base = "${PEOPLE_DN}"\nfilter = "(uid={user})"`,
      stop: () => slapd.stop(),
      start: () => slapd.start(),
      pause: () => slapd.pause(),
      resume: () => slapd.resume(),
      [Symbol.asyncDispose]: () => slapd[Symbol.asyncDispose](),
    };
  },
  right: { authcid: `${TARO.user.local}@${REALM}`, password: TARO.password },
  unknown: `nobody@${REALM}`,
  words: /invalid credentials|connection refused|127\.0\.0\.1/i,
  test,
});

/** Asks a backend over one slapd with this section, which may hold the service account. */
function directoryTest(
  title: string,
  section: (account: ServiceAccount) => Record<string, unknown>,
  run: (asked: { readonly ask: (login: Login) => Promise<Answer>; readonly opened: Opened }) => Promise<void>,
): void {
  test(`ldap: ${title}`, async () => {
    await using opened = await open(section);
    await run({ ask: (login) => askPassword(opened.backend, login), opened });
  });
}

function askPassword(backend: Backend, { user, password }: Login): Promise<Answer> {
  return backend.ask({ kind: "password", user, password, origin: ORIGIN }, never());
}

function named(local: string, password = `${local} word 1`): Login {
  return { user: { local, realm: REALM }, password };
}

function nameOf(answer: Answer): string {
  if (answer.kind === "accepted" || answer.kind === "known") return answer.account.name;
  return answer.kind === "rejected" ? answer.why : JSON.stringify(answer);
}

Deno.test("ldap is a kind of backend", () => {
  equal(BACKENDS.get("ldap"), LDAP);
});

directoryTest("hashes of both kinds, and a DN with a comma, quotes and a plus sign", (account) => ({
  ...{ ...SEARCH, ...account },
}), async ({ ask }) => {
  for (const login of [TARO, SOREN, HANAKO, JIRO]) {
    equal(nameOf(await ask(login)), `${login.user.local}@${REALM}`);
    equal(nameOf(await ask({ ...login, password: `${login.password} ` })), "wrong-secret");
  }
  equal(nameOf(await ask(named("nopassword"))), "wrong-secret");
});

directoryTest(
  "what ppolicy closes is told from a wrong password",
  (account) => ({ ...SEARCH, ...account }),
  async ({ ask }) => {
    equal(nameOf(await ask(named("locked"))), "disabled");
    equal(nameOf(await ask(named("expired"))), "expired");
    equal(nameOf(await ask(named("reset"))), "must-change");
    equal(nameOf(await ask(named("strict"))), `strict@${REALM}`);
    for (let wrong = 0; wrong < 3; wrong++) equal(nameOf(await ask(named("strict", "wrong"))), "wrong-secret");
    equal(nameOf(await ask(named("strict"))), "disabled");
    // The connection on which the last one was refused serves the next.
    equal(nameOf(await ask(TARO)), `taro@${REALM}`);
  },
);

directoryTest("a closed account cannot get in by its verifiers", (account) => ({
  ...{ ...SEARCH, ...account, schemes: ["scram-sha-256"] },
}), async ({ opened: { backend, slapd } }) => {
  const ask = (local: string) =>
    backend.ask({ kind: "verifiers", user: { local, realm: REALM }, scheme: "scram-sha-256", origin: ORIGIN }, never());
  equal((await ask("taro")).kind, "verifiers");
  equal(nameOf(await ask("locked")), "disabled");
  equal(nameOf(await ask("reset")), "must-change");
  deepEqual(await ask("hanako"), {
    ...{ kind: "rejected", why: "not-allowed", note: "no scram-sha-256 value in authPassword, userPassword" },
  });
  await slapd.modify(
    `dn: uid=taro,${PEOPLE_DN}\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n`,
  );
  equal(nameOf(await ask("taro")), "disabled");
});

directoryTest(
  "addresses, groups and a name for people to read; wildcards are not the directory's to give",
  (account) => ({
    ...{ ...SEARCH, ...account, nameAttribute: "displayName", groupAttribute: "memberOf" },
    addressAttributes: ["mail", "mailAlternateAddress"],
  }),
  async ({ ask, opened: { backend } }) => {
    const account = {
      ...{ name: `taro@${REALM}`, backend: "directory" },
      addresses: ["taro@example.org", "t.yamada@example.org"],
      groups: [`cn=mail,${GROUPS_DN}`],
      attributes: { name: "山田太郎" },
    };
    deepEqual(await ask(TARO), { kind: "accepted", account, credential: "password", version: "bind" });
    deepEqual(await backend.ask({ kind: "lookup", user: TARO.user }, never()), { kind: "known", account });
  },
);

directoryTest("one account has one name, however it is written", (account) => ({
  ...{ base: SUFFIX, filter: "(|(uid={user})(mail={address}))", ...account },
}), async ({ ask, opened: { slapd } }) => {
  for (const local of ["TARO", "Taro", "taro"]) equal(nameOf(await ask(named(local, TARO.password))), `taro@${REALM}`);
  await slapd.modify(`dn: uid=taro,${PEOPLE_DN}\nchangetype: modify\nreplace: mail\nmail: boss@example.org\n`);
  equal(nameOf(await ask(named("boss", TARO.password))), `taro@${REALM}`);
  await using byTemplate = await openLdap(slapd, TEMPLATE);
  equal(nameOf(await askPassword(byTemplate, named("TARO", TARO.password))), `taro@${REALM}`);
});

directoryTest("two entries are nobody, and the log says which", (account) => ({
  ...{ base: SUFFIX, filter: "(uid={user})", ...account },
}), async ({ ask, opened: { backend } }) => {
  const answer = await ask(named("twin"));
  ok(answer.kind === "rejected" && answer.why === "not-allowed");
  match(answer.note ?? "", /^two entries: "uid=twin,ou=.+" and "uid=twin,ou=.+"$/);
  equal(nameOf(await backend.ask({ kind: "lookup", user: named("twin").user }, never())), "not-allowed");
});

for (
  const [what, requireGroup, members] of [
    ["a groupOfNames", `cn=mail,${GROUPS_DN}`, [TARO, JIRO]],
    ["a groupOfUniqueNames", `cn=unique,${GROUPS_DN}`, [TARO]],
    ["a posixGroup", `cn=posix,${GROUPS_DN}`, [TARO]],
    ["a filter", `(memberOf=cn=mail,${GROUPS_DN})`, [TARO]],
    ["a filter with the DN", "(&(entryDN={dn})(displayName=*))", [TARO]],
  ] as const
) {
  for (const [how, keys] of [["search", SEARCH], ["template", TEMPLATE]] as const) {
    directoryTest(`${what} is required, ${how}`, (account) => ({
      ...{ ...keys, ...(how === "search" ? account : {}), requireGroup },
    }), async ({ ask }) => {
      for (const login of [TARO, SOREN, ...how === "search" ? [JIRO] : []]) {
        const inside = members.some(({ user }) => user === login.user);
        equal(nameOf(await ask(login)), inside ? `${login.user.local}@${REALM}` : "not-allowed");
        equal(nameOf(await ask({ ...login, password: "wrong word 1" })), "wrong-secret");
      }
    });
  }
}

test("ldap: a directory that is set up wrong is an outage, and the cause names the key", async () => {
  await using folder = await makeFolder();
  const account = await serviceAccount(folder.path);
  await using slapd = await startDirectory();
  const cause = async (section: Record<string, unknown>, url = slapd.url) => {
    await using backend = await openLdap({ url }, section);
    const answer = await askPassword(backend, TARO);
    ok(answer.kind === "unavailable", JSON.stringify(answer));
    return answer.cause;
  };
  match(
    await cause({ ...SEARCH, base: "ou=absent,dc=example,dc=org" }),
    /^base "ou=absent,.*" is not in the directory/,
  );
  match(await cause({ ...SEARCH, base: "dc=elsewhere" }), /base "dc=elsewhere"/);
  match(
    await cause({ ...SEARCH, requireGroup: "cn=absent,dc=example,dc=org" }),
    /^require_group "cn=absent,.*" is not/,
  );
  await Deno.writeTextFile(account.bindPasswordFile, "not the service's password");
  const refused = await cause({ ...SEARCH, ...account });
  match(
    refused,
    /^the service account "cn=service,dc=example,dc=org" is refused by ldap:.*code 49.*bind_password_file$/,
  );
  ok(!refused.includes("not the service's password"));
  await using backend = await openLdap(slapd, { ...SEARCH, ...account });
  const probed = await backend.probe(never());
  match(probed.ok ? "" : probed.problem, /service account/);
});

/** Names that would mean something in a filter or a DN. All of them can be typed by a client. */
const INJECTIONS = [
  ...[
    "*",
    "t*",
    "taro)(uid=*",
    "*)(objectClass=*",
    "taro)(|(uid=*",
    "(uid=taro)",
    "\\2a",
    "\\",
    "taro\\",
    "&",
    "|",
    "!",
  ],
  ...[
    "taro,ou=people",
    "taro,ou=people,dc=example,dc=org",
    "taro+cn=x",
    "uid=taro",
    "#taro",
    "<taro>",
    '"taro"',
    "taro;",
    "=",
  ],
  ...["{dn}", "{realm}", "taro\u0000", " taro", "taro ", "PLAIN", "EXTERNAL", "constructor", "__proto__"],
];

test("ldap: no name is more than a name", async () => {
  await using slapd = await startDirectory();
  for (const section of [SEARCH, TEMPLATE, { base: SUFFIX, filter: "(|(uid={user})(mail={address}))" }]) {
    await using backend = await openLdap(slapd, section);
    for (const local of INJECTIONS) {
      for (const password of [TARO.password, "x"]) {
        const answer = await askPassword(backend, named(local, password));
        ok(answer.kind === "rejected", `${local}: ${JSON.stringify(answer)}`);
      }
    }
    for (const realm of ["*", "x)(uid=taro", "x,dc=y"]) {
      const user: UserName = { local: "nobody", realm };
      equal((await askPassword(backend, { user, password: TARO.password })).kind, "rejected", realm);
    }
    equal(nameOf(await askPassword(backend, TARO)), `taro@${REALM}`);
  }
  // What came through was one equality, and one DN below the people.
  const filters = slapd.log.flatMap((line) => / filter="(.*)"$/.exec(line)?.[1] ?? []);
  ok(filters.length > INJECTIONS.length);
  const one = String.raw`(?:[^()*]|\\[0-9A-Fa-f]{2})*`;
  const shape = new RegExp(
    `^(?:\\(&\\(objectClass=inetOrgPerson\\)\\(uid=${one}\\)\\)|\\(\\|\\(uid=${one}\\)\\(mail=${one}\\)\\))$`,
  );
  for (const filter of filters) match(filter, shape);
});

test("ldap: an empty password is never sent", async () => {
  await using slapd = await startDirectory();
  for (const section of [SEARCH, TEMPLATE]) {
    await using backend = await openLdap(slapd, section);
    deepEqual(await askPassword(backend, { ...TARO, password: "" }), { kind: "rejected", why: "wrong-secret" });
    deepEqual(await askPassword(backend, { ...TARO, password: "\0" }), { kind: "rejected", why: "wrong-secret" });
  }
  equal(slapd.log.filter((line) => line.includes(" BIND ")).length, 0);
});

test("ldap: 2,000 logins, 50 at a time, half of them wrong: not one wrong answer", async () => {
  await using folder = await makeFolder();
  const account = await serviceAccount(folder.path);
  await using slapd = await startDirectory();
  slapd.quiet();
  await using backend = await openLdap(slapd, { ...SEARCH, ...account, connections: 20 });
  const atOnce = limited(50);
  const people = [TARO, SOREN, JIRO];
  const answers = await Promise.all(Array.from({ length: 2000 }, async (_, at) => {
    const login = people[at % people.length] ?? TARO;
    const right = at % 2 === 0;
    const answer = await atOnce(() =>
      askPassword(backend, right ? login : { ...login, password: `${login.password}${at}` })
    );
    return nameOf(answer) === (right ? `${login.user.local}@${REALM}` : "wrong-secret");
  }));
  equal(answers.filter((fits) => !fits).length, 0);
});

test("ldap: with a template the account's own rights are enough", async () => {
  await using slapd = await startDirectory();
  const section = { ...TEMPLATE, addressAttributes: ["mail"], requireGroup: `cn=mail,${GROUPS_DN}` };
  await using backend = await openLdap(slapd, section);
  const answer = await askPassword(backend, TARO);
  ok(answer.kind === "accepted");
  deepEqual(answer.account.addresses, ["taro@example.org"]);
  const bound = slapd.log.flatMap((line) => / BIND dn="(.*)" mech=SIMPLE/.exec(line)?.[1] ?? []);
  deepEqual(bound, [`uid=taro,${PEOPLE_DN}`]);
});
