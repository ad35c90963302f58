import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { LDAP } from "../../backends/ldap.ts";
import { judgeBind } from "../../backends/ldap_outcome.ts";
import { startTlsCode } from "../../backends/ldap_socket.ts";
import {
  comparedWithUser,
  escapeDnValue,
  escapeFilterValue,
  fillDn,
  fillFilter,
  isDnTemplate,
} from "../../backends/ldap_text.ts";
import { readVerifiers } from "../../backends/ldap_verifier.ts";
import type { VerifierScheme } from "../../src/backend.ts";
import { BackendProblem } from "../../src/backend_module.ts";
import { concat, decodeBase64, hex, utf8 } from "../../src/lib/octets.ts";
import { cramMd5Contexts } from "../../src/sasl/derive.ts";
import { makeFolder } from "../servers/lib.ts";
import { openLdap } from "./ldap_people.ts";

Deno.test("values in DNs and filters are escaped", () => {
  for (
    const [text, dn, filter] of [
      ["taro", "taro", "taro"],
      ["søren.田中", "søren.田中", "søren.田中"],
      [
        'a,b+c"d\\e<f>g;h=i',
        'a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h\\=i',
        'a,b+c"d\\5ce<f>g;h=i',
      ],
      [" a ", "\\ a\\ ", " a "],
      [" ", "\\ ", " "],
      ["#a#", "\\#a#", "#a#"],
      ["*)(uid=*", "*)(uid\\=*", "\\2a\\29\\28uid=\\2a"],
      ["a\0b", "a\\00b", "a\\00b"],
    ] as const
  ) {
    equal(escapeDnValue(text), dn);
    equal(escapeFilterValue(text), filter);
  }
});

Deno.test("a template is filled in one pass", () => {
  const values = { user: "{realm}", realm: "a,b" };
  equal(fillDn("uid={user},ou={realm},{x}", values), "uid={realm},ou=a\\,b,{x}");
  equal(
    fillFilter("(|(uid={user})(mail={address})(d={domain}))", { user: "x*", realm: "r" }),
    "(|(uid=x\\2a)(mail=x\\2a@r)(d=r))",
  );
  for (const dn of ["uid={user},dc=x", " cn = {user}", "2.5.4.3={user}"]) equal(isDnTemplate(dn), true, dn);
  for (const other of ["{user}@{domain}", "CORP\\{user}", "{address}"]) equal(isDnTemplate(other), false, other);
});

Deno.test("the attribute that is the name is the one that is compared with {user}", () => {
  for (
    const [template, attribute] of [
      ["uid={user},ou=people,dc=x", "uid"],
      ["(uid={user})", "uid"],
      ["(&(objectClass=user)(sAMAccountName={user}))", "sAMAccountName"],
      ["(|(mail={address})(uid={user}))", "uid"],
      ["(mail={address})", null],
      ["(cn=mail {user})", null],
      ["{user}@{domain}", null],
    ] as const
  ) equal(comparedWithUser(template), attribute, template);
});

Deno.test("what a server says to a bind", () => {
  const said = (code: number, message = "", policyError: number | null = null) => {
    const verdict = judgeBind({ code, message, policyError });
    return verdict.kind === "rejected" ? verdict.why : verdict.kind;
  };
  equal(said(0), "accepted");
  equal(said(49), "wrong-secret");
  // The password policy control of slapd.
  deepEqual([said(49, "", 0), said(49, "", 1), said(0, "", 2), said(53, "", 1)], [
    "expired",
    "disabled",
    "must-change",
    "disabled",
  ]);
  // Active Directory.
  for (
    const [data, why] of [
      ["525", "unknown-user"],
      ["52e", "wrong-secret"],
      ["530", "not-allowed"],
      ["531", "not-allowed"],
      ["532", "expired"],
      ["533", "disabled"],
      ["701", "expired"],
      ["773", "must-change"],
      ["775", "disabled"],
      ["57", "wrong-secret"],
    ] as const
  ) {
    equal(said(49, `80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data ${data}, v4563`), why);
  }
  // 389 Directory Server and FreeIPA.
  equal(said(53, "Account inactivated. Contact system administrator."), "disabled");
  equal(said(19, "Exceed password retry limit. Please try later."), "disabled");
  equal(said(53, "Account (Kerberos principal) is expired"), "expired");
  // None of these is about the password.
  for (const code of [1, 2, 8, 10, 13, 50, 51, 52, 80]) equal(said(code, "no"), "unavailable", String(code));
  // Of this account, whatever it is.
  deepEqual([said(19, "no"), said(53, "no")], ["not-allowed", "not-allowed"]);
  deepEqual([said(32), said(34), said(48)], ["unknown-user", "unknown-user", "wrong-secret"]);
});

