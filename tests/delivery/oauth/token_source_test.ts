import assert from "node:assert/strict";
import type { SmarthostOAuth } from "../../../src/config/config.ts";
import type { TokenProblem } from "../../../src/delivery/oauth/problem.ts";
import { TokenSource } from "../../../src/delivery/oauth/token_source.ts";
import type { Result } from "../../../src/lib/result.ts";
import { CLIENT_SECRET, MAILBOX, startOAuthServer } from "../../lib/oauth_server.ts";
import { fill, requireMount, tinyDisk } from "../../lib/tiny_disk.ts";
import { makeCertificate } from "../../servers/certificate.ts";
import { loginAt, makeFolder } from "./lib.ts";

const MINUTE = 60_000;
const never = new AbortController().signal;

function sourceOf(config: SmarthostOAuth, now = () => Date.now()) {
  const reports: string[] = [];
  return { source: new TokenSource({ config, now, report: (text) => void reports.push(text) }), reports };
}

function tokenOf(result: Result<string, TokenProblem>): string {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

function problemOf(result: Result<string, TokenProblem>): { readonly kind: string; readonly text: string } {
  assert.ok(!result.ok);
  return { text: "", ...result.problem };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).toSorted();
}

Deno.test("TokenSource gets a token by each grant, once, and keeps it", async () => {
  await using server = await startOAuthServer();
  for (const grant of ["refresh_token", "client_credentials"] as const) {
    for (const provider of ["custom", "microsoft"] as const) {
      await using folder = await makeFolder();
      await using source = sourceOf(await loginAt(server, { folder: folder.path, grant, provider })).source;
      const before = server.requests.length;
      const [first, second] = await Promise.all([source.get(never), source.get(never)]);
      assert.ok(server.opens(MAILBOX, tokenOf(first)));
      assert.equal(tokenOf(second), tokenOf(first));
      assert.equal(tokenOf(await source.get(never)), tokenOf(first));
      assert.deepEqual(server.requests.slice(before), [grant]);
    }
  }
});

Deno.test("TokenSource speaks HTTPS with a server whose authority ca_file names, and with no other", async () => {
  await using folder = await makeFolder();
  const certificate = await makeCertificate(folder.path);
  await using server = await startOAuthServer({ certificate });
  const config = await loginAt(server, { folder: folder.path, caFile: certificate.caFile });
  await using trusting = sourceOf(config).source;
  tokenOf(await trusting.get(never));
  await using strange = sourceOf({ ...config, caFile: null }).source;
  assert.equal(problemOf(await strange.get(never)).kind, "unreachable");
});

Deno.test("TokenSource renews ahead at 80 % of the life, or five minutes before its end, and hands out the old one meanwhile", async () => {
  await using server = await startOAuthServer();
  await using folder = await makeFolder();
  for (const { life, ahead } of [{ life: 60, ahead: 48 }, { life: 10, ahead: 5 }, { life: 4, ahead: 2 }]) {
    server.behaviour.lifeSeconds = life * 60;
    let now = Date.now();
    const start = now;
    await using source = sourceOf(await loginAt(server, { folder: folder.path }), () => now).source;
    const first = tokenOf(await source.get(never));
    now = start + ahead * MINUTE - 1;
    assert.equal(tokenOf(await source.get(never)), first);
    const before = server.requests.length;
    now = start + ahead * MINUTE;
    const gate = Promise.withResolvers<void>();
    server.behaviour.gate = gate.promise;
    assert.equal(tokenOf(await source.get(never)), first);
    assert.equal(tokenOf(await source.get(never)), first);
    gate.resolve();
    while (tokenOf(await source.get(never)) === first) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(server.requests.length, before + 1, `${life} minutes`);
  }
});

Deno.test("TokenSource: a token past its end, or from before the clock was put back, is not handed out", async () => {
  await using server = await startOAuthServer({ lifeSeconds: null });
  await using folder = await makeFolder();
  let now = Date.now();
  await using source = sourceOf(await loginAt(server, { folder: folder.path }), () => now).source;
  const first = tokenOf(await source.get(never));
  now += 60 * MINUTE;
  const second = tokenOf(await source.get(never));
  assert.notEqual(second, first);
  now -= 24 * 60 * MINUTE;
  assert.notEqual(tokenOf(await source.get(never)), second);
});

