import assert from "node:assert/strict";
import fc from "fast-check";
import {
  canonicalLocal,
  isSafeInPath,
  type LocalCandidates,
  localCandidates,
  type LocalDomains,
} from "../../src/policy/local_recipients.ts";

const DOMAINS: LocalDomains = {
  localDomains: ["foobar.co.jp", "baz.co.jp", "xn--r8jz45g.jp"],
  defaultRealm: "baz.co.jp",
  postmaster: "shin@baz.co.jp",
  localRecipients: new Map([
    ["info@foobar.co.jp", "yuki@baz.co.jp"],
    ["名前@xn--r8jz45g.jp", "namae@baz.co.jp"],
  ]),
};

interface Expected {
  readonly mapped?: string;
  /** `local@realm`, in the order in which they are asked for. */
  readonly names: readonly string[];
  readonly address: string;
}

const CANDIDATES: readonly (readonly [string, Expected])[] = [
  // The account of the very address first, then the one in the default realm.
  ["shin@foobar.co.jp", { names: ["shin@foobar.co.jp", "shin@baz.co.jp"], address: "shin@foobar.co.jp" }],
  ["shin@baz.co.jp", { names: ["shin@baz.co.jp"], address: "shin@baz.co.jp" }],
  ["SHIN@FooBar.CO.JP", { names: ["shin@foobar.co.jp", "shin@baz.co.jp"], address: "shin@foobar.co.jp" }],
  ['"Shin"@foobar.co.jp', { names: ["shin@foobar.co.jp", "shin@baz.co.jp"], address: "shin@foobar.co.jp" }],
  ['"s h"@baz.co.jp', { names: ["s h@baz.co.jp"], address: "s h@baz.co.jp" }],
  ["a..b@baz.co.jp", { names: ["a..b@baz.co.jp"], address: "a..b@baz.co.jp" }],
  ["shin+tag@baz.co.jp", { names: ["shin+tag@baz.co.jp"], address: "shin+tag@baz.co.jp" }],
  // U-label and A-label are one domain.
  ["shin@例え.jp", { names: ["shin@xn--r8jz45g.jp", "shin@baz.co.jp"], address: "shin@xn--r8jz45g.jp" }],
  ["shin@XN--R8JZ45G.JP", { names: ["shin@xn--r8jz45g.jp", "shin@baz.co.jp"], address: "shin@xn--r8jz45g.jp" }],
  // NFD as a Mac types it: e and a combining acute accent.
  ["RENE\u0301@baz.co.jp", { names: ["ren\u00e9@baz.co.jp"], address: "ren\u00e9@baz.co.jp" }],
  ["ガ@baz.co.jp".normalize("NFD"), { names: ["ガ@baz.co.jp"], address: "ガ@baz.co.jp" }],
  // The map comes before any account.
  ["info@foobar.co.jp", {
    mapped: "yuki@baz.co.jp",
    names: ["info@foobar.co.jp", "info@baz.co.jp"],
    address: "info@foobar.co.jp",
  }],
  ['"INFO"@FOOBAR.co.jp', {
    mapped: "yuki@baz.co.jp",
    names: ["info@foobar.co.jp", "info@baz.co.jp"],
    address: "info@foobar.co.jp",
  }],
  ["info@baz.co.jp", { names: ["info@baz.co.jp"], address: "info@baz.co.jp" }],
  ["名前@例え.jp", {
    mapped: "namae@baz.co.jp",
    names: ["名前@xn--r8jz45g.jp", "名前@baz.co.jp"],
    address: "名前@xn--r8jz45g.jp",
  }],
  // RFC 5321 section 4.1.1.3: with a domain of ours or without any, in any case.
  ["postmaster", {
    mapped: "shin@baz.co.jp",
    names: ["postmaster@baz.co.jp"],
    address: "postmaster@foobar.co.jp",
  }],
  ["PostMaster", {
    mapped: "shin@baz.co.jp",
    names: ["postmaster@baz.co.jp"],
    address: "postmaster@foobar.co.jp",
  }],
  ["POSTMASTER@例え.jp", {
    mapped: "shin@baz.co.jp",
    names: ["postmaster@xn--r8jz45g.jp", "postmaster@baz.co.jp"],
    address: "postmaster@xn--r8jz45g.jp",
  }],
];

