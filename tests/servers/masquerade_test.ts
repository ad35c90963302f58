/**
 * Rewriting compared with Debian's sendmail: the same header section and reverse-path through both, the same addresses behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../src/lib/octets.ts";
import { parseAddressList } from "../../src/message/addresses.ts";
import { splitFields } from "../../src/message/header.ts";
import { parseGenerics } from "../../src/policy/generics.ts";
import { type MasqueradeRules, rewriteAddress } from "../../src/policy/masquerade.ts";
import { rewriteHeader } from "../../src/policy/rewriting.ts";
import { startCountingSink } from "../lib/counting_sink.ts";
import { rulesOf } from "../policy/masquerade_rules.ts";
import { requirePrograms } from "./lib.ts";
import { sendmail, SENDMAIL_PROGRAMS } from "./sendmail.ts";

const test = requirePrograms(SENDMAIL_PROGRAMS);

const HOSTNAME = "sender.example.org";
const SENDERS = [
  ...["shin", "root", "shin@sender.example.org", "shin@localhost", "root@sender.example.org", "shin@example.org"],
  ...["shin@pc1.example.org", "shin@a.pc1.example.org", "root@pc1.example.org", "shin@lab.example.org"],
  ...["shin@x.lab.example.org", "shin@local.example", "root@local.example", "shin@pc.local.example"],
  ...["shin@elsewhere.example", "root@elsewhere.example", "taro", "taro@local.example", "taro@example.org"],
  ...["TARO@Local.Example", "taro+x@local.example", "taro@pc1.example.org", "jiro", "jiro@local.example"],
  ...["hana@pc1.example.org", "ken@old.example", "ken@sub.old.example", "postmaster", "news+a@local.example"],
];
const FIELDS = [
  ...["From", "Sender", "Reply-To", "Errors-To", "Disposition-Notification-To", "Return-Receipt-To"],
  ...["To", "Cc", "Apparently-To", "X-Sender", "Mail-Followup-To"],
];
const RESENT = ["Resent-From", "Resent-Sender", "Resent-Reply-To", "Resent-To", "Resent-Cc"];
const GENERICS = `taro	yamada.taro@shop.example
hana@pc1.example.org	hanako@shop.example
jiro	jiro.suzuki
ken@old.example	ken@new.example
@old.example	%1@new.example
news+*@local.example	a.%1@shop.example
`;

interface Setting {
  readonly name: string;
  readonly macros: readonly string[];
  readonly rules: Partial<MasqueradeRules>;
}

const AS = "MASQUERADE_AS(`example.org')dnl";
const SETTINGS: readonly Setting[] = [
  { name: "nothing", macros: [], rules: {} },
  { name: "MASQUERADE_AS", macros: [AS], rules: { as: "example.org" } },
  {
    name: "the how-to's",
    macros: [
      ...[AS, "MASQUERADE_DOMAIN(`example.org')dnl", "FEATURE(`masquerade_entire_domain')dnl"],
      "FEATURE(`masquerade_envelope')dnl",
    ],
    rules: { as: "example.org", domains: new Set(["example.org"]), entireDomain: true, envelope: true },
  },
  {
    name: "limited, an exception, all",
    macros: [
      ...[AS, "MASQUERADE_DOMAIN(`example.org')dnl", "FEATURE(`masquerade_entire_domain')dnl"],
      ...["MASQUERADE_EXCEPTION(`lab.example.org')dnl", "FEATURE(`limited_masquerade')dnl"],
      "FEATURE(`allmasquerade')dnl",
    ],
    rules: {
      ...{ as: "example.org", domains: new Set(["example.org"]), entireDomain: true, limited: true, all: true },
      exceptions: new Set(["lab.example.org"]),
    },
  },
  {
    name: "genericstable",
    macros: [
      ...[AS, "FEATURE(`genericstable', `hash FOLDER/generics')dnl", "FEATURE(`masquerade_envelope')dnl"],
      "GENERICS_DOMAIN(`local.example')dnl",
      "GENERICS_DOMAIN(`old.example')dnl",
    ],
    rules: { as: "example.org", envelope: true, genericsDomains: new Set(["local.example", "old.example"]) },
  },
  {
    name: "genericstable alone, subdomains too",
    macros: [
      ...["FEATURE(`genericstable', `hash FOLDER/generics')dnl", "FEATURE(`generics_entire_domain')dnl"],
      ...["GENERICS_DOMAIN(`example.org')dnl", "GENERICS_DOMAIN(`old.example')dnl"],
    ],
    rules: { genericsDomains: new Set(["example.org", "old.example"]), genericsEntireDomain: true },
  },
];

/** Field by field the addresses, in the order of the fields. */
function addressesIn(header: string): readonly string[] {
  const known: ReadonlySet<string> = new Set([...FIELDS, ...RESENT].map((name) => name.toLowerCase()));
  return splitFields(utf8(header)).filter(({ name }) => known.has(name)).map(({ name, raw }) => {
    const list = parseAddressList(latin1(raw).replace(/^[^:]*:/, ""));
    return `${name}: ${list.ok ? list.value.map(({ address }) => address).join(" ") : list.problem}`;
  }).toSorted();
}

for (const { name, macros, rules: some } of SETTINGS) {
  test(`addresses as sendmail rewrites them: ${name}`, async () => {
    using sink = startCountingSink();
    const isGeneric = some.genericsDomains !== undefined;
    const rules = rulesOf({
      hostname: HOSTNAME,
      ownNames: new Set([HOSTNAME, "sender", "localhost", "local.example"]),
      // It completes what it sends by its own name, always.
      addDomain: HOSTNAME,
      ...some,
      ...isGeneric && { generics: parseGenerics(GENERICS).table, genericsFile: "generics" },
    });
    for (
      const [fields, senders, from] of [[FIELDS, SENDERS, "shin@pc1.example.org"], [RESENT, SENDERS, "taro"], [
        ["From"],
        ["shin"],
        "shin@local.example",
      ]] as const
    ) {
      const list = senders.map((address, at) => `"N, @${at}" (c${at}) <${address}>`).join(",\r\n ");
      const header = fields.map((field) => `${field}: ${field === "Sender" ? "shin@pc1.example.org" : list}\r\n`).join(
        "",
      );
      const sent = await sendmail({
        ...{ port: sink.port, from, to: "who@elsewhere.example" },
        ...{ message: `${header}Subject: x\r\n\r\nx\r\n`, maps: { generics: GENERICS } },
        macros: ["LOCAL_DOMAIN(`local.example')dnl", "EXPOSED_USER(`root')dnl", ...macros],
      });
      assert.ok(sent.sent, sent.output);
      const [mail] = sink.take();
      const ours = latin1(rewriteHeader(rules, utf8(header)));
      assert.deepEqual(
        addressesIn(ours),
        addressesIn(latin1(mail?.content ?? utf8(""))).filter((line) =>
          fields.some((field) => line.startsWith(`${field.toLowerCase()}:`))
        ),
      );
      assert.equal(rewriteAddress(rules, from, "reverse-path").address, mail?.reversePath);
    }
  });
}