Deno.test("TokenSource.renew: many whose token was refused get one new token, asked for once", async () => {
  await using server = await startOAuthServer();
  await using folder = await makeFolder();
  await using source = sourceOf(await loginAt(server, { folder: folder.path })).source;
  const first = tokenOf(await source.get(never));
  server.revokeAccessTokens();
  const renewed = await Promise.all(Array.from({ length: 10 }, () => source.renew(first, never)));
  const [second] = new Set(renewed.map(tokenOf));
  assert.ok(second !== undefined && second !== first && server.opens(MAILBOX, second));
  assert.equal(tokenOf(await source.renew(first, never)), second);
  assert.equal(server.requests.length, 2);
});

Deno.test("TokenSource writes a rotated refresh token into its file: closed to others, whole, and good after a restart", async () => {
  await using server = await startOAuthServer({ rotates: true });
  await using folder = await makeFolder();
  const config = await loginAt(server, { folder: folder.path });
  const file = config.refreshTokenFile!;
  const link = `${folder.path}/link`;
  await Deno.symlink(file, link);
  const seen = new Set([await Deno.readTextFile(file)]);
  for (let round = 0; round < 3; round++) {
    await using source = sourceOf({ ...config, refreshTokenFile: link }).source;
    tokenOf(await source.get(never));
    seen.add(await Deno.readTextFile(file));
    assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
  }
  assert.equal(seen.size, 4);
  assert.ok((await Deno.lstat(link)).isSymlink);
  assert.deepEqual(await namesIn(folder.path), ["client_secret", "link", "refresh_token"]);
});

(await requireMount())(
  "TokenSource: a rotated refresh token for which the disk has no room is told and used all the same, and written later",
  async () => {
    await using server = await startOAuthServer({ rotates: true });
    await using disk = await tinyDisk(1024 * 1024);
    const config = await loginAt(server, { folder: disk.path });
    const file = config.refreshTokenFile!;
    const before = await Deno.readTextFile(file);
    await fill(disk.path, "filler");
    const { source, reports } = sourceOf(config);
    await using _source = source;
    const first = tokenOf(await source.get(never));
    assert.match(reports.join("\n"), /^Cannot write the new refresh token of relay@example\.net to .*: it is lost/);
    const second = tokenOf(await source.renew(first, never));
    assert.equal(await Deno.readTextFile(file), before);
    await Deno.remove(`${disk.path}/filler`);
    const third = tokenOf(await source.renew(second, never));
    assert.ok(server.opens(MAILBOX, third));
    assert.deepEqual(await namesIn(disk.path), [
      "client_secret",
      "refresh_token",
    ]);
    await using next = sourceOf(config).source;
    tokenOf(await next.get(never));
  },
);

