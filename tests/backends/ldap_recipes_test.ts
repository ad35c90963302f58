import { deepEqual, equal, match, ok } from "node:assert/strict";
import { BerReader } from "ldapts";
import { parse } from "smol-toml";
import { LDAP } from "../../backends/ldap.ts";
import type { Answer, Backend } from "../../src/backend.ts";
import { renameKeys } from "../../src/config/keys.ts";
import { concat, utf8 } from "../../src/lib/octets.ts";
import { makeFolder, requirePrograms } from "../servers/lib.ts";
import { type Slapd, SLAPD_PROGRAMS, startSlapd } from "../servers/slapd.ts";
import { never, ORIGIN } from "./contract_lib.ts";
import { openLdap, serviceAccount, ssha, startDirectory, TARO } from "./ldap_people.ts";

const test = requirePrograms(SLAPD_PROGRAMS);
const PAGE = await Deno.readTextFile(new URL("../../docs/backends.md", import.meta.url));
const SERVICE_PASSWORD = "recipe secret 1";

/** The section of the page's recipe `title`, as the program reads it; with `at` its n-th. */
function recipe(title: string, at = 0): Record<string, unknown> {
  const [, text = ""] = PAGE.split(`#### ${title}`);
  const block = text.split(/^#{2,4} /m)[0]?.match(/(?<=```toml\n)[^]*?(?=```)/g)?.[at];
  ok(block !== undefined, `the page has no recipe ${title}`);
  const tree: unknown = parse(block);
  ok(tree !== null && typeof tree === "object" && "backend" in tree);
  const { tree: section, mistakes } = renameKeys(Object(tree.backend).ldap, LDAP.schema, { path: [] });
  deepEqual(mistakes, []);
  ok(LDAP.schema.safeParse(section).success, JSON.stringify(LDAP.schema.safeParse(section).error));
  return Object(section);
}

/** The recipe with the places of this test. */
async function openRecipe(section: Record<string, unknown>, slapd: Slapd, folder: string): Promise<Backend> {
  const bindPasswordFile = (await serviceAccount(folder, SERVICE_PASSWORD)).bindPasswordFile;
  const tls = "caFile" in section && section["startTls"] === undefined;
  return await openLdap(slapd, {
    ...section,
    url: tls ? slapd.tlsUrl : slapd.url,
    ...("caFile" in section ? { caFile: slapd.certificate.caFile } : {}),
    ...("bindPasswordFile" in section ? { bindPasswordFile } : {}),
  });
}

function ask(backend: Backend, local: string, password: string, realm = "example.org"): Promise<Answer> {
  return backend.ask({ kind: "password", user: { local, realm }, password, origin: ORIGIN }, never());
}

test("ldap, the page's recipe for OpenLDAP: TLS, template, group, addresses", async () => {
  await using folder = await makeFolder();
  await using slapd = await startDirectory();
  await using backend = await openRecipe(recipe("OpenLDAP"), slapd, folder.path);
  const answer = await ask(backend, TARO.user.local, TARO.password);
  ok(answer.kind === "accepted", JSON.stringify(answer));
  deepEqual(answer.account.addresses, ["taro@example.org"]);
  equal((await ask(backend, "taro", "wrong")).kind, "rejected");
  deepEqual(await ask(backend, "strict", "strict word 1"), {
    kind: "rejected",
    why: "not-allowed",
    note: "not in require_group",
  });
});

/** Entries as the other servers have them. */
const ENTRIES: readonly (readonly [dn: string, attributes: readonly string[]])[] = [
  ...[
    "dc=org",
    "dc=example,dc=org",
    "dc=com",
    "dc=example,dc=com",
    "dc=io",
    "dc=goauthentik,dc=io",
    "dc=ldap,dc=goauthentik,dc=io",
  ],
  ...["cn=Users,dc=example,dc=org", "ou=people,dc=example,dc=com", "ou=users,dc=ldap,dc=goauthentik,dc=io"],
  ...["cn=accounts,dc=example,dc=org", "cn=users,cn=accounts,dc=example,dc=org"],
  ...["cn=etc,dc=example,dc=org", "cn=sysaccounts,cn=etc,dc=example,dc=org"],
].map((dn) => [dn, ["objectClass: organizationalUnit"]] as const);

/** What the filter of the recipe compares, with the rules by which Active Directory does. */
const AD_SCHEMA = [
  ["sAMAccountName", "1.2.840.113556.1.4.221", "caseIgnoreMatch", "15"],
  ["proxyAddresses", "1.2.840.113556.1.2.210", "caseIgnoreMatch", "15"],
].map(([name, id, rule, syntax]) =>
  `attributetype ( ${id} NAME '${name}' EQUALITY ${rule} SYNTAX 1.3.6.1.4.1.1466.115.121.1.${syntax} )`
).concat("objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP organizationalPerson STRUCTURAL )");

interface Place {
  readonly title: string;
  readonly account: (local: string) => string;
  readonly service: string;
  readonly group: string;
  readonly attributes: (local: string) => readonly string[];
}

const PLACES: readonly Place[] = [
  {
    title: "Active Directory",
    account: (local) => `cn=Yamada ${local},cn=Users,dc=example,dc=org`,
    service: "cn=dokodemo,cn=Users,dc=example,dc=org",
    group: "cn=mail,cn=Users,dc=example,dc=org",
    attributes: (local) => [
      ...["objectClass: user", `sAMAccountName: ${local}`, `displayName: Yamada ${local}`],
      ...[`proxyAddresses: SMTP:${local}@example.net`, "proxyAddresses: x400:c=JP"],
    ],
  },
  {
    title: "lldap",
    account: (local) => `uid=${local},ou=people,dc=example,dc=com`,
    service: "uid=dokodemo,ou=people,dc=example,dc=com",
    group: "cn=mail,ou=groups,dc=example,dc=com",
    attributes: (local) => ["objectClass: person", `uid: ${local}`, `mail: ${local}@example.net`],
  },
  {
    title: "FreeIPA",
    account: (local) => `uid=${local},cn=users,cn=accounts,dc=example,dc=org`,
    service: "uid=dokodemo,cn=sysaccounts,cn=etc,dc=example,dc=org",
    group: "cn=mail,cn=groups,cn=accounts,dc=example,dc=org",
    attributes: (local) => ["objectClass: posixAccount", `uid: ${local}`, `mail: ${local}@example.net`],
  },
  {
    title: "Authentik",
    account: (local) => `cn=${local},ou=users,dc=ldap,dc=goauthentik,dc=io`,
    service: "cn=dokodemo,ou=users,dc=ldap,dc=goauthentik,dc=io",
    group: "cn=mail,ou=groups,dc=ldap,dc=goauthentik,dc=io",
    attributes: (local) => ["objectClass: user", `cn: ${local}`, `mail: ${local}@example.net`],
  },
];

function ldif(): string {
  const entries = PLACES.flatMap(({ account, service, group, attributes }) => [
    [service, ["objectClass: person", `userPassword: ${ssha(SERVICE_PASSWORD)}`]] as const,
    ...["taro", "hanako"].map((local) => {
      const member = local === "hanako" ? [] : [`memberOf: ${group}`];
      return [account(local), [...attributes(local), ...member, `userPassword: ${ssha(`${local} word 1`)}`]] as const;
    }),
  ]);
  return [...ENTRIES, ...entries].map(([dn, lines]) => `${[`dn: ${dn}`, ...lines].join("\n")}\n`).join("\n");
}

test("ldap, the page's recipes for other servers, on a slapd with entries of their form", async () => {
  await using folder = await makeFolder();
  // Only whoever has bound may read.
  const database = ["access to attrs=userPassword by anonymous auth by * none", "access to * by users read by * none"];
  await using slapd = await startSlapd({ ldif: ldif(), open: true, schema: AD_SCHEMA, database });
  for (const { title } of PLACES) {
    await using backend = await openRecipe(recipe(title), slapd, folder.path);
    const answer = await ask(backend, "taro", "taro word 1");
    ok(answer.kind === "accepted", `${title}: ${JSON.stringify(answer)}`);
    equal(answer.account.name, "taro@example.org");
    deepEqual(answer.account.addresses, ["taro@example.net"]);
    deepEqual(await ask(backend, "taro", "hanako word 1"), { kind: "rejected", why: "wrong-secret" }, title);
    deepEqual(await ask(backend, "nobody", "taro word 1"), { kind: "rejected", why: "unknown-user" }, title);
    const outside = await ask(backend, "hanako", "hanako word 1");
    ok(outside.kind === "rejected" && outside.why === "not-allowed", title);
    equal(
      (await backend.ask({ kind: "lookup", user: { local: "taro", realm: "example.org" } }, never())).kind,
      "known",
    );
  }
});

/** A server that takes one bind after the other and answers as Active Directory does. Its notes: name and password of each. */
function startAd() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const binds: (readonly [string, string])[] = [];
  const serve = async (conn: Deno.Conn) => {
    using _ = conn;
    const buffer = new Uint8Array(4096);
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      // deno-lint-ignore no-node-globals -- the reader wants one
      const reader = new BerReader(Buffer.from(buffer.subarray(0, count)));
      reader.readSequence();
      const id = reader.readInt() ?? 0;
      reader.readSequence();
      reader.readInt();
      const bind = [reader.readString() ?? "", reader.readString(0x80) ?? ""] as const;
      binds.push(bind);
      await conn.write(bindResponse(id, AD_ANSWERS.get(bind.join(" ")) ?? "52e"));
    }
  };
  const serving = (async () => {
    for await (const conn of listener) void serve(conn).catch(() => {});
  })();
  return {
    binds,
    url: `ldap://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

const AD_ANSWERS = new Map([
  ["taro@example.org right", ""],
  ["closed@example.org right", "533"],
  ["locked@example.org right", "775"],
  ["old@example.org right", "532"],
  ["new@example.org right", "773"],
  ["nobody@example.org right", "525"],
]);

function bindResponse(id: number, data: string): Uint8Array<ArrayBuffer> {
  const text = data === ""
    ? ""
    : `80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data ${data}, v4563`;
  const words = utf8(data === "" ? "" : `${text}\0`);
  const content = concat(Uint8Array.of(0x0a, 1, data === "" ? 0 : 49, 4, 0, 4, words.length), words);
  return concat(Uint8Array.of(0x30, content.length + 5, 2, 1, id, 0x61, content.length), content);
}

Deno.test("ldap, the page's recipe for Active Directory without a service account: the principal name, and the server's data", async () => {
  await using ad = startAd();
  const { caFile: _, ...section } = recipe("Active Directory", 1);
  await using backend = await openLdap(ad, { ...section, url: ad.url });
  const say = async (local: string, password = "right") => {
    const answer = await ask(backend, local, password);
    return answer.kind === "rejected" ? answer.why : answer.kind === "accepted" ? answer.account.name : answer.kind;
  };
  equal(await say("taro"), "taro@example.org");
  equal(await say("taro", "wrong"), "wrong-secret");
  deepEqual(
    await Promise.all(["closed", "locked", "old", "new", "nobody"].map((local) => say(local))),
    ["disabled", "disabled", "expired", "must-change", "unknown-user"],
  );
  const before = ad.binds.length;
  for (const local of ["CORP\\taro", "cn=taro,dc=x", "taro;x", "taro:x", '"taro"', "PLAIN/x"]) {
    equal(await say(local), "unknown-user", local);
  }
  equal(ad.binds.length, before);
  for (const [name] of ad.binds) match(name, /^[a-z]+@example\.org$/);
});
