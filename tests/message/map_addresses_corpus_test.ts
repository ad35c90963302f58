/**
 * Header sections as people and programs have written them: with every rewritten address put back the octets are those that were there,
 * and another parser reads the same names.
 *
 * @module
 */

import assert from "node:assert/strict";
import PostalMime, { type Address } from "postal-mime";
import { concat, encodeLatin1, latin1, utf8 } from "../../src/lib/octets.ts";
import { findAddresses } from "../../src/message/addresses.ts";
import { HeaderReader, splitFields } from "../../src/message/header.ts";
import { mapAddresses, splitAddress } from "../../src/message/map_addresses.ts";
import { Random } from "../lib/random.ts";

const FIELDS: ReadonlySet<string> = new Set([
  ...["from", "sender", "reply-to", "errors-to", "to", "cc", "resent-from", "resent-sender"],
]);
const CORPUS = new URL("../corpus/address_headers.txt", import.meta.url);

interface Specimen {
  readonly about: string;
  readonly count: number;
  readonly octets: Uint8Array<ArrayBuffer>;
}

const SPECIMENS: readonly Specimen[] = (await Deno.readTextFile(CORPUS)).split(/^## /m).slice(1).map((block) => {
  const [title = "", ...lines] = block.replace(/\n$/, "").split("\n");
  const [, about = title, count] = /^(.*) =(\d+)$/.exec(title) ?? [];
  const text = lines.map((line) => `${line}\r\n`).join("");
  const octets = encodeLatin1(
    text.replace(/\\x([0-9a-f]{2})/g, (_whole, code) => String.fromCharCode(parseInt(code, 16))),
  );
  assert.ok(octets !== null && count !== undefined, title);
  return { about, count: Number(count), octets };
});

/** Gives each address a local part and a domain that stand nowhere else. */
function rewriteAll(octets: Uint8Array): { readonly text: string; readonly count: number } {
  let count = 0;
  const written = mapAddresses(octets, FIELDS, () => {
    count++;
    return `local-${count}-@domain-${count}-.example`;
  });
  return { text: latin1(written), count };
}

/** Puts the octets that were there in the place of what `rewriteAll` has written. */
function putBack(text: string, octets: Uint8Array): string {
  const spans = splitFields(octets).filter(({ name }) => FIELDS.has(name)).flatMap(({ raw }) => {
    const body = latin1(raw).replace(/^[^:]*:/, "");
    return findAddresses(body).map(({ local, domain }) => [
      body.slice(local.start, local.end),
      domain === null ? null : body.slice(domain.start, domain.end),
    ]);
  });
  return spans.reduce((restored: string, [local, domain], at) => {
    const marks = [`local-${at + 1}-`, domain === null ? `@domain-${at + 1}-.example` : `domain-${at + 1}-.example`];
    for (const mark of marks) assert.equal(restored.split(mark).length, 2, `${mark} is not there once`);
    return restored.replace(marks[0] ?? "", () => local ?? "").replace(marks[1] ?? "", () => domain ?? "");
  }, text);
}

async function namesIn(header: Uint8Array<ArrayBuffer>): Promise<readonly string[]> {
  const { from, sender, replyTo, to, cc } = await PostalMime.parse(concat(header, utf8("\r\nbody\r\n")));
  const list = [
    from === undefined ? [] : [from],
    sender === undefined ? [] : [sender],
    replyTo ?? [],
    to ?? [],
    cc ?? [],
  ];
  return list.flat().flatMap(namesOf);
}

function namesOf(address: Address): readonly string[] {
  // It leaves a name out that is the address, and then it is another one than the address.
  return [address.name.includes("@pc1.") ? "" : address.name, ...(address.group ?? []).flatMap(namesOf)];
}

Deno.test("there are a hundred header sections at least, and they are header sections", () => {
  assert.ok(SPECIMENS.length >= 100, `${SPECIMENS.length}`);
  for (const { octets, about } of SPECIMENS) {
    const split = new HeaderReader();
    split.push(octets);
    assert.deepEqual(split.finish().header.length >= octets.length, true, about);
  }
});

Deno.test("with every rewritten address put back the octets are those that were there", () => {
  for (const { about, count, octets } of SPECIMENS) {
    const rewritten = rewriteAll(octets);
    assert.equal(rewritten.count, count, about);
    assert.equal(putBack(rewritten.text, octets), latin1(octets), about);
    assert.deepEqual(mapAddresses(octets, FIELDS, (address) => address), octets, about);
  }
});

Deno.test("postal-mime reads the same names before and after", async () => {
  let compared = 0;
  for (const { about, octets } of SPECIMENS) {
    const after = mapAddresses(octets, FIELDS, (address) => {
      const { local, domain } = splitAddress(address);
      return domain?.endsWith(".foobar.co.jp") ? `${local}@foobar.co.jp` : null;
    });
    const [before, now] = [await namesIn(octets), await namesIn(after)];
    // It reads what stands behind a comment in a domain as a name, and there is none any more.
    if (about === "a comment folded inside the domain") assert.deepEqual([before, now], [[".foobar.co.jp"], [""]]);
    else assert.deepEqual(now, before, about);
    if (before.some((name) => name !== "")) compared++;
  }
  assert.ok(compared >= 50, `${compared} have names`);
});

Deno.test("any octets: nothing is thrown, and what is not changed stays", () => {
  const pieces = SPECIMENS.map(({ octets }) => latin1(octets));
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = new Random(seed);
  let changed = 0;
  for (let turn = 0; turn < 5_000; turn++) {
    const one = random.pick(pieces);
    const other = random.pick(pieces);
    const cut = random.below(one.length);
    let text = one.slice(0, cut) + other.slice(random.below(other.length));
    for (let hits = random.below(4); hits > 0; hits--) {
      const at = random.below(text.length + 1);
      const put = random.pick([
        '"',
        "(",
        ")",
        "<",
        ">",
        "@",
        ",",
        ";",
        ":",
        "\\",
        "[",
        "]",
        "\x1b$B",
        "\x1b(B",
        "\r\n ",
        "\r\n",
        "\xe9",
        "\0",
        "=?",
      ]);
      text = text.slice(0, at) + put + text.slice(at + random.below(2));
    }
    const octets = encodeLatin1(text) ?? utf8("");
    const fields = splitFields(octets).map(({ raw }) => latin1(raw)).join("");
    assert.deepEqual(latin1(mapAddresses(octets, FIELDS, (address) => address)), text, `seed ${seed}`);
    const rewritten = rewriteAll(octets);
    if (rewritten.count === 0) continue;
    changed++;
    assert.equal(putBack(rewritten.text, octets), text, `seed ${seed}, ${JSON.stringify(fields)}`);
  }
  assert.ok(changed > 300, `${changed}`);
});
