import assert from "node:assert/strict";
import { readAliases } from "../../src/config/aliases.ts";
import { ownAddresses, type SenderFacts, sendsAs } from "../../src/policy/sender.ts";
import { AliasTable } from "../../src/policy/alias_table.ts";

const FACTS: SenderFacts = {
  localDomains: ["foobar.co.jp", "xn--r8jz45g.jp"],
  defaultRealm: "baz.co.jp",
  postmaster: "shin@baz.co.jp",
  localRecipients: new Map([["info@foobar.co.jp", "shin@baz.co.jp"], ["shop@foobar.co.jp", "yuki@baz.co.jp"]]),
  recipientDelimiter: null,
  aliases: new AliasTable(new Map(), []),
};

function may(addresses: readonly string[], address: string, facts: Partial<SenderFacts> = {}): boolean {
  const account = { name: "shin@baz.co.jp", backend: "sasldb", addresses, groups: [], attributes: {} };
  return ownAddresses(account, { ...FACTS, ...facts }).allows(address);
}

Deno.test("an account sends as its name, its addresses, its maps, and its local part in domains of ours", () => {
  for (
    const address of [
      "shin@baz.co.jp",
      "SHIN@Baz.CO.JP",
      '"shin"@baz.co.jp',
      "shin@foobar.co.jp",
      "Shin@例え.jp",
      "shin@xn--r8jz45g.jp",
      "info@foobar.co.jp",
      "postmaster@foobar.co.jp",
      "shin",
      "me@example.net",
      "ME@Example.Net",
    ]
  ) assert.ok(may(["me@example.net"], address), address);
  for (
    const address of [
      "yuki@baz.co.jp",
      "shin@example.net",
      "shin@sub.foobar.co.jp",
      "shop@foobar.co.jp",
      "shin+news@baz.co.jp",
      "shin%x@foobar.co.jp",
      "root@foobar.co.jp",
      "shin@",
      "",
      "shin@baz.co.jp@example.net",
      "<shin@baz.co.jp>",
    ]
  ) assert.ok(!may([], address), address);
});

Deno.test("@domain stands for one domain and none below it, and * for every address", () => {
  assert.ok(may(["@example.net"], "anyone@example.net"));
  assert.ok(may(["@例え.jp"], "anyone@xn--r8jz45g.jp"));
  assert.ok(!may(["@example.net"], "anyone@sub.example.net"));
  assert.ok(!may(["@example.net"], "anyone@notexample.net"));
  assert.ok(may(["*"], "anyone@example.org"));
  assert.ok(!may(["*"], "no address"));
});

Deno.test("a sub-address is the mailbox's where a delimiter is set", () => {
  const plus = { recipientDelimiter: "+" };
  for (const address of ["shin+news@baz.co.jp", "shin+a+b@foobar.co.jp", "me+x@example.net", "info+x@foobar.co.jp"]) {
    assert.ok(may(["me@example.net"], address, plus), address);
  }
  for (const address of ["+shin@baz.co.jp", "yuki+shin@baz.co.jp", "shin-news@baz.co.jp"]) {
    assert.ok(!may([], address, plus), address);
  }
});

Deno.test("an alias with one member is that member's, a list is nobody's", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "sales: shin\nchief: sales\nall: shin, yuki\nother: yuki\naway: shin@example.net\n");
  const { table, mistakes } = await readAliases(file, FACTS.localDomains);
  await Deno.remove(file);
  assert.deepEqual(mistakes, []);
  for (const local of ["sales", "chief", "SALES"]) {
    assert.ok(may([], `${local}@foobar.co.jp`, { aliases: table }), local);
  }
  for (const local of ["all", "other", "away"]) assert.ok(!may([], `${local}@foobar.co.jp`, { aliases: table }), local);
  assert.ok(!may([], "sales@foobar.co.jp", { aliases: null }));
});

Deno.test("the primary address is the first full one, else the name", () => {
  const primary = (addresses: readonly string[]) =>
    ownAddresses({ name: "shin@baz.co.jp", backend: "b", addresses, groups: [], attributes: {} }, FACTS).primary;
  assert.equal(primary(["@example.net", "*", "me@example.net", "you@example.net"]), "me@example.net");
  assert.equal(primary(["*"]), "shin@baz.co.jp");
});

Deno.test("people are told each address once, and of all addresses only that", () => {
  const list = (addresses: readonly string[]) =>
    sendsAs({ name: "Shin@baz.co.jp", backend: "sasldb", addresses, groups: [], attributes: {} }, FACTS);
  assert.deepEqual(list(["me@example.net", "shin@foobar.co.jp", "@example.org"]), [
    ...["Shin@baz.co.jp", "me@example.net", "shin@foobar.co.jp", "@example.org"],
    ...["shin@xn--r8jz45g.jp", "info@foobar.co.jp"],
  ]);
  assert.deepEqual(list(["*"]), ["Shin@baz.co.jp", "*"]);
});

Deno.test("a local part in a domain of ours is nobody's who has no account of that name there", () => {
  const account = {
    name: "shin@baz.co.jp",
    backend: "sasldb",
    addresses: ["me@foobar.co.jp"],
    groups: [],
    attributes: {},
  };
  const facts = { ...FACTS, recipientDelimiter: "+" };
  const own = ownAddresses(account, facts);
  for (const address of ["shin@foobar.co.jp", "Shin+x@foobar.co.jp", '"shin"@FOOBAR.co.jp']) {
    assert.equal(own.namesake(address), "shin@foobar.co.jp");
    assert.ok(own.allows(address));
    assert.ok(!ownAddresses(account, { ...facts, taken: new Set(["shin@foobar.co.jp"]) }).allows(address), address);
  }
  for (
    const address of ["shin@baz.co.jp", "me@foobar.co.jp", "info@foobar.co.jp", "yuki@foobar.co.jp", "shin@example.net"]
  ) {
    assert.equal(own.namesake(address), null, address);
  }
  const mapped = { ...facts, localRecipients: new Map([["shin@foobar.co.jp", "yuki@baz.co.jp"]]) };
  assert.ok(!ownAddresses(account, mapped).allows("shin@foobar.co.jp"));
});
