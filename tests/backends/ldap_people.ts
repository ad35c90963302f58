/**
 * The directory of the LDAP tests: who is in it, and how slapd is told.
 *
 * @module
 */

import { createHash, pbkdf2Sync, randomBytes } from "node:crypto";
import type { Backend } from "../../src/backend.ts";
import { LDAP } from "../../backends/ldap.ts";
import { concat, encodeBase64, hex, utf8 } from "../../src/lib/octets.ts";
import { cramMd5Contexts, scramKeys } from "../../src/sasl/derive.ts";
import { type Slapd, startSlapd, SUFFIX } from "../servers/slapd.ts";

/** The realm of all of them. */
export const REALM = "example.org";

export const PEOPLE_DN = `ou=people,${SUFFIX}`;
export const GROUPS_DN = `ou=groups,${SUFFIX}`;
export const SERVICE_DN = `cn=service,${SUFFIX}`;
export const SERVICE_PASSWORD = "service secret 1";

/** The login that works. */
export const TARO = { user: { local: "taro", realm: REALM }, password: "tanstaaf 42" } as const;
/** One whose name and password are not ASCII. */
export const SOREN = { user: { local: "søren.田中", realm: REALM }, password: "grüße 密码" } as const;
/** One with a hash of crypt(3). */
export const HANAKO = { user: { local: "hanako", realm: REALM }, password: "crypt words 7" } as const;
/** One whose DN holds a comma, a quote and a plus sign. */
export const JIRO = { user: { local: "jiro", realm: REALM }, password: "jiro's word 1" } as const;

/** The attribute and class of RFC 3112, which slapd does not bring along, and those that many mail servers have. */
const SCHEMA = [
  "attributetype ( 1.3.6.1.4.1.4203.1.3.4 NAME 'authPassword' EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )",
  "objectclass ( 1.3.6.1.4.1.4203.1.4.7 NAME 'authPasswordObject' AUXILIARY MAY authPassword )",
  "attributetype ( 1.3.6.1.4.1.7914.1.2.1.5 NAME 'mailAlternateAddress' EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )",
  "objectclass ( 1.3.6.1.4.1.7914.1.2.2.1 NAME 'mailObject' AUXILIARY MAY mailAlternateAddress )",
];

/** Starts slapd with all of them. */
export function startDirectory(): Promise<Slapd> {
  return startSlapd({ ldif: LDIF, schema: SCHEMA, database: [...ACCESS, ...POLICY] });
}

/** Opens a backend as the program does: `section` has the keys of the file in camelCase. */
export async function openLdap(
  slapd: Pick<Slapd, "url">,
  section: Readonly<Record<string, unknown>>,
): Promise<Backend> {
  const host = {
    dataDir: "/nowhere",
    defaultRealm: REALM,
    accounts: () => {
      throw new TypeError("no store here");
    },
  };
  return await LDAP.open("directory", LDAP.schema.parse({ url: slapd.url, ...section }), host);
}

/** The keys of a section that name the service account. */
export interface ServiceAccount {
  readonly bindDn: string;
  readonly bindPasswordFile: string;
}

/** Writes the service account's password into a file of a folder. */
export async function serviceAccount(folder: string, password = SERVICE_PASSWORD): Promise<ServiceAccount> {
  const bindPasswordFile = `${folder}/service-password`;
  await Deno.writeTextFile(bindPasswordFile, `${password}\n`, { mode: 0o600 });
  return { bindDn: SERVICE_DN, bindPasswordFile };
}

/** A salted SHA-1, slapd's usual form. */
export function ssha(password: string): string {
  const salt = randomBytes(8);
  return `{SSHA}${encodeBase64(concat(createHash("sha1").update(password).update(salt).digest(), salt))}`;
}

/** Dovecot's forms, and RFC 5803's. */
export function verifierValues(password: string): Record<"cram" | "scram256" | "scram1", string> {
  const { inner, outer } = cramMd5Contexts(password);
  const scram = (hash: "sha-1" | "sha-256") => {
    const salt = randomBytes(16);
    const salted = pbkdf2Sync(utf8(password), salt, 4096, hash === "sha-1" ? 20 : 32, hash.replace("-", ""));
    const { storedKey, serverKey } = scramKeys(hash, salted);
    return [salt, storedKey, serverKey].map(encodeBase64);
  };
  const [salt, storedKey, serverKey] = scram("sha-1");
  return {
    cram: `{CRAM-MD5}${hex(outer)}${hex(inner)}`,
    scram256: `{SCRAM-SHA-256}4096,${scram("sha-256").join(",")}`,
    scram1: `SCRAM-SHA-1$4096:${salt}$${storedKey}:${serverKey}`,
  };
}

interface PersonEntry {
  readonly dn?: string;
  readonly passwords: readonly string[];
  readonly more?: readonly string[];
  readonly classes?: readonly string[];
}

