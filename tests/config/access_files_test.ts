import assert from "node:assert/strict";
import { join } from "node:path";
import { readAccess, readAccessFiles } from "../../src/config/access_files.ts";
import { defaultGateway } from "../../src/config/gateway.ts";
import type { Mistake } from "../../src/config/keys.ts";
import { makeFolder, requirePrograms, runOrThrow } from "../servers/lib.ts";

const test = requirePrograms(["db5.3_load"]);

/** Makes a database as `makemap hash` does; with its `-N` a NUL stands behind key and value. */
async function makeDatabase(file: string, pairs: readonly (readonly [string, string])[], end = ""): Promise<void> {
  await runOrThrow("db5.3_load", {
    args: ["-T", "-t", "hash", file],
    input: pairs.flat().map((text) => `${text}${end}\n`).join(""),
  });
}

Deno.test("a map that is missing is empty, and its stamps tell when it comes", async () => {
  await using folder = await makeFolder();
  const read = await readAccess(join(folder.path, "access"));
  assert.deepEqual([read.mistakes, read.notes, read.source, read.map.entries.length], [[], [], null, 0]);
  assert.equal(read.stamps.size, 2);
});

Deno.test("a map that is no text, or cannot be read, is a mistake", async () => {
  await using folder = await makeFolder();
  const file = join(folder.path, "access");
  await Deno.writeFile(file, Uint8Array.of(0x61, 0xff, 0x0a));
  assert.match((await readAccess(file)).mistakes.join(), /access: it is not UTF-8$/);
  await Deno.remove(file);
  await Deno.mkdir(file);
  assert.match((await readAccess(file)).mistakes.join(), /^Cannot read .*access: /);
  await Deno.remove(file);
  await Deno.writeTextFile(`${file}.db`, "no database, and long enough to be looked at".repeat(20));
  assert.match((await readAccess(file)).mistakes.join(), /access\.db: it is no Berkeley DB file$/);
});

test("a database alone is read, with and without NULs at the ends; the text goes before it", async () => {
  await using folder = await makeFolder();
  const file = join(folder.path, "access");
  await makeDatabase(`${file}.db`, [["spammer.com", "REJECT"], ["192.168.2", "RELAY"]]);
  for (const named of [file, `${file}.db`]) {
    const { map, mistakes, source } = await readAccess(named);
    assert.deepEqual([mistakes, source, map.entries.length], [[], `${file}.db`, 2]);
    assert.equal(map.findNetwork("192.168.2.9")?.action.kind, "relay");
    assert.equal(map.findDomain("from", "a.spammer.com")?.line, null);
  }
  await makeDatabase(`${join(folder.path, "nul")}.db`, [["spammer.com", "REJECT"]], "\\00");
  assert.equal((await readAccess(join(folder.path, "nul"))).map.findDomain("to", "spammer.com")?.action.kind, "reject");
  await makeDatabase(`${join(folder.path, "bad")}.db`, [["spammer.com", "REJCT"]]);
  assert.match(
    (await readAccess(join(folder.path, "bad"))).mistakes.join(),
    /bad\.db: spammer\.com REJCT: expected OK/,
  );
  await Deno.writeTextFile(file, "other.example OK\n");
  assert.deepEqual((await readAccess(file)).map.entries.map(({ written }) => written), ["other.example OK"]);
});

Deno.test("relay domains: names and networks with their lines, comments, mistakes; the file may be missing", async () => {
  await using folder = await makeFolder();
  const file = join(folder.path, "relay-domains");
  const named = { map: null, relayDomains: { file, path: ["access", "relay_domains_file"] } };
  const findings: { mistakes: Mistake[]; warnings: string[] } = { mistakes: [], warnings: [] };
  assert.deepEqual((await readAccessFiles(named, findings)).domains, []);
  assert.deepEqual(findings.mistakes, []);
  await Deno.writeTextFile(file, "# ours\nPartner.example\n192.168.2 # office\nIPv6:2001:db8\nno domain\n");
  const { domains, networks, places } = await readAccessFiles(named, findings);
  assert.deepEqual(domains, ["partner.example"]);
  assert.deepEqual(networks, ["192.168.2.0/24", "2001:db8:0:0:0:0:0:0/32"]);
  assert.equal(places.get("192.168.2.0/24"), `${file}, line 3`);
  assert.deepEqual(findings.mistakes.map(({ text }) => text), [`${file}, line 5: expected a domain or a network`]);
});

Deno.test("defaultGateway() reads the route of the kernel's table", () => {
  const table = "Iface\tDestination\tGateway \tFlags\neth0\t000011AC\t00000000\t0001\neth0\t00000000\t010011AC\t0003\n";
  assert.equal(defaultGateway(table), "172.17.0.1");
  assert.equal(defaultGateway("Iface\tDestination\tGateway\n"), null);
  assert.equal(defaultGateway(""), null);
});
