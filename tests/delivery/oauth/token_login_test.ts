import assert from "node:assert/strict";
import type { SmarthostConfig } from "../../../src/config/config.ts";
import { MAILBOX, type OAuthServer, startOAuthServer } from "../../lib/oauth_server.ts";
import { contextOf, type PeerConversation, startPeer } from "../../lib/scripted_peer.ts";
import { makeCertificate } from "../../servers/certificate.ts";
import { deliverAll, recordTask, smarthostAt } from "../lib.ts";
import { loginAt, makeFolder, serveWithTokens } from "./lib.ts";

/** Delivers one mail to a peer; the token server and its files go away afterwards. */
async function deliver(
  script: (peer: PeerConversation, server: OAuthServer) => Promise<void>,
  { prepare, ...config }: Partial<SmarthostConfig> & { readonly prepare?: (server: OAuthServer) => void } = {},
) {
  await using folder = await makeFolder();
  await using server = await startOAuthServer();
  prepare?.(server);
  await using peer = await startPeer((conversation) => script(conversation, server));
  const oauth = await loginAt(server, { folder: folder.path });
  const smarthost = await smarthostAt(peer.port, { oauth, ...config });
  const task = recordTask();
  const problem = await deliverAll(smarthost, [task]);
  const alarms = smarthost.alarms();
  return {
    ...{ outcome: problem ?? task.outcomes.get(1), alarms, requests: server.requests.length },
    ...{ lines: peer.lines, conversations: peer.conversations },
  };
}

for (const mechanism of ["XOAUTH2", "OAUTHBEARER"] as const) {
  Deno.test(`smarthost by ${mechanism}: delivered with a token that the server knows`, async () => {
    const { outcome, lines, alarms } = await deliver((peer, server) =>
      serveWithTokens(peer, server.opens, { mechanism })
    );
    assert.equal(outcome?.kind, "relayed");
    // A token of 1500 characters does not fit into the command line (RFC 4954 section 4).
    assert.equal(lines[1], `AUTH ${mechanism}`);
    assert.match(atob(lines[2] ?? "").replaceAll("\u0001", "^A"), /\^Aauth=Bearer access-[-0-9a-fx]+\^A\^A$/);
    assert.deepEqual(alarms, []);
  });

  Deno.test(`smarthost by ${mechanism}: a token that is refused before its time is renewed once, and the mail goes`, async () => {
    const { outcome, requests, conversations, alarms } = await deliver((peer, server) => {
      if (peer.number === 1) server.revokeAccessTokens();
      return serveWithTokens(peer, server.opens, { mechanism });
    });
    assert.equal(outcome?.kind, "relayed");
    assert.deepEqual([requests, conversations, alarms], [2, 2, []]);
  });

  Deno.test(`smarthost by ${mechanism}: a server that refuses every token is one alarm and no bounce`, async () => {
    const { outcome, requests, conversations, alarms } = await deliver((peer) =>
      serveWithTokens(peer, () => false, { mechanism })
    );
    assert.deepEqual(outcome, { kind: "deferred", cause: "auth", reply: "535 5.7.8 Not accepted" });
    assert.deepEqual([requests, conversations], [2, 2]);
    const status = mechanism === "XOAUTH2" ? "400" : "invalid_token";
    assert.deepEqual(alarms, [
      `smarthost-auth: 127.0.0.1: refused AUTH (status ${status}): 535 5.7.8 Not accepted`,
    ]);
  });
}

Deno.test("smarthost: OAUTHBEARER is taken where both are offered, and a password is not asked for", async () => {
  const { lines } = await deliver((peer, server) =>
    serveWithTokens(peer, server.opens, { mechanism: "OAUTHBEARER", offers: ["AUTH XOAUTH2 PLAIN OAUTHBEARER"] })
  );
  assert.equal(lines[1], "AUTH OAUTHBEARER");
  const { outcome, lines: none, alarms } = await deliver((peer, server) =>
    serveWithTokens(peer, server.opens, { mechanism: "XOAUTH2", offers: ["AUTH PLAIN LOGIN"] })
  );
  assert.ok(outcome?.kind === "deferred" && outcome.cause === "auth");
  assert.deepEqual(none, ["EHLO mail.foobar.co.jp"]);
  assert.match(alarms.join(), /offers no mechanism that may be used here \(it offers: PLAIN LOGIN\)/);
});

