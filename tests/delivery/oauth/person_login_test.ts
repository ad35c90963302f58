import assert from "node:assert/strict";
import { loginByBrowser, loginByDevice, refreshTokenOf } from "../../../src/delivery/oauth/person_login.ts";
import { CLIENT_SECRET, startOAuthServer } from "../../lib/oauth_server.ts";
import { loginAt, makeFolder } from "./lib.ts";

const COMMON = { clientSecret: CLIENT_SECRET, signal: new AbortController().signal };

async function finalAddress(url: string): Promise<string> {
  const response = await fetch(url, { redirect: "manual" });
  await response.body?.cancel();
  return response.headers.get("location") ?? "";
}

Deno.test("loginByDevice shows a code and ends with a refresh token once the person agrees", async () => {
  await using server = await startOAuthServer();
  await using folder = await makeFolder();
  const config = await loginAt(server, { folder: folder.path, deviceUrl: server.deviceUrl });
  let shown = "";
  const grant = await loginByDevice(config, {
    ...COMMON,
    show: ({ url, code, lifeMs }) => {
      shown = url;
      assert.equal(lifeMs, 600_000);
      server.answerDevice(code, true);
    },
  });
  assert.ok(grant.ok);
  assert.equal(shown, server.deviceUrl);
  assert.match(grant.value.refreshToken ?? "", /^refresh-/);
});

Deno.test("loginByDevice: a person who says no, a code that nobody enters, and a stop", async () => {
  await using server = await startOAuthServer();
  await using folder = await makeFolder();
  const config = await loginAt(server, { folder: folder.path, deviceUrl: server.deviceUrl });
  const no = await loginByDevice(config, { ...COMMON, show: ({ code }) => server.answerDevice(code, false) });
  assert.ok(!no.ok && no.problem.kind === "refused" && no.problem.error === "access_denied");
  server.behaviour.deviceSeconds = 1;
  const late = await loginByDevice(config, { ...COMMON, show: () => {} });
  assert.ok(!late.ok && late.problem.kind === "refused" && late.problem.error === "expired_token");
  const stop = new AbortController();
  const stopped = await loginByDevice(config, { ...COMMON, signal: stop.signal, show: () => stop.abort() });
  assert.ok(!stopped.ok && stopped.problem.kind === "aborted");
});

Deno.test("loginByBrowser takes the address at which the browser has ended", async () => {
  await using server = await startOAuthServer();
  await using folder = await makeFolder();
  const config = await loginAt(server, { folder: folder.path, consentUrl: server.consentUrl, loginScope: "mail" });
  const grant = await loginByBrowser(config, {
    ...COMMON,
    readAddress: async (url) => {
      const { searchParams } = new URL(url);
      assert.deepEqual([searchParams.get("scope"), searchParams.get("login_hint")], ["mail", config.user]);
      return ` ${await finalAddress(url)}\n`;
    },
  });
  assert.ok(grant.ok && grant.value.refreshToken !== null);
  assert.deepEqual(server.grants, ["authorization_code"]);
});

Deno.test("loginByBrowser: a no, an address of another login, and one that is none give no token", async () => {
  await using server = await startOAuthServer();
  await using folder = await makeFolder();
  const config = await loginAt(server, { folder: folder.path, consentUrl: server.consentUrl });
  const no = await loginByBrowser(config, { ...COMMON, readAddress: (url) => finalAddress(`${url}&deny=1`) });
  assert.ok(!no.ok && no.problem.kind === "refused" && no.problem.error === "access_denied");
  const strange = await loginByBrowser(config, {
    ...COMMON,
    readAddress: async (url) => (await finalAddress(url)).replace(/state=[^&]+/, "state=another"),
  });
  assert.ok(!strange.ok);
  const none = await loginByBrowser(config, { ...COMMON, readAddress: () => "yes" });
  assert.ok(!none.ok && none.problem.kind === "no-grant");
  assert.deepEqual(server.grants, []);
});

Deno.test("refreshTokenOf: a grant without one is told", async () => {
  await using folder = await makeFolder();
  await using server = await startOAuthServer();
  const config = await loginAt(server, { folder: folder.path });
  const without = refreshTokenOf({ accessToken: "a", lifeMs: null, refreshToken: null }, config);
  assert.ok(!without.ok && without.problem.kind === "no-grant");
});
