import assert from "node:assert/strict";
import { join } from "node:path";
import { HOTP, Secret, URI } from "otpauth";
import { open } from "../records/lib.ts";
import { type Ended, makeSite, type Site, SMALL_CONFIG } from "./lib.ts";

const STEP_MS = 30_000;

const listed = async (site: Site) => {
  const rows = JSON.parse((await site.run(["admin", "list", "--json"])).stdout);
  return rows.map(({ account }: { account: string }) => account);
};

const acts = async (site: Site) => {
  const rows = JSON.parse((await site.run(["audit", "list", "--json"])).stdout);
  return rows.map(({ what, target }: { what: string; target: string }) => `${what} ${target}`);
};

const secretIn = ({ stdout }: Ended) => /^secret: ([A-Z2-7]{32})$/m.exec(stdout)?.[1] ?? "";

Deno.test("an account that nobody has is added, and administers with its second factor", async () => {
  await using site = await makeSite();
  const made = await site.run(["admin", "new", "shin", "--password-stdin"], "secret\n");
  assert.equal(made.code, 0, made.stderr);
  assert.equal(made.stderr, "dokodemo: No backend knows shin@baz.co.jp: it is added to sasldb\n");
  assert.match(made.stdout, /^shin@baz\.co\.jp added\nshin@baz\.co\.jp is an administrator\nsecret: /);
  const secret = secretIn(made);
  const url = URI.parse(/^url: +(otpauth:.*)$/m.exec(made.stdout)?.[1] ?? "");
  assert.deepEqual([url.issuer, url.label, url.secret.base32], [
    ...["dokodemo mail.foobar.co.jp", "shin@baz.co.jp", secret],
  ]);
  assert.equal((await site.run(["auth", "test", "shin", "--password-stdin"], "secret")).code, 0);
  {
    await using records = open(join(site.dataDir, "records"));
    const now = Date.now();
    const code = HOTP.generate({ secret: Secret.fromBase32(secret), counter: Math.floor(now / STEP_MS) });
    assert.equal(records.administrators.checkCode("shin@baz.co.jp", code, now), true);
  }
  assert.deepEqual(await listed(site), ["shin@baz.co.jp"]);
  assert.match((await site.run(["admin", "list"])).stdout, /^ACCOUNT +SINCE\nshin@baz\.co\.jp +\d{4}-\d\d-\d\d\n$/);
  assert.deepEqual(await acts(site), ["administrator.add shin@baz.co.jp", "account.add shin@baz.co.jp"]);
});

Deno.test("an account that is there is asked nothing, and gets a new secret when it is one already", async () => {
  await using site = await makeSite();
  await site.run(["user", "add", "shin", "--password-stdin"], "secret");
  const first = await site.run(["admin", "new", "shin@BAZ.co.jp"]);
  assert.deepEqual([first.code, first.stderr], [0, ""]);
  const again = await site.run(["admin", "new", "shin"]);
  assert.deepEqual([again.code, again.stderr], [0, ""]);
  assert.match(again.stdout, /^shin@baz\.co\.jp has a new secret; the old one is worth nothing now\nsecret: /);
  assert.notEqual(secretIn(first), secretIn(again));
  assert.deepEqual(await listed(site), ["shin@baz.co.jp"]);
  assert.deepEqual(await acts(site), [
    "administrator.secret shin@baz.co.jp",
    "administrator.add shin@baz.co.jp",
    "account.add shin@baz.co.jp",
  ]);
});

Deno.test("administration is taken, and the account kept", async () => {
  await using site = await makeSite();
  await site.run(["admin", "new", "shin", "--password-stdin"], "secret");
  const other = await site.run(["admin", "remove", "Shin"]);
  assert.equal(other.code, 65);
  assert.match(other.stderr, /^dokodemo: Shin@baz\.co\.jp is no administrator/);
  const removed = await site.run(["admin", "remove", "shin"]);
  assert.deepEqual([removed.code, removed.stdout], [
    0,
    "shin@baz.co.jp is no administrator any more; the account is kept\n",
  ]);
  assert.deepEqual(await listed(site), []);
  assert.equal((await site.run(["admin", "remove", "shin"])).code, 65);
  assert.equal((await site.run(["user", "show", "shin"])).code, 0);
  assert.equal((await acts(site))[0], "administrator.remove shin@baz.co.jp");
});

Deno.test("where names have no case, an administrator is found in any", async () => {
  await using site = await makeSite(`${SMALL_CONFIG}[sasl]\nuser_case_sensitive = false\n`);
  await site.run(["admin", "new", "shin", "--password-stdin"], "secret");
  assert.match((await site.run(["admin", "new", "SHIN"])).stdout, /^shin@baz\.co\.jp has a new secret/);
  assert.equal((await site.run(["admin", "remove", "Shin"])).code, 0);
  assert.deepEqual(await listed(site), []);
});

