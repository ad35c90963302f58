/**
 * Starts that must fail, each with its exit code and a sentence that says what to do; and what a good start leaves on disk.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeCertificate } from "../../src/cli/demo_certificate.ts";
import { SITE } from "../lib/people.ts";
import { makeSite, runProgram, type Site, type SiteOptions, startProgram } from "../lib/program.ts";
import { NOBODY, requireRoot, statusOf } from "../lib/root.ts";
import { converse, queueIdOf, SHIN, submit } from "../lib/submission.ts";
import { type Finished, type Folder, makeFolder, run } from "../servers/lib.ts";

const PEOPLE = [{ local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false }];

const rootTest = requireRoot();

Deno.test("a second server on one data_dir ends with 75 and names the first", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: PEOPLE });
  await using program = await startProgram(site);
  const { code, output } = await serve(site);
  assert.equal(code, 75, output);
  assert.match(
    output,
    new RegExp(`^dokodemo: Cannot lock .*/data/lock: process ${program.process.pid} holds it$`, "m"),
  );
  // The first one is none the worse for it.
  using client = await converse(program, site);
  queueIdOf(await submit(client, { to: "shin@baz.co.jp" }));
});

Deno.test("a damaged queue is refused with 65, left as it is to the octet, and what can be read is saved", async () => {
  await using folder = await makeFolder();
  const site = await siteWithQueue(folder);
  const file = join(site.dataDir, "spool.sqlite");
  const whole = await Deno.readFile(file);
  const damages: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [
    ["half of it", whole.slice(0, whole.length / 2)],
    ["a page and a half", whole.slice(0, 6_000)],
    ["nothing", new Uint8Array()],
    ["another kind of file", new TextEncoder().encode("hello, this is no database\n".repeat(500))],
  ];
  for (const [what, octets] of damages) {
    await Deno.writeFile(file, octets);
    const { code, output } = await serve(site);
    assert.equal(code, 65, `${what}: ${output}`);
    assert.match(output, /^dokodemo: Cannot open .*\/spool\.sqlite: .*dokodemo queue verify --salvage/m, what);
    assert.deepEqual(await Deno.readFile(file), octets, what);
  }
  // What was on the last page belongs to neither mail.
  await Deno.writeFile(file, whole.slice(0, whole.length - 4096));
  assert.equal((await serve(site)).code, 65);
  const newFile = join(folder.path, "saved.sqlite");
  const saved = await runProgram(["queue", "verify", "--salvage", newFile, "--config", site.config]);
  assert.match(saved.output, /^2 mails are in /, saved.output);
  await Deno.rename(newFile, file);
  await using _program = await startProgram(site);
  const listed = await runProgram(["queue", "list", "--json", "--config", site.config]);
  assert.equal(JSON.parse(listed.output).length, 2);
});

Deno.test("a queue of a newer version is refused with 78 and left as it is", async () => {
  await using folder = await makeFolder();
  const site = await siteWithQueue(folder);
  const file = join(site.dataDir, "spool.sqlite");
  {
    using db = new DatabaseSync(file);
    db.exec("PRAGMA user_version = 999");
  }
  const before = await Deno.readFile(file);
  const { code, output } = await serve(site);
  assert.equal(code, 78, output);
  assert.match(output, /^dokodemo: Cannot open .*\/spool\.sqlite: its version 999 is newer than \d+/m);
  assert.deepEqual(await Deno.readFile(file), before);
});

Deno.test("a certificate that cannot be used is refused with 78, and the file is named", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [] });
  const certificate = join(folder.path, "certificate.pem");
  const good = await Deno.readTextFile(certificate);
  const other = await makeCertificate([SITE.hostname], Date.now());
  for (
    const [what, pem] of [["no PEM", "hello\n"], ["of another key", other.certificate], ["cut off", good.slice(0, 300)]]
  ) {
    await Deno.writeTextFile(certificate, pem ?? "");
    const { code, output } = await serve(site);
    assert.equal(code, 78, `${what}: ${output}`);
    assert.match(output, /certificate\.pem/, what);
  }
  await Deno.remove(certificate);
  const { code, output } = await serve(site);
  assert.equal(code, 78, output);
  assert.match(output, /certificate\.pem/);
});

Deno.test("an address in use is refused with 69, and each such address is named", async () => {
  await using folder = await makeFolder();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using alsoTaken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ports = [taken.addr.port, alsoTaken.addr.port];
  const listeners = ports.map((port, at) => listener(`l${at}`, `127.0.0.1:${port}`)).join("");
  const site = await makeSite(folder.path, { people: [], listeners });
  const { code, output } = await serve(site);
  assert.equal(code, 69, output);
  for (const port of ports) {
    assert.match(
      output,
      new RegExp(`^dokodemo: Cannot listen on 127\\.0\\.0\\.1:${port} \\(l\\d\\): the address is in use`, "m"),
    );
  }
});

Deno.test("mistakes of the configuration are all told at once, with 78", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [] });
  const config = await Deno.readTextFile(site.config);
  await Deno.writeTextFile(
    site.config,
    config.replace("postmaster", "postmastre").replace('role = "mta"', 'role = "mat"'),
  );
  const { code, output } = await serve(site);
  assert.equal(code, 78, output);
  assert.match(output, /^dokodemo: postmastre: /m);
  assert.match(output, /^dokodemo: listener.*role: /m);
});

rootTest("root with a listener that is not on loopback and no user ends with 77", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [], listeners: listener("open", "0.0.0.0:0") });
  const { code, output } = await serve(site);
  assert.equal(code, 77, output);
  assert.match(output, /^dokodemo: Cannot run as root with a listener on 0\.0\.0\.0: set user =/m);
  await assert.rejects(Deno.stat(join(site.dataDir, "spool.sqlite")), Deno.errors.NotFound);
});

rootTest("a user that this system does not have is refused with 78", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [], top: 'user = "no-such-user"' });
  const { code, output } = await serve(site);
  assert.equal(code, 78, output);
  assert.match(output, /no-such-user/);
});

rootTest("started as root with a user it binds, becomes that user for good, and works", async () => {
  await using folder = await makeFolder({ open: true });
  const site = await siteOfNobody(folder, {
    listeners: `${listener("open", "0.0.0.0:0")}${listener("mta", "127.0.0.1:0")}`,
  });
  await using program = await startProgram(site);
  const status = await statusOf(program.process.pid);
  const { uid, gid } = await nobody();
  assert.equal(status.get("Uid"), [uid, uid, uid, uid].join(" "));
  assert.equal(status.get("Gid"), [gid, gid, gid, gid].join(" "));
  assert.equal(status.get("Groups"), String(gid));
  // With none of these there is no way back to root.
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) assert.match(status.get(set) ?? "", /^0+$/, set);

  using client = await converse(program, site, { listener: "mta" });
  queueIdOf(await submit(client, { from: "taro@example.net", to: "shin@baz.co.jp" }));
  await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "delivered");
  await assertModes(site, { uid });
  // A command as root leaves no file behind that the service cannot open.
  const added = await runProgram(["user", "add", "new@baz.co.jp", "--password-stdin", "--config", site.config], {
    input: "pw-1",
  });
  assert.equal(added.code, 0, added.output);
  await assertModes(site, { uid });
  assert.equal((await program.process.stop()).code, 0);
});

Deno.test("data_dir is for the service alone, but for its two sockets", async () => {
  await using folder = await makeFolder();
  const site = await siteWithQueue(folder);
  await using program = await startProgram(site);
  await assertModes(site, { uid: Deno.uid() });
  assert.equal((await program.process.stop()).code, 0);
  await assertModes(site, { uid: Deno.uid() });
});

/** Starts and waits for the end, which must come by itself. */
function serve(site: Site): Promise<Finished> {
  return runProgram(["serve", "--config", site.config]);
}

/** A site whose queue holds a small and a large mail, and no server. */
async function siteWithQueue(folder: Folder): Promise<Site> {
  const site = await makeSite(folder.path, { people: PEOPLE });
  await using program = await startProgram(site);
  using client = await converse(program, site);
  const large = `Subject: large\r\n\r\n${`${"x".repeat(998)}\r\n`.repeat(400)}`;
  for (const content of ["Subject: small\r\n\r\nhello\r\n", large]) {
    queueIdOf(await submit(client, { to: "taro@example.net", content }));
  }
  await program.events(2, ({ kind, outcome }) => kind === "delivery" && outcome === "deferred");
  return site;
}

/** As an administrator would set it up: the service's user can read the key and write the mailboxes. */
async function siteOfNobody(folder: Folder, options: SiteOptions): Promise<Site> {
  const site = await makeSite(folder.path, { ...options, people: PEOPLE, top: `user = "${NOBODY}"` });
  const { uid, gid } = await nobody();
  await Deno.mkdir(site.mail);
  for (const path of [site.mail, join(folder.path, "key.pem")]) await Deno.chown(path, uid, gid);
  return site;
}

async function nobody(): Promise<{ readonly uid: number; readonly gid: number }> {
  const ids = await Promise.all(["-u", "-g"].map((option) => run("id", { args: [option, NOBODY] })));
  const [uid = 0, gid = 0] = ids.map(({ output }) => Number(output));
  return { uid, gid };
}

async function assertModes({ dataDir }: Site, { uid }: { readonly uid: number | null }): Promise<void> {
  const info = await Deno.stat(dataDir);
  assert.equal((info.mode ?? 0) & 0o7777, 0o711);
  assert.equal(info.uid, uid);
  const paths = [...await entriesOf(dataDir), ...await entriesOf(join(dataDir, "content"))];
  assert.ok(paths.length > 5, paths.join());
  for (const path of paths) {
    const { mode, isDirectory, uid: owner } = await Deno.lstat(path);
    const expected = path.endsWith("/control.sock")
      ? 0o660
      : path.endsWith("/public.sock")
      ? 0o666
      : path.endsWith("/maildrop")
      // Everybody may put a file there, and nobody sees those of others.
      ? 0o3733
      : isDirectory
      ? 0o700
      : 0o600;
    assert.equal(((mode ?? 0) & 0o7777).toString(8), expected.toString(8), path);
    assert.equal(owner, uid, path);
  }
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => join(folder, name));
}

function listener(name: string, address: string): string {
  return `[[listener]]\nname = "${name}"\naddress = "${address}"\nrole = "mta"\n`;
}
