import assert from "node:assert/strict";
import { encodeBase64 } from "../../src/lib/octets.ts";
import { formatRecord, judgeRecords, type PublishedKey, zoneLine } from "../../src/message/dkim_record.ts";
import { Random } from "../lib/random.ts";

const random = new Random(3);
const KEY: PublishedKey = { kind: "rsa", octets: random.octets(294) };
const OTHER = encodeBase64(random.octets(294));
const P = encodeBase64(KEY.octets);
const ED25519: PublishedKey = { kind: "ed25519", octets: random.octets(32) };

function judge(...records: readonly string[]): readonly string[] {
  return judgeRecords(records, KEY).map(({ serious, text }) => `${serious ? "serious" : "slight"}: ${text}`);
}

Deno.test("judgeRecords: what is right", () => {
  for (
    const record of [
      formatRecord(KEY),
      `v=DKIM1;p=${P}`,
      `p=${P}`,
      ` v = DKIM1 ; h = sha1 : sha256 ; s=email; n=a note; p = ${P.slice(0, 50)} ${P.slice(50)} ; `,
      `v=DKIM1; x=unknown; s=*; k=rsa; p=${P};`,
    ]
  ) assert.deepEqual(judge(record), [], record);
  assert.deepEqual(judgeRecords([formatRecord(ED25519)], ED25519), []);
});

Deno.test("judgeRecords: what is wrong, in words", () => {
  const cases: readonly (readonly [records: readonly string[], fault: string])[] = [
    [[], "serious: there is no TXT record of this name"],
    [[`p=${P}`, `p=${P}`], "serious: there are 2 TXT records of this name, and only one is allowed"],
    [[""], "serious: the record is empty"],
    [["v=DKIM1; k=rsa"], "serious: p= is missing"],
    [["v=DKIM1; p="], "serious: p= is empty: the key is revoked"],
    [[`v=DKIM1; p=${OTHER}`], "serious: p= is another key than the one that signs here"],
    [[`v=DKIM1; p=${P.slice(0, 200)}`], "serious: p= is cut off"],
    [[`v=DKIM1; p="${P}"`], "serious: p= is no base64: is it cut off, or are there quotes in it?"],
    [[`v=DKIM2; p=${P}`], "serious: v=DKIM2, expected v=DKIM1"],
    [[`p=${P}; v=DKIM1`], "serious: v= is not the first tag"],
    [[`v=DKIM1; k=ed25519; p=${P}`], "serious: k=ed25519, and the key is of the kind rsa"],
    [[`v=DKIM1; h=sha1; p=${P}`], "serious: h=sha1 does not permit sha256"],
    [[`v=DKIM1; s=other; p=${P}`], "serious: s=other does not permit email"],
    [[`v=DKIM1 k=rsa p ${P}; some text`], 'serious: "some text" is no tag of the form name=value'],
    [[`v=DKIM1; p=${P}; p=${P}`], "serious: the tag p= is there twice"],
    [
      [`v=DKIM1; t=y; p=${P}`],
      "slight: t=y: the domain says that it is only trying, and verifiers may ignore it",
    ],
    [[`v=DKIM1; t=s; p=${P}`], "slight: t=s: signatures do not count for addresses of subdomains"],
  ];
  for (const [records, fault] of cases) assert.deepEqual(judge(...records), [fault], records.join(" | "));
});

Deno.test("judgeRecords: a short key is weak", () => {
  const short: PublishedKey = { kind: "rsa", octets: random.octets(162) };
  const [fault, ...others] = judgeRecords([formatRecord(short)], short);
  assert.deepEqual(others, []);
  assert.deepEqual(fault, { serious: false, text: "the key is shorter than 2048 bits (RFC 8301): make a new one" });
});

Deno.test("zoneLine: strings of 255 octets at most, which give the value", () => {
  const line = zoneLine("one._domainkey.foobar.co.jp", formatRecord(KEY));
  assert.match(line, /^one\._domainkey\.foobar\.co\.jp\. IN TXT \( ".*" \)$/);
  const strings = [...line.matchAll(/"([^"]*)"/g)].map(([, text = ""]) => text);
  assert.ok(strings.every((text) => text.length <= 255));
  assert.equal(strings.join(""), formatRecord(KEY));
});