/** Written by `doveadm pw` of Dovecot 2.3.19 for this password. */
const PASSWORD = "tanstaaf 42";
const DOVECOT = {
  "cram-md5": "{CRAM-MD5}2609a3a8599a6c6ae454653f043cd091d991cfc85634bcb1058dcd936d441c55",
  "scram-sha-256":
    "{SCRAM-SHA-256}4096,oeSGlAwRv7QrfS6favImLw==,7rCERtLrGC1YYLaR8TrCC/CiF5G9+2O2TX1ysSP4tj0=,MjM19mjizMMB3QSCDSTgay1bvuu6FVLHP//ZJ4M8Et4=",
  "scram-sha-1": "{SCRAM-SHA-1}4096,k/maUssZlKl+EZiL3rtsXQ==,JFfS9ohytiPK+rOYbucnPUiV0nc=,Xz46xZwHznoRT6goo2HvGv5oWNg=",
} as const;

Deno.test("the verifiers that Dovecot writes, and RFC 5803's, are read", () => {
  const [cram] = readVerifiers([DOVECOT["cram-md5"]], "cram-md5");
  const { inner, outer } = cramMd5Contexts(PASSWORD);
  deepEqual(cram, { scheme: "cram-md5", credential: "password", inner, outer });
  const [, salt = "", storedKey = "", serverKey = ""] = DOVECOT["scram-sha-256"].split(",");
  const expected = {
    ...{ scheme: "scram-sha-256", credential: "password", iterations: 4096 },
    ...{ salt: decodeBase64(salt), storedKey: decodeBase64(storedKey), serverKey: decodeBase64(serverKey) },
  };
  for (
    const form of [
      DOVECOT["scram-sha-256"],
      `SCRAM-SHA-256$4096:${salt}$${storedKey}:${serverKey}`,
      `SCRAM-SHA-256 $ 4096:${salt} $ ${storedKey}:${serverKey}`,
      `{SCRAM-SHA-256}4096:${salt}$${storedKey}:${serverKey}`,
      `{scram-sha-256}4096,${salt},${storedKey},${serverKey}`,
    ]
  ) deepEqual(readVerifiers([form], "scram-sha-256"), [expected], form);
  equal(readVerifiers([DOVECOT["scram-sha-1"]], "scram-sha-1").length, 1);
});

Deno.test("verifiers of other forms and schemes are passed over, and all have one salt", () => {
  const values = [
    "{SSHA}abcd",
    "plain",
    "",
    "{CRAM-MD5}12",
    "{SCRAM-SHA-256}",
    "{SCRAM-SHA-256}0,eA==,eA==,eA==",
    "{MD5}x",
  ];
  for (const scheme of ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"] satisfies VerifierScheme[]) {
    deepEqual(readVerifiers(values, scheme), []);
    equal(readVerifiers([...values, ...Object.values(DOVECOT)], scheme).length, scheme === "digest-md5" ? 0 : 1);
  }
  const other = DOVECOT["scram-sha-256"].replace("oeSG", "oeSH");
  const both = readVerifiers([DOVECOT["scram-sha-256"], other, DOVECOT["scram-sha-256"]], "scram-sha-256");
  equal(both.length, 2);
  equal(readVerifiers([DOVECOT["scram-sha-256"].replace("SHA-256", "SHA-1")], "scram-sha-1").length, 0);
});

Deno.test("the answer to StartTLS is one whole message and nothing behind it", () => {
  const message = (code: number, words = "") => {
    const text = utf8(words);
    const content = concat(Uint8Array.of(0x0a, 1, code, 4, 0, 4, text.length), text);
    return concat(Uint8Array.of(0x30, content.length + 5, 2, 1, 1, 0x78, content.length), content);
  };
  equal(startTlsCode(message(0)), 0);
  equal(startTlsCode(message(2, "unsupported extended operation")), 2);
  const whole = message(0, "welcome");
  for (let length = 0; length < whole.length; length++) equal(startTlsCode(whole.subarray(0, length)), "more");
  // A long form of the length, as Active Directory writes it.
  const long = Uint8Array.fromHex("3084000000100201017884000000070a010004000400");
  equal(startTlsCode(long), 0);
  for (const behind of [Uint8Array.of(0), message(0), message(0).subarray(0, 5)]) {
    equal(startTlsCode(concat(message(0), behind)), "broken");
  }
  const broken = [
    message(0).with(0, 0x31),
    message(0).with(4, 2), // the answer to another message
    message(0).with(5, 0x61), // the answer to a bind
    message(0).with(7, 0x02),
    new Uint8Array(5000).with(0, 0x30).with(1, 0x82).with(2, 0xff).with(3, 0xff),
  ];
  for (const octets of broken) equal(startTlsCode(octets), "broken", hex(octets).slice(0, 40));
});

const TEMPLATE = "uid={user},dc=x";
const URL = "ldaps://ldap.example.org";

