import assert from "node:assert/strict";
import { join } from "node:path";
import { failure, login, NOW, open } from "../records/lib.ts";
import { makeSite } from "./lib.ts";

Deno.test("logins are listed with why they failed", async () => {
  await using site = await makeSite();
  assert.equal((await site.run(["logins", "list", "--json"])).stdout, "[]\n");
  const records = open(join(site.dataDir, "records"));
  const chain = [{ backend: "sasldb", answer: "rejected:wrong-secret", ms: 70 }];
  records.authentications.note(login(), NOW);
  records.authentications.note(
    failure({ authcid: "Shin@baz.co.jp", mechanism: "PLAIN", tls: null, chain }),
    NOW + 1000,
  );
  records.authentications.note(
    failure({ authcid: "hana@baz.co.jp", remote: "2001:db8::1", reason: "unknown-user" }),
    NOW + 2000,
  );
  records.authentications.note(failure({ authcid: null, reason: "no base64", result: "malformed" }), NOW + 3000);
  await records[Symbol.asyncDispose]();

  const { stdout } = await site.run(["logins", "list"]);
  assert.equal(
    stdout,
    `TIME                  NAME            RESULT     MECHANISM      TLS      FROM         REASON
2026-11-24T03:04:08Z  -               malformed  SCRAM-SHA-256  TLSv1.3  192.0.2.7    no base64
2026-11-24T03:04:07Z  hana@baz.co.jp  rejected   SCRAM-SHA-256  TLSv1.3  2001:db8::1  unknown-user
2026-11-24T03:04:06Z  Shin@baz.co.jp  rejected   PLAIN          none     192.0.2.7    wrong-secret
2026-11-24T03:04:05Z  shin@baz.co.jp  accepted   SCRAM-SHA-256  TLSv1.3  192.0.2.7    SCRAM-SHA-256
`,
  );
  const seqs = async (...args: string[]) => {
    const ended = await site.run(["logins", "list", "--json", ...args]);
    assert.equal(ended.code, 0, ended.stderr);
    return JSON.parse(ended.stdout).map(({ seq }: { seq: number }) => seq);
  };
  assert.deepEqual(await seqs("--account", "shin"), [2, 1]);
  assert.deepEqual(await seqs("--account", "shin@BAZ.co.jp", "--result", "accepted"), [1]);
  assert.deepEqual(await seqs("--remote", "2001:db8::1"), [3]);
  assert.deepEqual(await seqs("--result", "rejected", "--count", "1"), [3]);
  assert.deepEqual(await seqs("--mechanism", "plain"), [2]);
  assert.deepEqual(await seqs("--since", "2026-11-24T03:04:06Z", "--result", "rejected"), [3, 2]);
  assert.deepEqual(await seqs("--since", "2026-11-24T12:04:07+09:00"), [4, 3]);
  assert.deepEqual(await seqs("--since", "9999d"), [4, 3, 2, 1]);
  const [second] = JSON.parse((await site.run(["logins", "list", "--json", "--account", "Shin"])).stdout);
  assert.deepEqual([second.at, second.chain, second.tls], ["2026-11-24T03:04:06.000Z", chain, null]);
});

Deno.test("stale passwords are listed by client, and --forget-old remembers none", async () => {
  await using site = await makeSite();
  const passwd = async (verb: string, password: string, ...more: readonly string[]) => {
    const ended = await site.run(["user", verb, "shin", "--password-stdin", ...more], `${password}\n`);
    assert.equal(ended.code, 0, ended.stderr);
  };
  const tested = async (password: string) => {
    return (await site.run(["auth", "test", "shin", "--password-stdin"], `${password}\n`)).stdout;
  };
  await passwd("add", "first-password");
  await passwd("passwd", "second-password");
  assert.match(await tested("first-password"), /the one before/);
  await passwd("passwd", "third-password", "--forget-old");
  for (const old of ["first-password", "second-password"]) assert.doesNotMatch(await tested(old), /the one before/);

  const stale = { authcid: "shin@baz.co.jp", account: "shin@baz.co.jp", reason: "stale password" };
  const records = open(join(site.dataDir, "records"));
  records.authentications.note(failure({ ...stale, mechanism: "PLAIN" }), NOW);
  records.authentications.note(failure({ ...stale, mechanism: "PLAIN" }), NOW + 60_000);
  records.authentications.note(failure({ ...stale, remote: "2001:db8::1", mechanism: "CRAM-MD5" }), NOW + 1000);
  records.authentications.note(failure({ authcid: "shin@baz.co.jp" }), NOW + 2000);
  await records[Symbol.asyncDispose]();
  const listed: Record<string, unknown>[] = JSON.parse((await site.run(["logins", "stale", "shin", "--json"])).stdout);
  assert.deepEqual(
    listed.map(({ remote, mechanism, times }) => [remote, mechanism, times]),
    [["192.0.2.7", "PLAIN", 2], ["2001:db8::1", "CRAM-MD5", 1]],
  );
  const told = (await site.run(["user", "show", "shin"])).stdout;
  assert.match(told, /^old password: +still at 192\.0\.2\.7 \(PLAIN\), 2 logins, last 2026-/m);
  const [shown] = JSON.parse((await site.run(["user", "show", "shin", "--json"])).stdout);
  assert.deepEqual(shown.staleClients, listed);
  assert.equal((await site.run(["logins", "stale"])).code, 64);
});

Deno.test("a wrong filter is a usage error", async () => {
  await using site = await makeSite();
  const result = await site.run(["logins", "list", "--result", "wrong"]);
  assert.equal(result.code, 64);
  assert.match(result.stderr, /Allowed choices are accepted, rejected, too-weak, delayed, unavailable, malformed, can/);
  assert.equal((await site.run(["logins", "list", "--account", "@"])).code, 64);
  const since = await site.run(["logins", "list", "--since", "yesterday"]);
  assert.equal(since.code, 64);
  assert.match(since.stderr, /expected how long ago/);
});

Deno.test("with --json all pages are shown, and with --count as many", async () => {
  await using site = await makeSite();
  await site.run(["logins", "list"]);
  {
    await using records = open(join(site.dataDir, "records"));
    for (let at = 0; at < 2500; at++) records.authentications.note(login(), NOW + at);
    records.audit.addAll(
      Array.from({ length: 1001 }, (_, at) => ({ who: "x", from: "local", what: "test", target: String(at) })),
      NOW,
    );
  }
  const shown = async (...args: string[]) => JSON.parse((await site.run([...args, "--json"])).stdout);
  const logins = await shown("logins", "list");
  assert.deepEqual(logins.map(({ seq }: { seq: number }) => seq), Array.from({ length: 2500 }, (_, at) => 2500 - at));
  assert.equal((await shown("logins", "list", "--count", "1200")).length, 1200);
  assert.equal((await shown("audit", "list")).length, 1001);
  assert.equal((await site.run(["audit", "list"])).stdout.trimEnd().split("\n").length, 101);
});
