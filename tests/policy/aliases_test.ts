import assert from "node:assert/strict";
import fc from "fast-check";
import { AliasTable, type ResolvedMember } from "../../src/policy/alias_table.ts";
import { parseAliases, parseInclude } from "../../src/policy/aliases.ts";

/** The members of each name, as written. */
function written(text: string): Record<string, readonly string[]> {
  const { entries, mistakes } = parseAliases(text);
  assert.deepEqual(mistakes, []);
  const show = ({ member }: NonNullable<ReturnType<typeof entries.get>>[number]) => {
    switch (member.kind) {
      case "name":
        return member.local;
      case "account":
        return `\\${member.local}`;
      case "address":
        return member.address;
      case "include":
        return `:include:${member.path}`;
    }
  };
  return Object.fromEntries([...entries].map(([name, members]) => [name, members.map(show)]));
}

/** A table of aliases without included files. */
function tableOf(text: string, localDomains: readonly string[] = ["baz.co.jp"]): AliasTable {
  const { entries, mistakes } = parseAliases(text);
  assert.deepEqual(mistakes, []);
  const members = [...entries].map(([name, list]): [string, readonly ResolvedMember[]] => [
    name,
    list.map(({ member }) => member).filter((member) => member.kind !== "include"),
  ]);
  return new AliasTable(new Map(members), localDomains);
}

Deno.test("parseAliases() reads lists, continuation lines, quotes and comments", () => {
  assert.deepEqual(
    written(`# system
Root:   shin

staff: shin,
	taro@example.net , "Hanako <3"@example.net,
  # not a member
    Jiro Abe <jiro@example.org>
"long name": \\shin, \\root
mailer-daemon:postmaster
list: :include:lists/all, ":include:/etc/mail/lists/more"\r
`),
    {
      root: ["shin"],
      staff: ["shin", "taro@example.net", '"Hanako <3"@example.net', "jiro@example.org"],
      "long name": ["\\shin", "\\root"],
      "mailer-daemon": ["postmaster"],
      list: [":include:lists/all", ":include:/etc/mail/lists/more"],
    },
  );
});

Deno.test("parseAliases() refuses programs and files by name, and tells the line of each mistake", () => {
  const { mistakes } = parseAliases(`  lost: x
vacation: |/usr/bin/vacation, "|/usr/bin/vacation shin"
archive: shin,
   /var/mail/archive
x@baz.co.jp: shin
no colon here
empty:
a: shin # the boss
a: taro
b: :nothing:
c: :include:
`);
  assert.deepEqual(
    mistakes,
    [
      { line: 1, text: "it begins with a blank, but there is no line to go on with" },
      { line: 2, text: "programs are not run, so |/usr/bin/vacation is no member: give the mail to an account" },
      { line: 2, text: "programs are not run, so |/usr/bin/vacation shin is no member: give the mail to an account" },
      { line: 4, text: "files are not written, so /var/mail/archive is no member: give the mail to an account" },
      { line: 5, text: "expected a local name and a colon, such as root: shin" },
      { line: 6, text: "expected a local name and a colon, such as root: shin" },
      { line: 7, text: "empty has no members" },
      {
        line: 8,
        text: "expected an address or a local name, found shin # the boss (a comment needs a line of its own)",
      },
      { line: 9, text: "a has its members in line 8 already" },
      { line: 10, text: ":nothing: is nothing that is known here" },
      { line: 11, text: "expected a path behind :include:" },
    ].toSorted((a, b) => a.line - b.line),
  );
});

Deno.test("parseInclude() reads one member or more in a line", () => {
  const { members, mistakes } = parseInclude("shin, taro@example.net\n# off\n\n  hanako\n|sh\n");
  assert.deepEqual(members.map(({ line }) => line), [1, 1, 4]);
  assert.deepEqual(mistakes.map(({ line }) => line), [5]);
});