function person(uid: string, { dn, passwords, more = [], classes = [] }: PersonEntry): string {
  const classLines = ["inetOrgPerson", "mailObject", ...classes].map((one) => `objectClass: ${one}`);
  return [
    line("dn", dn ?? `uid=${uid},${PEOPLE_DN}`),
    ...classLines,
    line("uid", uid),
    ...(dn === undefined ? ["cn: Somebody"] : []),
    "sn: Somebody",
    ...passwords.map((password) => line("userPassword", password)),
    ...more,
    "",
    "",
  ].join("\n");
}

/** What is not plain ASCII goes in base64. */
function line(name: string, value: string): string {
  return /^[\x21-\x39\x3b-\x7e][\x20-\x7e]*$/.test(value)
    ? `${name}: ${value}`
    : `${name}:: ${encodeBase64(utf8(value))}`;
}

function withVerifiers({ user, password }: typeof TARO | typeof SOREN, more: readonly string[] = []): string {
  const { cram, scram256, scram1 } = verifierValues(password);
  return person(user.local, {
    passwords: [ssha(password), cram, scram256],
    classes: ["authPasswordObject"],
    more: [line("authPassword", scram1), ...more],
  });
}

const OLD = "20200101000000Z";
const policy = (name: string, more: readonly string[]) =>
  [`dn: cn=${name},ou=policies,${SUFFIX}`, "objectClass: applicationProcess", "objectClass: pwdPolicy", `cn: ${name}`]
    .concat("pwdAttribute: userPassword", more, "", "").join("\n");
const unit = (name: string) => `dn: ou=${name},${SUFFIX}\nobjectClass: organizationalUnit\nou: ${name}\n\n`;
const underPolicy = (name: string) => `pwdPolicySubentry: cn=${name},ou=policies,${SUFFIX}`;

export const JIRO_DN = `cn=Sato\\, Jiro \\"JS\\" \\+1,${PEOPLE_DN}`;

const LDIF = [
  ...["people", "staff", "groups", "policies"].map(unit),
  `dn: ${SERVICE_DN}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: service\nuserPassword: ${
    ssha(SERVICE_PASSWORD)
  }\n\n`,
  policy("default", ["pwdMustChange: TRUE"]),
  policy("strict", ["pwdLockout: TRUE", "pwdMaxFailure: 3"]),
  policy("short", ["pwdMaxAge: 1000"]),
  withVerifiers(TARO, [
    ...["mail: taro@example.org", "mail: *", "mailAlternateAddress: t.yamada@example.org"],
    ...["mailAlternateAddress: @example.org", "displayName:: 5bGx55Sw5aSq6YOO", `memberOf: cn=mail,${GROUPS_DN}`],
  ]),
  withVerifiers(SOREN),
  person("hanako", {
    passwords: [
      "{CRYPT}$6$abcdefgh$4mVk10vqJzPaYTiwXzOQQnnWcoWg0gnYS3t.icgEK5rC.21nO1D5oDCZNLNZU8PoHCTGh/FC3XZ506/gp9DFe/",
    ],
  }),
  person("jiro", { dn: JIRO_DN, passwords: [ssha(JIRO.password)] }),
  person("nopassword", { passwords: [] }),
  person("strict", { passwords: [ssha("strict word 1")], more: [underPolicy("strict")] }),
  person("locked", {
    passwords: [ssha("locked word 1")],
    more: [underPolicy("strict"), "pwdAccountLockedTime: 000001010000Z"],
  }),
  person("expired", { passwords: [ssha("expired word 1")], more: [underPolicy("short"), `pwdChangedTime: ${OLD}`] }),
  person("reset", { passwords: [ssha("reset word 1")], more: ["pwdReset: TRUE"] }),
  person("twin", { passwords: [ssha("twin word 1")] }),
  person("twin", { dn: `uid=twin,ou=staff,${SUFFIX}`, passwords: [ssha("twin word 1")] }).replace(
    "uid: twin\n",
    "uid: twin\ncn: Twin\n",
  ),
  `dn: cn=mail,${GROUPS_DN}\nobjectClass: groupOfNames\ncn: mail\nmember: uid=taro,${PEOPLE_DN}\nmember: ${JIRO_DN}\n\n`,
  `dn: cn=unique,${GROUPS_DN}\nobjectClass: groupOfUniqueNames\ncn: unique\nuniqueMember: uid=taro,${PEOPLE_DN}\n\n`,
  `dn: cn=posix,${GROUPS_DN}\nobjectClass: posixGroup\ncn: posix\ngidNumber: 5000\nmemberUid: taro\n\n`,
].join("");

/** Passwords and verifiers are the service account's to read, everything else everybody's. */
const ACCESS = [
  `access to attrs=userPassword,authPassword by dn.exact="${SERVICE_DN}" read by anonymous auth by * none`,
  "access to * by * read",
];
const POLICY = [
  "overlay ppolicy",
  `ppolicy_default "cn=default,ou=policies,${SUFFIX}"`,
  "ppolicy_use_lockout",
  "overlay memberof",
];
