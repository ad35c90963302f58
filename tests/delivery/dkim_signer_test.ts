import assert from "node:assert/strict";
import { type DkimSigner, signMail } from "../../src/delivery/dkim_signer.ts";
import { concat, encodeLatin1, latin1, utf8 } from "../../src/lib/octets.ts";
import { ed25519Pair, rsaPair, signerOf, writeKeys } from "../lib/dkim_keys.ts";
import { verifyDkim } from "../lib/dkim_verifier.ts";
import { Random } from "../lib/random.ts";

const NOW = Date.UTC(2026, 10, 24, 8, 0, 0);
const RSA = rsaPair();
const ED25519 = ed25519Pair();
const RECORDS = {
  "s1._domainkey.foobar.co.jp": RSA.record,
  "s1-ed25519._domainkey.foobar.co.jp": ED25519.record,
};

async function withSigner(check: (signer: DkimSigner) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await writeKeys(folder, "foobar.co.jp", { selector: "s1", rsa: RSA, ed25519: ED25519 });
    await check(await signerOf(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function sign(
  signer: DkimSigner,
  content: string | Uint8Array<ArrayBuffer>,
  reversePath: string | null = null,
): Promise<Uint8Array<ArrayBuffer>> {
  const octets = typeof content === "string" ? utf8(content) : content;
  return new Uint8Array(await signMail(signer, octets, { reversePath, now: NOW }));
}

const TOP = "From: Shin <shin@foobar.co.jp>\r\nTo: a@example.org, b@example.org\r\nSubject: hello\r\n" +
  "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@foobar.co.jp>\r\n";

const BIG = concat(utf8(`${TOP}\r\n`), utf8(`${"The quick  brown\tfox.  \r\n"}`.repeat(50_000)));

const MAILS: readonly (readonly [string, string | Uint8Array<ArrayBuffer>])[] = [
  ["plain", `${TOP}\r\nHow are you?\r\n`],
  [
    "folded fields",
    `Received: from a\r\n\tby b\r\n${TOP}References: <1@a>\r\n <2@b>\r\n\t\t<3@c>  \r\n\r\nHow are you?\r\n`,
  ],
  ["a field folded before its text", `${TOP}Content-Type:\r\n text/plain;\r\n   charset=utf-8\r\n\r\nHow are you?\r\n`],
  ["blanks", "From:shin@foobar.co.jp\r\nSubject:  two  blanks \t\r\nTo: \ta@example.org\r\n\r\nx\r\n"],
  ["8-bit text", `${TOP}Content-Transfer-Encoding: 8bit\r\n\r\nこんにちは  元気ですか \r\n`],
  ["octets that are no UTF-8", concat(utf8(TOP), encodeLatin1("X: \xe9\r\nCc: \xe9@x\r\n\r\n\xa4\xb3\xfe\xff \r\n")!)],
  ["lines that begin with dots", `${TOP}\r\n.\r\n..\r\n.a\r\n`],
  ["an empty body", `${TOP}\r\n`],
  ["no empty line", TOP],
  ["a body of line ends", `${TOP}\r\n\r\n\r\n \t\r\n\r\n`],
  ["line ends behind the body", `${TOP}\r\nHow are you?\r\n\r\n \r\n\r\n`],
  ["line ends before the body", `${TOP}\r\n\r\n\r\nHow are you?\r\n`],
  ["no line end at the end", `${TOP}\r\nHow are you? `],
  ["several To fields", `${TOP}To: c@example.org\r\nTo: d@example.org\r\n\r\nHow are you?\r\n`],
  ["a From that is no ASCII", "From: 志ん <志ん@foobar.co.jp>\r\nSubject: 今日は\r\n\r\nHow are you?\r\n"],
  ["a long subject", `From: shin@foobar.co.jp\r\nSubject: ${"word ".repeat(180)}\r\n\r\nHow are you?\r\n`],
  ["a DKIM signature of somebody else", `DKIM-Signature: v=1; a=rsa-sha256; d=x; s=y; bh=; b=\r\n${TOP}\r\nx\r\n`],
  ["much content", BIG],
];

/** DATA ends each content with a line end. */
function asSent(content: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return content.at(-1) === 0x0a ? content : concat(content, utf8("\r\n"));
}

Deno.test("DkimSigner: an independent verifier takes both signatures", async (t) => {
  await withSigner(async (signer) => {
    for (const [name, content] of MAILS) {
      await t.step(name, async () => {
        const signed = await sign(signer, content);
        const [rsa, ed25519] = await verifyDkim(asSent(signed), RECORDS);
        assert.equal(rsa?.valid, true, rsa?.error);
        assert.deepEqual([rsa?.algorithm, rsa?.domain, rsa?.selector], ["rsa-sha256", "foobar.co.jp", "s1"]);
        assert.equal(ed25519?.valid, true, ed25519?.error);
        assert.deepEqual([ed25519?.algorithm, ed25519?.selector], ["ed25519-sha256", "s1-ed25519"]);
        assert.ok(latin1(signed).endsWith(latin1(typeof content === "string" ? utf8(content) : content).slice(-200)));
      });
    }
  });
});

Deno.test("DkimSigner: the verifier finds what was changed", async () => {
  await withSigner(async (signer) => {
    const signed = latin1(await sign(signer, `${TOP}\r\nHow are you?\r\n`));
    const changes: readonly (readonly [string, string])[] = [
      ["hello", "hallo"],
      ["How are", "Who are"],
      ["From: Shin", "From: Evil <evil@example.net>\r\nFrom: Shin"],
      ["b@example.org", "c@example.org"],
    ];
    for (const [before, after] of changes) {
      const results = await verifyDkim(encodeLatin1(signed.replace(before, after))!, RECORDS);
      assert.deepEqual(results.map(({ valid }) => valid), [false, false], after);
    }
  });
});

Deno.test("DkimSigner: From is named once more than it is there, and neither a length nor an end is set", async () => {
  await withSigner(async (signer) => {
    const [rsa, ed25519] = await verifyDkim(await sign(signer, `${TOP}X-Other: 1\r\n\r\nHow are you?\r\n`), RECORDS);
    const expected = ["From", "From", "Subject", "Date", "Message-ID", "To"];
    assert.deepEqual([rsa?.fields, ed25519?.fields], [expected, expected]);
    assert.deepEqual(rsa?.tags, ["a", "b", "bh", "c", "d", "h", "s", "t", "v"]);
  });
});

Deno.test("DkimSigner: the domain is that of From, else that of the reverse-path, or one above them", async () => {
  await withSigner(async (signer) => {
    const cases: readonly (readonly [from: string, reversePath: string | null, signatures: number])[] = [
      ["From: a@foobar.co.jp", null, 2],
      ["From: a@FooBar.Co.JP", null, 2],
      ["From: a@mail.foobar.co.jp", null, 2],
      ["From: a@notfoobar.co.jp", null, 0],
      ["From: a@co.jp", null, 0],
      ["From: a@example.org", "a@foobar.co.jp", 2],
      ["From: a@example.org", "a@example.org", 0],
      ["From: a@example.org", "a@[192.0.2.1]", 0],
      ['From: "a@example.org" <a@foobar.co.jp>', null, 2],
      ['From: "a <a@foobar.co.jp>" <a@example.org>', null, 0],
      ["From: (a@example.org <b@example.org>) a@foobar.co.jp (\\) c)", null, 2],
      ["From: a@foobar.co.jp, b@example.org", null, 2],
      ["From: us: a@foobar.co.jp, b@example.org;", null, 2],
      ["From: <@x,@y:a@foobar.co.jp>", null, 2],
      ["From: a@example.org (a@foobar.co.jp)", null, 0],
      ["From: nobody:;", "a@foobar.co.jp", 2],
      ["From: a@foobar.co.jp\r\nFrom: b@foobar.co.jp", "a@foobar.co.jp", 0],
      ["To: a@foobar.co.jp", "a@foobar.co.jp", 0],
    ];
    for (const [from, reversePath, signatures] of cases) {
      const signed = latin1(await sign(signer, `${from}\r\n\r\nHow are you?\r\n`, reversePath));
      assert.equal(signed.match(/^DKIM-Signature:.* d=foobar\.co\.jp;/gm)?.length ?? 0, signatures, from);
    }
  });
});

Deno.test("DkimSigner: an IDN is signed for by its A-labels", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeKeys(folder, "xn--wgv71a119e.example", { selector: "s1", ed25519: ED25519 });
    const signed = await sign(await signerOf(folder), "From: a@日本語.example\r\n\r\nHow are you?\r\n");
    const results = await verifyDkim(signed, { "s1-ed25519._domainkey.xn--wgv71a119e.example": ED25519.record });
    assert.deepEqual(results.map(({ valid, domain }) => [valid, domain]), [[true, "xn--wgv71a119e.example"]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("DkimSigner: a header section that goes on in the rest is left alone", async () => {
  await withSigner((signer) => {
    const mail = { reversePath: null, now: NOW };
    assert.equal(signer.begin({ header: utf8(TOP), rest: utf8("X: 1\r\n\r\nHow are you?\r\n") }, mail), null);
    assert.notEqual(signer.begin({ header: utf8(TOP), rest: utf8("\r\nHow are you?\r\n") }, mail), null);
    return Promise.resolve();
  });
});

Deno.test("DkimSigner: random bodies hold, however they are cut", async () => {
  await withSigner(async (signer) => {
    const random = new Random(5);
    const pieces = ["\r\n", "\r\n", "\r\n", " ", "\t", "a", "bc ", "é", ".", "\r\n\r\n", " \r\n"];
    for (let round = 0; round < 6; round++) {
      const body = Array.from({ length: random.below(60) }, () => random.pick(pieces)).join("");
      const octets = utf8(body);
      const signing = signer.begin({ header: utf8(TOP), rest: utf8("\r\n") }, { reversePath: null, now: NOW });
      assert.ok(signing !== null);
      for (let at = 0; at < octets.length;) {
        const size = 1 + random.below(7);
        signing.update(octets.subarray(at, at + size));
        at += size;
      }
      const signed = concat(await signing.finish(), utf8(`${TOP}\r\n`), octets);
      const results = await verifyDkim(asSent(signed), RECORDS);
      assert.deepEqual(results.map(({ valid }) => valid), [true, true], JSON.stringify(body));
    }
  });
});