Deno.test("smarthost: a token is shown only to a server whose certificate is good, whatever else is allowed", async () => {
  await using folder = await makeFolder();
  const certificate = await makeCertificate(folder.path);
  const service = { mechanism: "XOAUTH2", offers: ["STARTTLS"], secureOffers: ["AUTH XOAUTH2"] } as const;
  const serve = (peer: PeerConversation, server: OAuthServer) =>
    serveWithTokens(peer, server.opens, { ...service, secureContext: contextOf(certificate) });
  const good = await deliver(serve, { tls: "required", host: "localhost", caFile: certificate.caFile });
  assert.equal(good.outcome?.kind, "relayed");
  const unknown = await deliver(serve, { tls: "opportunistic", host: "localhost", allowClearTextPassword: true });
  assert.ok(unknown.outcome?.kind === "deferred" && unknown.outcome.cause === "auth");
  assert.ok(!unknown.lines.some((line) => line.startsWith("AUTH")));
});

Deno.test("smarthost: a 4xx to AUTH leaves the token as it is", async () => {
  const { outcome, requests, alarms } = await deliver((peer, server) =>
    serveWithTokens(peer, server.opens, {
      mechanism: "XOAUTH2",
      reply: (line) => line.startsWith("AUTH") ? "454 4.7.0 Not now\r\n" : null,
    })
  );
  assert.ok(outcome?.kind === "deferred");
  assert.deepEqual([requests, alarms], [1, []]);
});

Deno.test("smarthost: without a token nothing is connected; a refused grant and a dead token server are told apart", async () => {
  const unused = () => Promise.reject(new Error("connected"));
  const refused = await deliver(unused, { prepare: (server) => void (server.behaviour.refuses = "invalid_grant") });
  assert.equal(refused.conversations, 0);
  assert.deepEqual(refused.outcome, {
    ...{ kind: "deferred", cause: "auth", reply: "454 4.7.0 No access token for 127.0.0.1" },
  });
  assert.match(refused.alarms.join(), /^smarthost-auth: 127\.0\.0\.1: .*invalid_grant.*dokodemo oauth login/);
  const dead = await deliver(unused, { prepare: (server) => void (server.behaviour.failure = 503) });
  assert.deepEqual(dead.outcome, {
    ...{ kind: "deferred", cause: "network", reply: "451 4.4.1 No access token for 127.0.0.1 now" },
  });
  assert.match(dead.alarms.join(), /^smarthost-network: 127\.0\.0\.1: .*HTTP 503/);
});

Deno.test("smarthost: many conversations at once share one token", async () => {
  await using folder = await makeFolder();
  await using server = await startOAuthServer();
  await using peer = await startPeer((conversation) =>
    serveWithTokens(conversation, server.opens, { mechanism: "XOAUTH2" })
  );
  const smarthost = await smarthostAt(peer.port, { oauth: await loginAt(server, { folder: folder.path }) });
  const tasks = Array.from({ length: 20 }, () => recordTask());
  await Promise.all(tasks.map((task) => deliverAll(smarthost, [task])));
  assert.ok(tasks.every(({ outcomes }) => outcomes.get(1)?.kind === "relayed"));
  assert.equal(peer.conversations, 20);
  assert.deepEqual(server.grants, ["refresh_token"]);
  assert.ok(
    peer.lines.filter((line) => atob(/^[A-Za-z0-9+/=]{40,}$/.test(line) ? line : "").startsWith(`user=${MAILBOX}`))
      .length === 20,
  );
});