Deno.test("names that cannot be, and passwords that cannot be, make no administrator", async () => {
  await using site = await makeSite();
  assert.equal((await site.run(["admin", "new", "@x.jp"])).code, 64);
  assert.equal((await site.run(["admin", "new", "a b@x.jp", "--password-stdin"], "secret")).code, 65);
  assert.equal((await site.run(["admin", "new", "shin", "--password-stdin"], "")).code, 65);
  assert.equal((await site.run(["admin", "new", "shin", "--password-stdin"], "with\x07bell")).code, 65);
  assert.equal((await site.run(["admin", "new", "shin"])).code, 64);
  assert.deepEqual(await listed(site), []);
  assert.equal((await site.run(["user", "list", "--json"])).stdout, "[]\n");
});

/** A directory that knows hana, and what stands in a configuration for it. */
async function makeDirectory(site: Pick<Site, "folder">) {
  await Deno.writeTextFile(join(site.folder, "secret"), "the-secret", { mode: 0o600 });
  const account = { name: "hana@baz.co.jp", addresses: [], groups: [], attributes: {} };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { user } = await request.json();
    return user.local === "hana"
      ? Response.json({ kind: "known", account })
      : Response.json({ kind: "rejected", why: "unknown-user" }, { status: 404 });
  });
  const section = `[backend.directory]
type = "http"
url = "http://127.0.0.1:${server.addr.port}/"
secret_file = "${join(site.folder, "secret")}"
answers = ["password", "lookup"]
`;
  return { section, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("an account of another backend is found there; while that is down nobody can tell", async () => {
  await using site = await makeSite();
  {
    await using directory = await makeDirectory(site);
    await Deno.writeTextFile(
      site.config,
      `${SMALL_CONFIG}[sasl]\npwcheck_method = ["directory", "sasldb"]\n${directory.section}`,
    );
    const hana = await site.run(["admin", "new", "hana"]);
    assert.deepEqual([hana.code, hana.stderr], [0, ""]);
    const shin = await site.run(["admin", "new", "shin", "--password-stdin"], "secret");
    assert.equal(shin.code, 0, shin.stderr);
    assert.deepEqual(await listed(site), ["shin@baz.co.jp", "hana@baz.co.jp"]);
    assert.deepEqual(JSON.parse((await site.run(["user", "list", "--json"])).stdout).length, 1);
  }
  const down = await site.run(["admin", "new", "hana", "--password-stdin"], "secret");
  assert.deepEqual([down.code, down.stdout], [75, ""]);
  assert.match(down.stderr, /^dokodemo: Cannot find out whether hana@baz\.co\.jp exists: backend\.directory: /);
  // It is in the account store, whatever the directory would say.
  assert.equal((await site.run(["admin", "new", "shin"])).code, 0);
  assert.equal((await site.run(["user", "list", "--json"])).stdout.match(/"account"/g)?.length, 1);
});

Deno.test("a backend for other realms is not asked, and need not run", async () => {
  await using site = await makeSite();
  await Deno.writeTextFile(join(site.folder, "secret"), "the-secret", { mode: 0o600 });
  await Deno.writeTextFile(
    site.config,
    `${SMALL_CONFIG}[sasl]
pwcheck_method = ["directory", "sasldb"]
[backend.directory]
type = "http"
realms = ["other.example"]
url = "http://127.0.0.1:9/"
secret_file = "${join(site.folder, "secret")}"
answers = ["password", "lookup"]
`,
  );
  assert.equal((await site.run(["admin", "new", "shin", "--password-stdin"], "secret")).code, 0);
  assert.equal((await site.run(["admin", "new", "shin@other.example"])).code, 75);
});

Deno.test("where a backend cannot be asked for names the account is believed, with a note", async () => {
  await using site = await makeSite(`${SMALL_CONFIG}[sasl]
pwcheck_method = ["sasldb", "saslauthd"]
[backend.saslauthd]
path = "/nonexistent/mux"
`);
  const { code, stdout, stderr } = await site.run(["admin", "new", "shin"]);
  assert.equal(code, 0);
  assert.equal(
    stderr,
    "dokodemo: Note: nobody can say whether shin@baz.co.jp exists: saslauthd cannot be asked for names\n",
  );
  assert.match(stdout, /^shin@baz\.co\.jp is an administrator\nsecret: /);
  assert.equal((await site.run(["user", "list", "--json"])).stdout, "[]\n");
});

Deno.test("without an account store nobody can be added", async () => {
  await using site = await makeSite();
  await using directory = await makeDirectory(site);
  await Deno.writeTextFile(
    site.config,
    `${SMALL_CONFIG}[sasl]\npwcheck_method = "directory"\n${directory.section}`,
  );
  const { code, stderr } = await site.run(["admin", "new", "shin", "--password-stdin"], "secret");
  assert.equal(code, 65);
  assert.equal(stderr, "dokodemo: There is no account shin@baz.co.jp, and no account store to add it to\n");
});
