/**
 * Logins against a directory: dokodemo's own LDAP client beside Postfix with saslauthd -a ldap, both with the same slapd.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";
import { concat, encodeBase64 } from "../src/lib/octets.ts";
import type { Certificate } from "../tests/servers/certificate.ts";
import { startLdapSaslauthd } from "../tests/servers/saslauthd_ldap.ts";
import { type Slapd, startSlapd, SUFFIX } from "../tests/servers/slapd.ts";
import type { Report, Row } from "./report.ts";
import { compare, faults } from "./rounds.ts";
import { MANY_USERS, PASSWORD, startDokodemo, startPeer } from "./servers.ts";
import { LDAP_LOGINS } from "./settings.ts";
import { load } from "./tools.ts";

const SESSIONS = 50;
/** Odd, so that each account logs in with the right password and with the wrong one. */
const ACCOUNTS = 201;
const PEOPLE = `ou=people,${SUFFIX}`;
/** As many as dokodemo has connections by default; Debian starts 5. */
const SASLAUTHD_PROCESSES = 16;

/** The two ways to an account, in the words of each. */
const WAYS = [
  {
    what: "search and bind",
    section: `base = "${PEOPLE}"\nfilter = "(uid={user})"`,
    settings: ["ldap_auth_method: bind", `ldap_search_base: ${PEOPLE}`, "ldap_filter: (uid=%U)"],
  },
  {
    what: "bind by a template",
    section: `template = "uid={user},${PEOPLE}"`,
    settings: ["ldap_auth_method: fastbind", `ldap_filter: uid=%U,${PEOPLE}`],
  },
] as const;

/** Logins a second over 50 sessions, half of them with a wrong password. A reply that is not the right one is told beside the numbers. */
export async function measureLdap(certificate: Certificate): Promise<readonly Report[]> {
  const rows: Row[] = [];
  await using slapd = await startSlapd({ ldif: directory() });
  slapd.quiet();
  for (const way of WAYS) rows.push(...await measureWay(way, { slapd, certificate }));
  const unit = `logins a second, ${LDAP_LOGINS} over ${SESSIONS} sessions`;
  return [{ part: "ldap", unit, rows }];
}

async function measureWay(
  { what, section, settings }: (typeof WAYS)[number],
  { slapd, certificate }: { readonly slapd: Slapd; readonly certificate: Certificate },
): Promise<readonly Row[]> {
  await using saslauthd = await startLdapSaslauthd({
    settings: [`ldap_servers: ${slapd.url}/`, ...settings],
    processes: SASLAUTHD_PROCESSES,
  });
  const passwords = {
    section: `url = "${slapd.url}"\nrealms = ["baz.co.jp"]\n${section}`,
    saslauthd: `${saslauthd.folder}/run/mux`,
  };
  await using ours = await startDokodemo({ next: "queue", passwords });
  await using peer = await startPeer({ next: "queue", passwords }, certificate);
  const rows: Row[] = [];
  // Refusals wait for their least time in dokodemo (100 to 120 ms), so that what is done in all is seen with right passwords alone.
  for (
    const [passwordsAre, more] of [["half of them wrong", { wrongPassword: `${PASSWORD}x` }], [
      "all right",
      {},
    ]] as const
  ) {
    for (const mechanism of ["plain", "login"] as const) {
      rows.push(
        await compare(`${mechanism}, ${what}, ${passwordsAre}`, [ours, peer], async ({ ports }) => {
          const result = await load({
            ...{ port: ports.clear, tls: "none", mechanism, mode: "auth", user: MANY_USERS, password: PASSWORD },
            ...{ ...more, accounts: ACCOUNTS, sessions: SESSIONS, total: LDAP_LOGINS },
          });
          return { value: result.rate, notes: faults(result) };
        }),
      );
    }
  }
  return rows.map((row) => row.notes.length > 0 ? row : { ...row, notes: ["every answer right"] });
}

/** People who all have the same password, each with a salt of its own. */
function directory(): string {
  const people = Array.from({ length: ACCOUNTS }, (_, at) => {
    const salt = randomBytes(8);
    const hash = createHash("sha1").update(PASSWORD).update(salt).digest();
    const name = MANY_USERS.slice(0, MANY_USERS.indexOf("@")).replace("%ld", `${at}`);
    return [
      `dn: uid=${name},${PEOPLE}`,
      "objectClass: inetOrgPerson",
      ...[`uid: ${name}`, `cn: ${name}`, `sn: ${name}`],
      `userPassword: {SSHA}${encodeBase64(concat(hash, salt))}`,
    ].join("\n");
  });
  return [`dn: ${PEOPLE}\nobjectClass: organizationalUnit\nou: people`, ...people, ""].join("\n\n");
}
