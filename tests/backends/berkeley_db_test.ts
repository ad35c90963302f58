import { deepEqual, equal, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { type Pair, readBerkeleyDb } from "../../src/lib/berkeley_db.ts";
import { utf8 } from "../../src/lib/octets.ts";
import { makeFolder, requirePrograms, runOrThrow } from "../servers/lib.ts";
import { loadDatabase, readDatabase, seeTheSame } from "./berkeley_db_lib.ts";

const withTools = requirePrograms(["db5.3_load", "db5.3_dump"]);
const FIXTURE = new URL("../fixtures/cyrus/sasldb2", import.meta.url);

function problemOf(octets: Uint8Array<ArrayBuffer>): string {
  const read = readBerkeleyDb(octets);
  return read.ok ? "none" : read.problem;
}

/** The octets with a number of 32 bits changed, low octet first. */
function patched(octets: Uint8Array<ArrayBuffer>, at: number, value: number): Uint8Array<ArrayBuffer> {
  const copy = octets.slice();
  new DataView(copy.buffer).setUint32(at, value, true);
  return copy;
}

/** Many pairs of many lengths, the same at each run. */
function manyPairs(count: number): readonly Pair[] {
  let seed = 1;
  const random = (below: number) => (seed = (seed * 48_271) % 0x7fffffff) % below;
  const lengths = [0, 1, 5, 20, 100, 900, 1100];
  const pairs = Array.from({ length: count }, (_, at): Pair => {
    const key = utf8(`key ${at}${"k".repeat(random(3) * 30)}`);
    const length = at % 100 === 0 ? 20_000 : lengths[random(lengths.length)] ?? 0;
    return [key, Uint8Array.from({ length }, () => random(256))];
  });
  return [...pairs, [new Uint8Array(9000).fill(1), new Uint8Array(70_000).fill(2)], [new Uint8Array(1), utf8("nul")]];
}

Deno.test("a sasldb2 of saslpasswd2", async () => {
  const pairs = [...(await expectPairs(await Deno.readFile(FIXTURE)))];
  const texts = pairs.map(([key, value]) => [key, value].map((octets) => new TextDecoder().decode(octets)));
  deepEqual(texts.find(([key]) => key?.startsWith("taro\0")), ["taro\0baz.co.jp\0userPassword", 'p,a"s\\s=w:ord']);
  equal(pairs.length, 5);
});

withTools("thousands of pairs, long ones among them, as db5.3_dump sees them", async () => {
  await using folder = await makeFolder();
  for (const type of ["hash", "btree"] as const) {
    for (const bigEndian of [false, true]) {
      for (
        const [pageSize, checksum, count] of [[4096, false, 5000], [512, true, 600], [65_536, false, 600]] as const
      ) {
        const file = `${folder.path}/${type}${bigEndian}${pageSize}`;
        await loadDatabase(file, manyPairs(count), { type, bigEndian, pageSize, checksum });
        equal((await seeTheSame(file)).length, count + 2);
      }
    }
    const empty = `${folder.path}/empty ${type}`;
    await loadDatabase(empty, [], { type });
    deepEqual(await seeTheSame(empty), []);
  }
});

requirePrograms(["postmap", "db5.3_dump"])("files of Postfix, hash and btree", async () => {
  await using folder = await makeFolder();
  const text = Array.from({ length: 300 }, (_, at) => `user${at}@example.org  OK ${"x".repeat(at)}\n`).join("");
  for (const type of ["hash", "btree"]) {
    const file = `${folder.path}/${type}`;
    await Deno.writeTextFile(file, text);
    await Deno.writeTextFile(`${folder.path}/main.cf`, "");
    await runOrThrow("postmap", { args: ["-c", folder.path, `${type}:${file}`] });
    equal((await seeTheSame(`${file}.db`)).length, 300);
  }
});

requirePrograms(["saslpasswd2", "db5.3_dump"])("a file that shrinks and grows again under saslpasswd2", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/sasldb2`;
  const set = (name: string, input: string | null) =>
    runOrThrow("saslpasswd2", {
      args: ["-f", file, "-u", "example.org", ...input === null ? ["-d"] : ["-p", "-c"], name],
      input: input ?? "",
    });
  for (let at = 0; at < 60; at++) await set(`user${at}`, `password ${at} ${"x".repeat(at * 3)}`);
  equal((await seeTheSame(file)).length, 60);
  for (let at = 0; at < 60; at += 2) await set(`user${at}`, null);
  equal((await seeTheSame(file)).length, 30);
  for (let at = 0; at < 20; at++) await set(`user${at}`, `again ${at}`);
  equal((await seeTheSame(file)).length, 40);
});

withTools("what is not read says so", async () => {
  await using folder = await makeFolder();
  const [one, other]: readonly Pair[] = [[utf8("key"), utf8("one")], [utf8("key"), utf8("two")]];
  ok(one !== undefined && other !== undefined);
  for (const type of ["hash", "btree"] as const) {
    const twice = `${folder.path}/twice ${type}`;
    await loadDatabase(twice, [one, other], { type, header: ["duplicates=1"] });
    equal(problemOf(await Deno.readFile(twice)), "it has several values to a key, which is not read");
    const several = `${folder.path}/several ${type}`;
    await loadDatabase(several, [one], { type, header: ["database=first"] });
    match(problemOf(await Deno.readFile(several)), /^it holds several databases/);
  }
  const records = `${folder.path}/records`;
  const input = "VERSION=3\nformat=bytevalue\ntype=recno\nHEADER=END\n 61\n 62\nDATA=END\n";
  await runOrThrow("db5.3_load", { args: [records], input });
  match(problemOf(await Deno.readFile(records)), /^it holds numbered records/);
});

Deno.test("versions: 8 to 10 of hash, others are named", async () => {
  const octets = await Deno.readFile(FIXTURE);
  const expected = readDatabase(octets);
  for (const version of [8, 9, 10]) deepEqual(readDatabase(patched(octets, 16, version)), expected);
  for (const version of [0, 5, 7, 11, 0x09000000]) {
    match(
      problemOf(patched(octets, 16, version)),
      new RegExp(`^it is a Berkeley DB hash of version ${version}, .*db5.3_upgrade`),
    );
  }
});

Deno.test("a file that is something else, or ends early, says so", async () => {
  const octets = await Deno.readFile(FIXTURE);
  equal(problemOf(new Uint8Array()), "it is too short for a Berkeley DB file");
  equal(problemOf(new Uint8Array(4096)), "it is no Berkeley DB file");
  equal(problemOf(utf8("taro:$6$salt$hash:19000:0:99999:7:::\n".repeat(50))), "it is no Berkeley DB file");
  match(problemOf(patched(octets, 12, 0x042253)), /queue/);
  match(problemOf(patched(new Uint8Array(4096), 0, 0x13579ace)), /GDBM/);
  match(problemOf(patched(new Uint8Array(4096), 0, 0x061561)), /version 1\.85/);
  match(problemOf(patched(octets, 24, 0x00080801)), /encrypted/);
  match(problemOf(patched(octets, 36, 3)), /several parts/);
  for (const size of [0, 1, 4095, 256, 131_072]) match(problemOf(patched(octets, 20, size)), /first page is damaged/);
  for (const length of [512, 4096, 8192, octets.length - 1]) {
    match(problemOf(octets.slice(0, length)), /damaged or half written: it ends early/);
  }
  match(problemOf(patched(octets, 32, 0xffffffff)), /ends early/);
});

Deno.test("property: octets changed at random are read or refused, and never more comes out than went in", async () => {
  holdsForDamaged(await Deno.readFile(FIXTURE), 3000);
});

withTools("property: the same for files with overflow pages, of both kinds and byte orders", async () => {
  await using folder = await makeFolder();
  for (const type of ["hash", "btree"] as const) {
    for (const bigEndian of [false, true]) {
      const file = `${folder.path}/${type}${bigEndian}`;
      await loadDatabase(file, manyPairs(40).slice(1, 41), { type, bigEndian, pageSize: 512 });
      holdsForDamaged(await Deno.readFile(file), 1000);
    }
  }
});

withTools("a circle of overflow pages, and one that belongs to two items, end at once", async () => {
  await using folder = await makeFolder();
  for (const type of ["hash", "btree"] as const) {
    const file = `${folder.path}/${type}`;
    await loadDatabase(file, [[utf8("a"), new Uint8Array(2000)], [utf8("b"), new Uint8Array(2000)]], {
      type,
      pageSize: 512,
    });
    const octets = await Deno.readFile(file);
    const overflow = Array.from({ length: octets.length / 512 }, (_, page) => page).filter((page) =>
      octets[page * 512 + 25] === 7
    );
    ok(overflow.length >= 10);
    for (const page of overflow) {
      for (const next of overflow) {
        const read = readBerkeleyDb(patched(octets, page * 512 + 16, next));
        const same = new DataView(octets.buffer).getUint32(page * 512 + 16, true) === next;
        equal(read.ok, same, `${type} ${page} -> ${next}`);
      }
    }
  }
});

function expectPairs(octets: Uint8Array<ArrayBuffer>): Iterable<Pair> {
  const read = readBerkeleyDb(octets);
  ok(read.ok, read.ok ? "" : read.problem);
  return read.value;
}

/** Octets that mean something stand at the beginnings of pages, so half of the changes are there. */
function holdsForDamaged(octets: Uint8Array<ArrayBuffer>, numRuns: number): void {
  const pages = Math.ceil(octets.length / 512);
  const anywhere = fc.nat(octets.length - 1);
  const atHead = fc.tuple(fc.nat(pages - 1), fc.nat(63)).map(([page, at]) =>
    Math.min(page * 512 + at, octets.length - 1)
  );
  const changes = fc.array(
    fc.tuple(fc.oneof(anywhere, atHead), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 7, 13, 255))),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  fc.assert(
    fc.property(changes, fc.option(fc.nat(octets.length), { nil: octets.length, freq: 4 }), (made, length) => {
      const copy = octets.slice(0, length);
      for (const [at, octet] of made) if (at < length) copy[at] = octet;
      const read = readBerkeleyDb(copy);
      if (!read.ok) return match(read.problem, /^its? /);
      let total = 0;
      for (const [key, value] of read.value) total += key.length + value.length;
      ok(total <= copy.length, `${total} octets of ${copy.length}`);
    }),
    { numRuns },
  );
}