for (const [path, { mapped = null, names, address }] of CANDIDATES) {
  Deno.test(`localCandidates() of ${JSON.stringify(path)}`, () => {
    const found = localCandidates(path, DOMAINS);
    assert.ok(found.kind === "candidates", found.kind);
    assert.deepEqual(shown(found), { mapped, names, address });
  });
}

Deno.test("localCandidates(): another domain, an address literal or no mailbox at all is not ours", () => {
  const paths = ["shin@example.com", "shin@sub.foobar.co.jp", "shin@foobar.co.jp.", "postmaster@example.com"];
  for (const path of [...paths, "shin@[192.0.2.1]", "", "a@b@foobar.co.jp", "shin@", '"shin@foobar.co.jp']) {
    assert.deepEqual(localCandidates(path, DOMAINS), { kind: "not-local" }, path);
  }
});

Deno.test("localCandidates(): who writes a second destination into the local part wants to relay", () => {
  for (const local of ["shin%example.com", "example.com!shin", '"shin@example.com"', '"a%b"', "%", "!"]) {
    assert.deepEqual(localCandidates(`${local}@foobar.co.jp`, DOMAINS), { kind: "relay-path" }, local);
    assert.deepEqual(localCandidates(`${local}@example.com`, DOMAINS), { kind: "not-local" }, local);
  }
});

Deno.test("localCandidates(): the map goes before `postmaster`, which may be missing", () => {
  const map = new Map([["postmaster@foobar.co.jp", "yuki@baz.co.jp"]]);
  const mapped = (changes: Partial<LocalDomains>, path = "postmaster") => {
    const found = localCandidates(path, { ...DOMAINS, ...changes });
    return found.kind === "candidates" ? found.mapped : found.kind;
  };
  assert.equal(mapped({ localRecipients: map }), "yuki@baz.co.jp");
  assert.equal(mapped({ localRecipients: map }, "postmaster@baz.co.jp"), "shin@baz.co.jp");
  assert.equal(mapped({ postmaster: null }), null);
});

Deno.test("localCandidates(): <postmaster> is ours even where no domain is", () => {
  const found = localCandidates("postmaster", { ...DOMAINS, localDomains: [] });
  assert.ok(found.kind === "candidates");
  assert.equal(found.address, "postmaster@baz.co.jp");
});

Deno.test("localCandidates(): a name of Object.prototype is a name like others", () => {
  for (const local of ["constructor", "__proto__", "tostring"]) {
    const found = localCandidates(`${local}@foobar.co.jp`, DOMAINS);
    assert.ok(found.kind === "candidates");
    assert.equal(found.mapped, null);
  }
});

Deno.test("canonicalLocal() of what is canonical changes nothing", () => {
  const texts = fc.string({
    unit: fc.constantFrom(..."aAéÉ名\u0301\u0130\u1e9e\u03a3\u212a\u01c5\uac00\u1100\u1161"),
    maxLength: 8,
  });
  fc.assert(fc.property(texts, (local) => {
    const once = canonicalLocal(local);
    assert.equal(canonicalLocal(once), once);
    assert.equal(once.normalize("NFC"), once);
    assert.equal(canonicalLocal(local.normalize("NFD")), once);
  }));
});

Deno.test("isSafeInPath() keeps a local part inside its directory", () => {
  for (const local of ["shin", "a.b", "a..b", "a b", "名前", "shin+tag", "-rf", "con"]) {
    assert.ok(isSafeInPath(local), local);
  }
  const unsafe = [
    "",
    ".",
    "..",
    ".shin",
    "../shin",
    "a/b",
    "/etc",
    "a\\b",
    "a\0",
    "a\n",
    "a\x7f",
    "a\u0085",
    "a\u2028",
  ];
  for (const local of unsafe) assert.ok(!isSafeInPath(local), JSON.stringify(local));
});

function shown({ mapped, names, address }: Extract<LocalCandidates, { kind: "candidates" }>): unknown {
  return { mapped, names: names.map(({ local, realm }) => `${local}@${realm}`), address };
}