Deno.test("AliasTable.expand() goes through lists in lists, and names each address once", () => {
  const table = tableOf(
    "all: staff, guests, shin\nstaff: shin, taro@BAZ.co.jp\nguests: a@example.net, A@example.net, staff",
  );
  assert.deepEqual(table.expand("ALL", "foobar.co.jp"), [
    { owner: null, members: ["shin@foobar.co.jp", "taro@BAZ.co.jp", "a@example.net"] },
  ]);
  assert.equal(table.expand("nobody", "foobar.co.jp"), null);
  assert.equal(table.has("Staff"), true);
});

Deno.test("AliasTable.expand(): a member in a local domain is a local name, and may be an alias", () => {
  const table = tableOf("staff: root@baz.co.jp, root@example.net\nroot: shin");
  assert.deepEqual(table.expand("staff", "baz.co.jp"), [
    { owner: null, members: ["shin@baz.co.jp", "root@example.net"] },
  ]);
});

Deno.test("AliasTable.expand(): a name in its own list, and one behind a backslash, is the account", () => {
  const table = tableOf("shin: shin, backup@example.net\nboth: \\shin");
  assert.deepEqual(table.faults(), []);
  assert.deepEqual(table.expand("shin", "b.jp")?.[0]?.members, ["shin@b.jp", "backup@example.net"]);
  assert.deepEqual(table.expand("both", "b.jp")?.[0]?.members, ["shin@b.jp"]);
});

Deno.test("AliasTable.expand(): each list with an owner is a group of its own", () => {
  const table = tableOf("all: boss, staff\nstaff: shin, taro\nowner-staff: root\nroot: shin\nboss: hanako");
  assert.deepEqual(table.expand("all", "b.jp"), [
    { owner: null, members: ["hanako@b.jp"] },
    { owner: "owner-staff@b.jp", members: ["shin@b.jp", "taro@b.jp"] },
  ]);
  assert.deepEqual(table.expand("owner-staff", "b.jp"), [{ owner: null, members: ["shin@b.jp"] }]);
});

Deno.test("AliasTable.faults() tells loops with their names, and lists that stand in each other too deep", () => {
  assert.deepEqual(tableOf("a: b\nb: c, d\nc: a\nd: shin").faults(), [
    { name: "a", text: "it is a loop: a -> b -> c -> a" },
  ]);
  assert.deepEqual(tableOf("x: a\na: b@baz.co.jp\nb: a").faults().map(({ text }) => text), [
    "it is a loop: a -> b -> a",
  ]);
  const deep = Array.from({ length: 30 }, (_, at) => `l${at}: l${at + 1}`).join("\n");
  assert.equal(tableOf(deep).faults().length > 0, true);
  assert.deepEqual(tableOf("a: b, c\nb: d\nc: d\nd: shin").faults(), []);
});

Deno.test("AliasTable: without faults every expansion comes to an end, has no alias in it, and names nobody twice", () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e", "owner-a", "shin", "taro");
  const lists = fc.dictionary(
    name,
    fc.array(fc.oneof(name, name.map((each) => `${each}@baz.co.jp`)), { minLength: 1 }),
  );
  fc.assert(fc.property(lists, (given) => {
    const table = tableOf(Object.entries(given).map(([each, members]) => `${each}: ${members.join(", ")}`).join("\n"));
    if (table.faults().length > 0) return;
    for (const alias of Object.keys(given)) {
      const members = (table.expand(alias, "baz.co.jp") ?? []).flatMap((group) => group.members);
      assert.equal(new Set(members.map((each) => each.toLowerCase())).size, members.length);
      assert.ok(members.length > 0);
      for (const member of members) {
        const local = member.slice(0, member.indexOf("@"));
        // Only as a member of its own list is the name of an alias an account.
        if (table.has(local)) assert.ok(given[local]?.some((each) => each.split("@")[0] === local), member);
      }
    }
  }));
});

Deno.test("parseAliases() never throws, and every mistake has a line of the text", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'ab:,|/\\"\n \t#<>@.') }), (text) => {
    const { mistakes } = parseAliases(text);
    for (const { line } of mistakes) assert.ok(line >= 1 && line <= text.split("\n").length);
  }));
});
