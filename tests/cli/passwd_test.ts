import assert from "node:assert/strict";
import { join } from "node:path";
import { BACKENDS } from "../../backends/registry.ts";
import { openStore } from "../../src/cli/accounts.ts";
import { openChain } from "../../src/cli/open_chain.ts";
import { loadConfig } from "../../src/config/load.ts";
import { publicApp } from "../../src/http/app.ts";
import { healthReport } from "../../src/http/health.ts";
import { changePassword, type PasswordParts } from "../../src/http/password.ts";
import { signIn } from "../../src/http/sign_in.ts";
import { PUBLIC_LIMITS, serveUnix } from "../../src/http/sockets.ts";
import { makeSite, type Site } from "./lib.ts";
import { onTerminal } from "./pty.ts";

/** The server's public socket over the real chain and store of a site. */
async function servePublic(site: Site): Promise<AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const loaded = await loadConfig(site.config, BACKENDS);
  assert.ok(loaded.ok);
  const [backend] = loaded.config.backends;
  assert.ok(backend !== undefined);
  const store = openStore(loaded.config, backend);
  assert.ok(store.ok);
  const accounts = opened.use(store.value);
  const chain = await openChain(loaded.config, () => {});
  assert.ok(chain.ok);
  const { authenticator } = opened.use(chain.value);
  const { defaultRealm } = loaded.config;
  const signInParts = { authenticator, isMain: () => Promise.resolve(true), defaultRealm };
  const parts: PasswordParts = {
    signIn: (request, options) => signIn(signInParts, { ...request, session: "s1" }, options),
    accountsOf: () => accounts,
    onChanged: () => {},
    log: () => {},
  };
  const app = publicApp({
    health: () => Promise.resolve(healthReport([])),
    changePassword: (request, options) => changePassword(parts, request, options),
    log: () => {},
  });
  const server = await serveUnix(join(site.dataDir, "public.sock"), {
    mode: 0o666,
    handler: (request) => app.fetch(request),
    limits: PUBLIC_LIMITS,
  });
  assert.ok(server.ok, server.ok ? "" : server.problem);
  opened.use(server.value);
  const owned = opened.move();
  return { [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const typing = (old: string, fresh: string) => [
  { wait: "Old password: ", type: `${old}\r` },
  { wait: "New password: ", type: `${fresh}\r` },
  { wait: "verification): ", type: `${fresh}\r` },
];

Deno.test("a person changes the own password with the old one", async () => {
  await using site = await makeSite();
  await site.run(["user", "add", "shin", "--password-stdin"], "old-secret");
  await using _server = await servePublic(site);
  // As somebody who may not read the configuration.
  const env = { DOKODEMO_DATA_DIR: site.dataDir, USER: "shin" };

  const wrong = await onTerminal(["passwd"], typing("not-it", "new-secret"), env);
  assert.match(
    wrong.screen,
    /^Changing the password of shin \(the old one is .*\)\r\nOld password: \r\nNew password: \r\nAgain/,
  );
  assert.match(wrong.screen, /dokodemo: Wrong user or password\r\n$/);
  assert.equal(wrong.code, 77);

  const right = await onTerminal(["passwd"], typing("old-secret", "new-secret"), env);
  assert.equal(right.code, 0, right.screen);
  assert.match(right.screen, /The password is changed\r\n$/);
  assert.doesNotMatch(right.screen, /secret/);
  assert.equal((await site.run(["auth", "test", "shin", "--password-stdin"], "new-secret")).code, 0);

  const refused = await onTerminal(["passwd", "shin@baz.co.jp"], typing("new-secret", "a\u00adb\u0007c"), {
    DOKODEMO_CONFIG: site.config,
  });
  assert.match(refused.screen, /The new password cannot be used/);
  assert.equal(refused.code, 65);
});

Deno.test("without a server passwd says so", async () => {
  await using site = await makeSite();
  const { code, screen } = await onTerminal(["passwd", "shin"], typing("a", "b"), { DOKODEMO_DATA_DIR: site.dataDir });
  assert.match(screen, /dokodemo: The server does not run: Cannot connect to .*public\.sock/);
  assert.equal(code, 69);
});

Deno.test("without a name passwd asks for one", async () => {
  await using site = await makeSite();
  const { code, stderr } = await site.run(["passwd"]);
  assert.deepEqual([code, stderr], [64, "dokodemo: Cannot tell who you are: give USER@REALM\n"]);
});
