import assert from "node:assert/strict";
import { join } from "node:path";
import { open } from "../records/lib.ts";
import { dokodemo, makeSite, type Site } from "./lib.ts";

const DAY = 86_400_000;

const listed = async (site: Site) => JSON.parse((await site.run(["token", "list", "--json"])).stdout);

Deno.test("a token is made, used, listed and revoked", async () => {
  await using site = await makeSite();
  assert.deepEqual(await listed(site), []);
  const scopes = ["--scope", "queue:read", "--scope", "accounts:read"];
  const made = await site.run(["token", "new", "--label", "monitoring", ...scopes, "--expires", "90d"]);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^dkd_[A-Za-z0-9_-]{43}\n$/);
  const [token] = await listed(site);
  assert.equal(made.stderr, `dokodemo: This is the secret of token ${token.id}; it is shown this once\n`);
  assert.deepEqual([token.label, token.scopes, token.lastUsed], ["monitoring", ["accounts:read", "queue:read"], null]);
  assert.equal(Date.parse(token.expires) - Date.parse(token.created), 90 * DAY);

  await using records = open(join(site.dataDir, "records"));
  assert.equal(records.tokens.check(made.stdout.trim(), Date.now())?.id, token.id);
  const { stdout } = await site.run(["token", "list"]);
  assert.match(stdout, /^ID +LABEL +CREATED +EXPIRES +LAST USED +SCOPES\n/);
  assert.match(stdout, new RegExp(`^${token.id} +monitoring +.*Z +accounts:read queue:read$`, "m"));
  assert.ok(!stdout.includes(made.stdout.trim()));

  const revoked = await site.run(["token", "revoke", token.id]);
  assert.deepEqual(revoked, { code: 0, stdout: `${token.id} is revoked\n`, stderr: "" });
  assert.equal(records.tokens.check(made.stdout.trim(), Date.now()), null);
  const again = await site.run(["token", "revoke", token.id]);
  assert.equal(again.code, 65);
  assert.match(again.stderr, /^dokodemo: There is no token /);
  const acts = JSON.parse((await site.run(["audit", "list", "--json"])).stdout);
  assert.deepEqual(acts.map(({ what, target, who, from }: Record<string, string>) => [what, target, who, from]), [
    ["token.revoke", token.id, "command", "local"],
    ["token.new", token.id, "command", "local"],
  ]);
  assert.ok(!JSON.stringify(acts).includes(made.stdout.trim()));
});

Deno.test("how long a token lives", async () => {
  await using site = await makeSite();
  const lives = async (more: readonly string[]) => {
    const made = await site.run(["token", "new", "--label", "x", "--scope", "audit:read", ...more]);
    assert.equal(made.code, 0, made.stderr);
    const [{ created, expires }] = await listed(site);
    return expires === null ? null : (Date.parse(expires) - Date.parse(created)) / DAY;
  };
  assert.equal(await lives([]), 365);
  assert.equal(await lives(["--expires", "never"]), null);
  assert.equal(await lives(["--expires", "730d"]), 730);
  assert.equal(await lives(["--expires", "12h"]), 0.5);
  assert.match((await site.run(["token", "list"])).stdout, /^\S+ +x +\S+ +never +never +audit:read$/m);
});

Deno.test("an expired token is listed as such", async () => {
  await using site = await makeSite();
  await Deno.mkdir(site.dataDir);
  const records = open(join(site.dataDir, "records"));
  records.tokens.add({ label: "old", scopes: ["audit:read"], expires: Date.now() - 1 }, Date.now() - DAY);
  await records[Symbol.asyncDispose]();
  assert.match((await site.run(["token", "list"])).stdout, / +old +\S+ +expired +never +audit:read$/m);
});

Deno.test("wrong arguments are told before anything is made", async () => {
  await using site = await makeSite();
  const label = ["--label", "x"];
  const scope = ["--scope", "audit:read"];
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[...label], /required option '--scope/],
    [[...scope], /required option '--label/],
    [
      [...label, "--scope", "audit:write"],
      /'audit:write' is invalid\. Allowed choices are accounts:read, .*metrics:read/,
    ],
    [["--label", " ", ...scope], /expected 1 to 60 characters/],
    [["--label", "a\nb", ...scope], /expected 1 to 60 characters/],
    [["--label", "x".repeat(61), ...scope], /expected 1 to 60 characters/],
    ...["0d", "10", "1y", "-1d", "", "999999999d"].map((expires) =>
      [[...label, ...scope, "--expires", expires], /expected a duration such as .* or "never"/] as const
    ),
  ];
  for (const [args, stderr] of cases) {
    const ended = await site.run(["token", "new", ...args]);
    assert.equal(ended.code, 64, args.join(" "));
    assert.match(ended.stderr, stderr, args.join(" "));
    assert.equal(ended.stdout, "");
  }
  assert.deepEqual(await listed(site), []);
});

Deno.test("a damaged records file is told, and left as it is", async () => {
  await using site = await makeSite();
  await Deno.mkdir(site.dataDir);
  const file = join(site.dataDir, "records");
  await Deno.writeTextFile(file, "no database");
  const { code, stderr } = await site.run(["token", "list"]);
  assert.equal(code, 65);
  assert.match(stderr, /^dokodemo: Cannot open records .*\/data\/records: /);
  assert.equal(await Deno.readTextFile(file), "no database");
});

Deno.test("the person is named where the environment does", async () => {
  await using site = await makeSite();
  const env = { DOKODEMO_CONFIG: site.config, USER: "shin" };
  await dokodemo(["token", "new", "--label", "x", "--scope", "audit:read"], { env });
  assert.match((await site.run(["audit", "list"])).stdout, /Z +command \(shin\) +local +token\.new /);
});