Deno.test("the section ldap has defaults, and a server has a port", () => {
  const options = LDAP.schema.parse({ url: [URL, "ldaps://[2001:db8::1]:3636/"], template: TEMPLATE });
  deepEqual(options.url, [
    { url: URL, host: "ldap.example.org", port: 636, implicitTls: true },
    { url: "ldaps://[2001:db8::1]:3636/", host: "2001:db8::1", port: 3636, implicitTls: true },
  ]);
  deepEqual([options.connections, options.connectDeadline, options.answerDeadline, options.scope], [
    16,
    3000,
    4000,
    "sub",
  ]);
  for (
    const right of [
      { url: "ldap://localhost", template: TEMPLATE },
      { url: "ldap://127.0.0.1:3389", template: TEMPLATE },
      { url: "ldap://ldap.example.org", startTls: true, template: TEMPLATE },
      { url: "ldap://ldap.example.org", cleartext: true, template: TEMPLATE },
      { url: URL, base: "dc=x", filter: "(uid={user})" },
      { url: URL, template: "{user}@{domain}", base: "dc=x", filter: "(userPrincipalName={address})" },
    ]
  ) equal(LDAP.schema.safeParse(right).success, true, JSON.stringify(right));
});

Deno.test("what cannot be meant is refused with a word of the key", () => {
  for (
    const [section, key] of [
      [{ template: TEMPLATE }, "url"],
      [{ url: [], template: TEMPLATE }, "url"],
      [{ url: "http://x", template: TEMPLATE }, "url"],
      [{ url: "ldapi://%2Frun", template: TEMPLATE }, "url"],
      [{ url: "ldaps://x/dc=x", template: TEMPLATE }, "url"],
      [{ url: "ldaps://u:p@x", template: TEMPLATE }, "url"],
      [{ url: "ldap://ldap.example.org", template: TEMPLATE }, "url"],
      [{ url: [URL, "ldap://ldap.example.org"], template: TEMPLATE }, "url"],
      [{ url: URL, startTls: true, template: TEMPLATE }, "startTls"],
      [{ url: URL }, "template"],
      [{ url: URL, template: "uid={username},dc=x" }, "template"],
      [{ url: URL, template: "uid=taro,dc=x" }, "template"],
      [{ url: URL, template: "{user}" }, "template"],
      [{ url: URL, filter: "(uid={user})" }, "base"],
      [{ url: URL, template: TEMPLATE, base: "dc=x" }, "filter"],
      [{ url: URL, base: "dc=x", filter: "(uid=taro)" }, "filter"],
      [{ url: URL, template: TEMPLATE, bindDn: "cn=x" }, "bindPasswordFile"],
      [{ url: URL, template: TEMPLATE, bindPasswordFile: "x" }, "bindDn"],
      [{ url: URL, template: TEMPLATE, schemes: ["cram-md5"] }, "schemes"],
      [{ url: URL, template: TEMPLATE, schemes: ["digest-md5"] }, "schemes"],
      [{ url: URL, template: TEMPLATE, addressAttributes: ["m*"] }, "addressAttributes"],
      [{ url: URL, template: TEMPLATE, connections: 0 }, "connections"],
      [{ url: URL, template: TEMPLATE, password: "x" }, ""],
    ] as const
  ) {
    const checked = LDAP.schema.safeParse(section);
    equal(checked.success, false, JSON.stringify(section));
    equal(checked.error?.issues[0]?.path[0] ?? "", key, JSON.stringify(checked.error?.issues));
  }
});

Deno.test("files that cannot be used and filters that cannot be read stop the start, and are named", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  const problem = (section: Record<string, unknown>, words: RegExp) =>
    rejects(openLdap({ url: URL }, section), (error) => {
      equal(error instanceof BackendProblem, true, String(error));
      match(String(error), words);
      return true;
    });
  await Deno.writeTextFile(`${path}/open`, "a secret\n", { mode: 0o644 });
  await Deno.writeTextFile(`${path}/no.pem`, "nothing\n");
  await problem({ template: TEMPLATE, caFile: `${path}/absent.pem` }, /absent\.pem/);
  await problem({ template: TEMPLATE, caFile: `${path}/no.pem` }, /no\.pem: there is no certificate/);
  await problem({ template: TEMPLATE, bindDn: "cn=x", bindPasswordFile: `${path}/open` }, /open: mode 644/);
  await problem({ template: TEMPLATE, bindDn: "cn=x", bindPasswordFile: `${path}/absent` }, /absent/);
  for (const filter of ["(uid={user}", "((uid={user}))", "(=x{user})"]) {
    await problem({ base: "dc=x", filter }, /Cannot read a filter of backend directory/);
  }
  await problem({ template: TEMPLATE, requireGroup: "(memberOf=x" }, /Cannot read a filter/);
});
