import assert from "node:assert/strict";
import { CLIENT_ID, CLIENT_SECRET, MAILBOX, type OAuthServer, startOAuthServer } from "../lib/oauth_server.ts";
import { makeSite, runProgram } from "../lib/program.ts";

async function withSite(
  server: OAuthServer,
  use: (site: { readonly config: string; readonly tokenFile: string }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/client_secret`, CLIENT_SECRET, { mode: 0o600 });
    const { config } = await makeSite(folder, {
      people: [],
      smarthost: `address = "127.0.0.1:9"
[delivery.smarthost.oauth]
provider = "custom"
user = "${MAILBOX}"
client_id = "${CLIENT_ID}"
client_secret_file = "client_secret"
refresh_token_file = "data/oauth/relay.token"
token_url = "${server.tokenUrl}"
device_url = "${server.deviceUrl}"`,
    });
    await use({ config, tokenFile: `${folder}/data/oauth/relay.token` });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("oauth login writes the refresh token of whoever entered the code, closed to others", async () => {
  await using server = await startOAuthServer();
  await withSite(server, async ({ config, tokenFile }) => {
    const before = await runProgram(["check", "--config", config]);
    assert.match(
      before.output,
      /delivery\.smarthost\.oauth\.refresh_token_file: there is no .*`dokodemo oauth login` writes it/,
    );
    for (const args of [[], [MAILBOX]]) {
      const running = runProgram(["oauth", "login", ...args, "--config", config]);
      const code = await server.userCode();
      server.answerDevice(code, true);
      const { code: exit, output } = await running;
      assert.equal(exit, 0, output);
      assert.ok(output.includes(`and enter the code ${code} within 10 minutes, as ${MAILBOX}`), output);
      const { mode } = await Deno.stat(tokenFile);
      assert.equal(mode! & 0o777, 0o600);
      assert.match(await Deno.readTextFile(tokenFile), /^refresh-.*\n$/);
      assert.ok(!output.includes("refresh-"));
    }
    const after = await runProgram(["check", "--config", config]);
    assert.ok(!after.output.includes("refresh_token_file"), after.output);
  });
});

Deno.test("oauth login: a no, a user that no smarthost has, and a provider that is away have their exit codes", async () => {
  await using server = await startOAuthServer();
  await withSite(server, async ({ config, tokenFile }) => {
    const running = runProgram(["oauth", "login", "--config", config]);
    server.answerDevice(await server.userCode(), false);
    const no = await running;
    assert.equal(no.code, 1, no.output);
    assert.match(no.output, /access_denied/);
    const nobody = await runProgram(["oauth", "login", "nobody@example.net", "--config", config]);
    assert.equal(nobody.code, 64);
    assert.match(nobody.output, /No oauth is for nobody@example\.net, expected one of: relay@example\.net/);
    server.behaviour.failure = 503;
    assert.equal((await runProgram(["oauth", "login", "--config", config])).code, 69);
    await assert.rejects(Deno.stat(tokenFile), Deno.errors.NotFound);
  });
});