Deno.test("TokenSource: a refresh token of no use says what to do; the next attempt takes the one that a person has put there", async () => {
  await using server = await startOAuthServer();
  await using folder = await makeFolder();
  const config = await loginAt(server, { folder: folder.path });
  await using source = sourceOf(config).source;
  server.revokeRefreshTokens();
  const { kind, text } = problemOf(await source.get(never));
  assert.equal(kind, "refused");
  assert.match(text, /gives no access token for relay@example\.net \(invalid_grant: The refresh token is expired/);
  assert.match(text, /run "dokodemo oauth login relay@example\.net"$/);
  await Deno.writeTextFile(config.refreshTokenFile!, server.issueRefreshToken());
  tokenOf(await source.get(never));
});

Deno.test("TokenSource: what another process has put into the file while we asked is tried at once, and never overwritten", async () => {
  await using server = await startOAuthServer({ rotates: true });
  await using folder = await makeFolder();
  const config = await loginAt(server, { folder: folder.path });
  const file = config.refreshTokenFile!;
  await using source = sourceOf(config).source;
  for (const revoked of [true, false]) {
    const gate = Promise.withResolvers<void>();
    server.behaviour.gate = gate.promise;
    const before = server.requests.length;
    const asking = source.renew(await heldBy(source), never);
    while (server.requests.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
    if (revoked) server.revokeRefreshTokens();
    const put = server.issueRefreshToken();
    await Deno.writeTextFile(file, put);
    gate.resolve();
    tokenOf(await asking);
    assert.equal(server.requests.length, before + (revoked ? 2 : 1));
    // Used up by us, or untouched.
    assert.equal(await Deno.readTextFile(file) === put, !revoked);
  }
});

/** What it holds; "" where that is nothing yet, so that the first question is a first one. */
async function heldBy(source: TokenSource): Promise<string> {
  const aborted = await source.get(AbortSignal.abort());
  return aborted.ok ? aborted.value : "";
}

Deno.test("TokenSource: a wrong client secret, a missing file and an open file are no outage", async () => {
  await using server = await startOAuthServer();
  await using folder = await makeFolder();
  const config = await loginAt(server, { folder: folder.path });
  await Deno.writeTextFile(config.clientSecretFile!, "wrong-secret-of-us");
  await using source = sourceOf(config).source;
  const wrong = problemOf(await source.get(never));
  assert.equal(wrong.kind, "refused");
  assert.match(wrong.text, /invalid_client.*check client_id, and whether the secret in .* is expired/);
  assert.ok(!wrong.text.includes("wrong-secret-of-us"));
  await Deno.writeTextFile(config.clientSecretFile!, CLIENT_SECRET);
  await Deno.chmod(config.refreshTokenFile!, 0o644);
  const open = problemOf(await source.get(never));
  assert.equal(open.kind, "no-grant");
  assert.match(open.text, /mode 644 lets others read or write it/);
  await Deno.remove(config.refreshTokenFile!);
  assert.match(problemOf(await source.get(never)).text, /there is no such file; run "dokodemo oauth login/);
});

Deno.test("TokenSource: a server that is away, or answers with nonsense, is asked again; a good token stays in use meanwhile", async () => {
  await using server = await startOAuthServer();
  await using folder = await makeFolder();
  let now = Date.now();
  const { source, reports } = sourceOf(await loginAt(server, { folder: folder.path }), () => now);
  await using _source = source;
  for (const failure of [500, 503, 429, 200, 302]) {
    server.behaviour.failure = failure;
    const { kind, text } = problemOf(await source.get(never));
    assert.equal(kind, "unreachable", String(failure));
    assert.match(text, /^127\.0\.0\.1:\d+ gives no access token for relay@example\.net now \(.+\)$/);
  }
  server.behaviour.failure = null;
  const first = tokenOf(await source.get(never));
  server.behaviour.failure = 503;
  now += 50 * MINUTE;
  assert.equal(tokenOf(await source.get(never)), first);
  while (reports.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(tokenOf(await source.get(never)), first);
  server.behaviour.failure = null;
  now += 2 * MINUTE;
  while (tokenOf(await source.get(never)) === first) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(reports.length, 1);
});

Deno.test("TokenSource: one caller that gives up does not end the request of the others", async () => {
  await using server = await startOAuthServer();
  await using folder = await makeFolder();
  await using source = sourceOf(await loginAt(server, { folder: folder.path })).source;
  const gate = Promise.withResolvers<void>();
  server.behaviour.gate = gate.promise;
  const impatient = new AbortController();
  const given = source.get(impatient.signal);
  const patient = source.get(never);
  impatient.abort();
  assert.equal(problemOf(await given).kind, "aborted");
  gate.resolve();
  tokenOf(await patient);
  assert.equal(server.requests.length, 1);
});

Deno.test("TokenSource: the answer that is under way when the server stops is waited for, for its refresh token's sake", async () => {
  await using server = await startOAuthServer({ rotates: true });
  await using folder = await makeFolder();
  const config = await loginAt(server, { folder: folder.path });
  const gate = Promise.withResolvers<void>();
  server.behaviour.gate = gate.promise;
  const { source } = sourceOf(config);
  const asking = source.get(never);
  while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const closed = source[Symbol.asyncDispose]();
  gate.resolve();
  await closed;
  tokenOf(await asking);
  await using next = sourceOf(config).source;
  tokenOf(await next.get(never));
});
