import assert from "node:assert/strict";
import { CLIENT_ID, CLIENT_SECRET, MAILBOX, type OAuthServer, startOAuthServer } from "../lib/oauth_server.ts";
import { makeSite, personOf, runProgram, type Site, startProgram } from "../lib/program.ts";
import { makeCertificate } from "./certificate.ts";
import { DOVECOT_PROGRAMS, startDovecotAuth } from "./dovecot_oauth.ts";
import { makeFolder, requirePrograms } from "./lib.ts";
import { POSTFIX_PROGRAMS, startPostfix } from "./postfix.ts";
import { swaks, SWAKS_PROGRAMS } from "./swaks.ts";

const USER = "shin@baz.co.jp";
const PASSWORD = "correct horse";
const test = requirePrograms([...POSTFIX_PROGRAMS, ...DOVECOT_PROGRAMS, ...SWAKS_PROGRAMS, "openssl"]);

/** A site whose smarthost takes access tokens. */
async function makeOAuthSite(
  folder: string,
  { port, caFile, server }: { readonly port: number; readonly caFile: string; readonly server: OAuthServer },
): Promise<Site & { readonly refreshTokenFile: string }> {
  const refreshTokenFile = `${folder}/refresh_token`;
  await Deno.writeTextFile(`${folder}/client_secret`, CLIENT_SECRET, { mode: 0o600 });
  await Deno.writeTextFile(refreshTokenFile, server.issueRefreshToken(), { mode: 0o600 });
  const site = await makeSite(folder, {
    people: [personOf(USER, PASSWORD)],
    smarthost: `address = "127.0.0.1:${port}"
ca_file = "${caFile}"
[delivery.smarthost.oauth]
provider = "custom"
user = "${MAILBOX}"
client_id = "${CLIENT_ID}"
client_secret_file = "client_secret"
refresh_token_file = "refresh_token"
token_url = "${server.tokenUrl}"`,
  });
  return { ...site, refreshTokenFile };
}

async function submit(port: number, subjects: readonly string[]): Promise<void> {
  await Promise.all(subjects.map(async (subject) => {
    const sent = await swaks({
      ...{ port, tls: "starttls", from: USER, to: "friend@example.net" },
      auth: { mechanism: "PLAIN", user: USER, password: PASSWORD },
      message: `From: ${USER}\nSubject: ${subject}\n\nHello\n`,
    });
    assert.equal(sent.code, 0, sent.output);
  }));
}

for (const mechanism of ["XOAUTH2", "OAUTHBEARER"] as const) {
  test(`serve relays through a real Postfix by ${mechanism}: many mails with one refresh, a withdrawn token renewed once, a revoked login mended`, async () => {
    await using folder = await makeFolder({ open: true });
    const certificate = await makeCertificate(folder.path, { names: ["smarthost.example.net"] });
    await using server = await startOAuthServer({ rotates: true });
    await using dovecot = await startDovecotAuth({ mechanism, introspectionUrl: server.introspectionUrl });
    await using postfix = await startPostfix({
      services: [{ name: "oauth", mechanisms: [mechanism], tls: "starttls", dovecot: dovecot.socket }],
      certificate,
    });
    await using ours = await makeFolder();
    const site = await makeOAuthSite(ours.path, { port: postfix.port("oauth"), caFile: certificate.caFile, server });
    await using program = await startProgram(site);
    const relayed = (count: number) =>
      program.events(count, ({ kind, outcome }) => kind === "delivery" && outcome === "relayed");

    await submit(program.port("msa"), ["one", "two", "three", "four", "five"]);
    await relayed(5);
    assert.deepEqual(server.grants, ["refresh_token"]);
    assert.match(
      await postfix.logLine((line) => line.includes("sasl_method=")),
      new RegExp(`sasl_method=${mechanism}, sasl_username=${MAILBOX.replace(".", "\\.")}`),
    );

    server.revokeAccessTokens();
    await submit(program.port("msa"), ["withdrawn"]);
    await relayed(6);
    assert.deepEqual(server.grants, ["refresh_token", "refresh_token"]);
    assert.ok(!program.log.some(({ kind }) => kind === "alarm"));

    server.revokeAccessTokens();
    server.revokeRefreshTokens();
    await submit(program.port("msa"), ["revoked"]);
    await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "deferred");
    await program.events(1, ({ kind, about, text }) => {
      return kind === "alarm" && about === "smarthost-auth" && String(text).includes("dokodemo oauth login");
    });

    await Deno.writeTextFile(site.refreshTokenFile, server.issueRefreshToken());
    const retried = await runProgram(["queue", "retry", "--config", site.config]);
    assert.equal(retried.code, 0, retried.output);
    await relayed(7);
    assert.ok(!program.log.some(({ kind, outcome }) => kind === "notice" || outcome === "failed"));

    const log = program.log.map((event) => JSON.stringify(event)).join("\n");
    for (const secret of ["access-", "refresh-", CLIENT_SECRET]) assert.ok(!log.includes(secret), secret);
    assert.equal((await program.process.stop()).code, 0);
  });
}
