/**
 * `/metrics` of the whole program: what Prometheus makes of it, and who may see it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { HTTP_SECTION, makeTraffic, sampleOf, scrape } from "../lib/metrics_scrape.ts";
import { makeSite, runProgram, startProgram } from "../lib/program.ts";
import { converse, SHIN } from "../lib/submission.ts";
import { makeFolder, requirePrograms, run } from "../servers/lib.ts";

const PEOPLE = [{ local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false }];

requirePrograms(["promtool", "curl"])(
  "promtool finds nothing to complain about, at [http] and on the socket",
  async () => {
    await using folder = await makeFolder();
    const site = await makeSite(folder.path, { people: PEOPLE, more: HTTP_SECTION });
    await using program = await startProgram(site);
    await makeTraffic(program, site);
    const over = ["-sf", "--unix-socket", `${site.dataDir}/control.sock`, "http://x/metrics"];
    const socket = await run("curl", { args: over });
    assert.equal(socket.code, 0, socket.output);
    for (const text of [await scrape(program), socket.output]) {
      const { code, output } = await run("promtool", { args: ["check", "metrics"], input: text });
      assert.deepEqual([code, output], [0, ""]);
      for (
        const [sample, value] of [
          ['dokodemo_logins_total{mechanism="PLAIN",backend="sasldb",result="accepted"}', 1],
          ['dokodemo_logins_total{mechanism="PLAIN",backend="sasldb",result="rejected"}', 1],
          ['dokodemo_logins_total{mechanism="PLAIN",backend="none",result="rejected"}', 1],
          ['dokodemo_logins_total{mechanism="SCRAM-SHA-256",backend="sasldb",result="accepted"}', 1],
          ["dokodemo_mails_accepted_total", 1],
          ["dokodemo_mails_accepted_recipients_total", 2],
          ['dokodemo_refusals_total{code="535"}', 2],
          ['dokodemo_refusals_total{code="503"}', 1],
          ['dokodemo_tls_handshakes_total{version="TLSv1.3"}', 2],
          ["dokodemo_tls_handshake_failures_total", 1],
          ['dokodemo_deliveries_total{route="maildir",outcome="delivered"}', 1],
          ['dokodemo_deliveries_total{route="smarthost",outcome="deferred"}', 1],
          ['dokodemo_delivery_attempt_duration_seconds_count{route="maildir"}', 1],
          ['dokodemo_queue_recipients{state="waiting",route="smarthost"}', 1],
          ["dokodemo_queue_mails", 1],
          ['dokodemo_alarms_total{about="smarthost-network"}', 1],
          ["dokodemo_spool_commit_mails_sum", 1],
          ['dokodemo_sessions_total{listener="msa"}', 2],
          ['dokodemo_sessions_total{listener="msas"}', 1],
          ["dokodemo_ready", 1],
          ["dokodemo_bugs_total", 0],
        ] as const
      ) assert.equal(sampleOf(text, sample), value, sample);
      for (const secret of [SHIN.password, "shin@", "nobody@", "taro@", "127.0.0.1"]) {
        assert.ok(
          !text.includes(secret),
          secret,
        );
      }
    }
  },
);

Deno.test("an open session is counted at its listener until it ends", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: PEOPLE, more: HTTP_SECTION });
  await using program = await startProgram(site);
  const open = async () => sampleOf(await scrape(program), 'dokodemo_sessions_open{listener="mta"}');
  const client = await converse(program, site, { listener: "mta" });
  assert.equal(await open(), 1);
  client[Symbol.dispose]();
  await program.events(1, ({ kind }) => kind === "disconnected");
  assert.equal(await open(), 0);
});

Deno.test("from outside it takes a token with the scope metrics:read, and so do the reasons of readiness", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, {
    people: PEOPLE,
    // Whatever comes through a proxy is not of this machine.
    more: `${HTTP_SECTION}trusted_proxies = ["127.0.0.1"]\n`,
  });
  const tokenFor = async (scope: string) => {
    const made = await runProgram(["token", "new", "--label", scope, "--scope", scope, "--config", site.config]);
    assert.equal(made.code, 0, made.output);
    return made.output.split("\n").find((line) => /^\S{20,}$/.test(line)) ?? assert.fail(made.output);
  };
  const [right, other] = [await tokenFor("metrics:read"), await tokenFor("queue:read")];
  await using program = await startProgram(site);
  const ask = async (path: string, token: string | null, scheme = "https") => {
    const headers = {
      "x-forwarded-for": "192.0.2.7",
      "x-forwarded-proto": scheme,
      ...token !== null && { authorization: `Bearer ${token}` },
    };
    const answer = await fetch(`http://127.0.0.1:${program.port("http")}${path}`, { headers });
    return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
  };
  for (const token of [null, other, `${right}x`, "wrong"]) {
    const refused = await ask("/metrics", token);
    assert.deepEqual([refused.status, refused.type], [401, "application/problem+json"]);
    assert.ok(!refused.text.includes("dokodemo_"));
    assert.equal((await ask("/health/ready", token)).text, '{"status":"ok"}');
  }
  // Who sends a token in the clear has given it away.
  assert.equal((await ask("/metrics", right, "http")).status, 401);
  assert.equal((await ask("/health/ready", right, "http")).text, '{"status":"ok"}');
  const shown = await ask("/metrics", right);
  assert.deepEqual([shown.status, shown.type], [200, "text/plain; version=0.0.4; charset=utf-8"]);
  assert.equal(sampleOf(shown.text, "dokodemo_ready"), 1);
  assert.match((await ask("/health/ready", right)).text, /"name":"backend sasldb"/);
});
