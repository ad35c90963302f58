import assert from "node:assert/strict";
import { parseGenerics } from "../../src/policy/generics.ts";
import { type AddressKind, type MasqueradeRules, rewriteAddress } from "../../src/policy/masquerade.ts";
import { rulesOf } from "./masquerade_rules.ts";

const GENERICS = parseGenerics(`# genericstable
taro            yamada.taro@foobar.co.jp
hana@pc1.foobar.co.jp   hanako@sales.foobar.co.jp
Jiro            jiro.suzuki
@old.example    %1@new.example
list+*          archive+%1@lists.example
`).table;

interface Case {
  readonly rules: Partial<MasqueradeRules>;
  /** Address, what becomes of it, and a part of the reason, or `null` where there is none. */
  readonly cases: readonly (readonly [before: string, after: string, by: string | null, kind?: AddressKind])[];
}

const AS: Partial<MasqueradeRules> = { as: "foobar.co.jp" };

const CASES: readonly Case[] = [
  {
    rules: AS,
    cases: [
      ["shin", "shin@foobar.co.jp", "masquerade.as: it has no domain"],
      ["shin@mail.foobar.co.jp", "shin@foobar.co.jp", "masquerade.as: mail.foobar.co.jp is"],
      ["shin@MAIL.Foobar.CO.JP", "shin@foobar.co.jp", "masquerade.as"],
      ["shin@localhost", "shin@foobar.co.jp", "masquerade.as: it has no domain"],
      ["shin@mail", "shin@foobar.co.jp", "masquerade.as"],
      ["shin@local.example", "shin@foobar.co.jp", "masquerade.as: local.example"],
      ["Shin@Foobar.co.jp", "Shin@Foobar.co.jp", "masquerade.as"],
      ["shin@pc1.foobar.co.jp", "shin@pc1.foobar.co.jp", null],
      ["shin@baz.co.jp", "shin@baz.co.jp", null],
      ["shin@[192.0.2.1]", "shin@[192.0.2.1]", null],
      ['"shin @ home"@localhost', '"shin @ home"@foobar.co.jp', "masquerade.as"],
      ["root", "root@mail.foobar.co.jp", "masquerade.exposed_users: root"],
      ["Root@localhost", "Root@mail.foobar.co.jp", "masquerade.exposed_users: root"],
      ["shin@localhost", "shin@localhost", null, "reverse-path"],
      ["shin@localhost", "shin@localhost", null, "forward-path"],
      ["shin@localhost", "shin@localhost", null, "header-recipient"],
      ["shin", "shin", null, "header-recipient"],
    ],
  },
  {
    rules: { ...AS, envelope: true, all: true, limited: true, domains: new Set(["foobar.co.jp"]), entireDomain: true },
    cases: [
      ["shin@pc1.foobar.co.jp", "shin@foobar.co.jp", "masquerade.domains: foobar.co.jp, with its subdomains"],
      ["shin@a.pc1.foobar.co.jp", "shin@foobar.co.jp", "masquerade.domains", "reverse-path"],
      ["shin@a.pc1.foobar.co.jp", "shin@foobar.co.jp", "masquerade.domains", "header-recipient"],
      ["shin@pc1.foobar.co.jp", "shin@pc1.foobar.co.jp", null, "forward-path"],
      ["root@pc1.foobar.co.jp", "root@pc1.foobar.co.jp", "masquerade.exposed_users"],
      ["shin@localhost", "shin@foobar.co.jp", "it has no domain"],
      ["shin@notfoobar.co.jp", "shin@notfoobar.co.jp", null],
    ],
  },
  {
    rules: { ...AS, entireDomain: true, domains: new Set(["foobar.co.jp"]), exceptions: new Set(["lab.foobar.co.jp"]) },
    cases: [
      ["shin@lab.foobar.co.jp", "shin@lab.foobar.co.jp", "masquerade.exceptions: lab.foobar.co.jp"],
      ["shin@x.lab.foobar.co.jp", "shin@x.lab.foobar.co.jp", "masquerade.exceptions: lab.foobar.co.jp"],
      ["shin@xlab.foobar.co.jp", "shin@foobar.co.jp", "masquerade.domains"],
    ],
  },
  {
    rules: { addDomain: "foobar.co.jp" },
    cases: [
      ["shin", "shin@foobar.co.jp", "masquerade.always_add_domain"],
      ["root", "root@foobar.co.jp", "masquerade.always_add_domain", "header-recipient"],
      ["shin", "shin@foobar.co.jp", "masquerade.always_add_domain", "reverse-path"],
      ["shin", "shin@foobar.co.jp", "masquerade.always_add_domain", "forward-path"],
      ["shin@localhost", "shin@foobar.co.jp", "masquerade.always_add_domain"],
      ['"a@b"', '"a@b"@foobar.co.jp', "masquerade.always_add_domain"],
    ],
  },
  {
    rules: {
      ...AS,
      generics: GENERICS,
      genericsFile: "/etc/mail/genericstable",
      genericsDomains: new Set(["foobar.co.jp", "old.example", "localhost"]),
      genericsEntireDomain: true,
    },
    cases: [
      ["taro", "yamada.taro@foobar.co.jp", "genericstable, line 2"],
      ["TARO@localhost", "yamada.taro@foobar.co.jp", "line 2"],
      ["taro+news@pc9.foobar.co.jp", "yamada.taro@foobar.co.jp", "line 2"],
      ["taro@elsewhere.example", "taro@elsewhere.example", null],
      ["taro", "taro", null, "header-recipient"],
      ["taro@localhost", "taro@localhost", null, "reverse-path"],
      ["hana@pc1.foobar.co.jp", "hanako@sales.foobar.co.jp", "line 3"],
      ["hana@pc2.foobar.co.jp", "hana@pc2.foobar.co.jp", null],
      ["jiro", "jiro.suzuki@foobar.co.jp", "line 4"],
      ["ken@old.example", "ken@new.example", "line 5"],
      ["list+2001@localhost", "archive+2001@lists.example", "line 6"],
    ],
  },
  {
    rules: { generics: GENERICS, genericsFile: "t", genericsDomains: new Set(["foobar.co.jp"]) },
    cases: [
      ["jiro@foobar.co.jp", "jiro.suzuki@mail.foobar.co.jp", "line 4"],
      ["ken", "ken", null],
    ],
  },
];

Deno.test("rewriteAddress() gives what sendmail would, and says why", () => {
  for (const { rules, cases } of CASES) {
    for (const [before, after, by, kind = "header-sender"] of cases) {
      const found = rewriteAddress(rulesOf(rules), before, kind);
      assert.equal(found.address, after, `${kind} ${before}`);
      if (by === null) assert.deepEqual(found.by, [], before);
      else assert.ok(found.by.join("; ").includes(by), `${before}: ${found.by.join("; ")}`);
    }
  }
});

Deno.test("parseGenerics() names each bad line with its number", () => {
  const { table, mistakes } = parseGenerics("a\tb@c\n\n# x\nlonely\n@\tx@y\nA two words\nA b@c\nd@e f@g\r\n");
  assert.deepEqual(table.entries, [{ key: "a", value: "b@c", line: 1 }, { key: "d@e", value: "f@g", line: 8 }]);
  assert.deepEqual(mistakes, [
    { line: 4, text: "expected an address for lonely" },
    { line: 5, text: "expected a user, user@host or @host, found @" },
    { line: 6, text: "expected an address for A" },
    { line: 7, text: "A is there already, in line 1" },
  ]);
});
