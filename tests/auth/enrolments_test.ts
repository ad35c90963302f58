import assert from "node:assert/strict";
import { type Binding, ENROLMENT_MS, Enrolments } from "../../src/auth/enrolments.ts";
import type { Account, Origin } from "../../src/backend.ts";
import type { LogEvent } from "../../src/log/event.ts";

type Authentication = Extract<LogEvent, { readonly kind: "authentication" }>;

const PANEL = "panel@baz.co.jp";
const THERE = "192.0.2.44";
const ELSEWHERE = "198.51.100.1";
const OF_PANEL: Account = { name: PANEL, backend: "sasldb", addresses: [], groups: [], attributes: { kind: "device" } };

function origin(mechanism: string, { remote = THERE, tls = false } = {}): Origin {
  return { remote, listener: "msa", tls: tls ? { version: "TLSv1.3", cipher: "x" } : null, mechanism };
}

function ended(given: Partial<Authentication>): Authentication {
  return {
    ...{ kind: "authentication", id: "s1.1", remote: THERE, listener: "msa", mechanism: "LOGIN", tls: null },
    ...{ authcid: PANEL, authzid: null, account: null, credential: null, result: "rejected", reason: "wrong-secret" },
    ...{ chain: [], ms: 1 },
    ...given,
  };
}

function make({ binds = true, confirm = false, network = "192.0.2.0/24" as string | null } = {}) {
  const clock = { now: 1000 };
  const bound: Binding[] = [];
  const enrolments = new Enrolments(() => clock.now);
  const bind = (binding: Binding): boolean => {
    if (binds) bound.push(binding);
    return binds;
  };
  const opened = enrolments.open({ device: PANEL, network, confirm, bind });
  return { clock, bound, enrolments, opened, bind };
}

Deno.test("a window binds its device once, to the address and the channel of the first right password", () => {
  const { enrolments, bound } = make();
  enrolments.proved(OF_PANEL, origin("LOGIN", { remote: ELSEWHERE }));
  enrolments.proved({ ...OF_PANEL, name: "other@baz.co.jp" }, origin("LOGIN"));
  enrolments.proved(OF_PANEL, origin("SCRAM-SHA-256"));
  assert.deepEqual([bound, enrolments.show(PANEL)?.bound], [[], null]);
  assert.deepEqual([...enrolments.openFor(THERE)], [PANEL]);
  assert.deepEqual([...enrolments.openFor(ELSEWHERE)], []);

  enrolments.proved(OF_PANEL, origin("CRAM-MD5"));
  enrolments.proved(OF_PANEL, origin("PLAIN", { remote: "192.0.2.45" }));
  assert.deepEqual(bound, [{ address: THERE, channel: "cram-md5" }]);
  assert.deepEqual(enrolments.show(PANEL)?.bound, { address: THERE, channel: "cram-md5" });
  assert.deepEqual([...enrolments.openFor(THERE)], []);
});

Deno.test("with TLS the channel is tls, whatever the mechanism", () => {
  const { enrolments, bound } = make({ network: null });
  enrolments.proved(OF_PANEL, origin("PLAIN", { remote: ELSEWHERE, tls: true }));
  assert.deepEqual(bound, [{ address: ELSEWHERE, channel: "tls" }]);
});

Deno.test("a window that asks changes nothing before it is confirmed", () => {
  const { enrolments, bound } = make({ confirm: true });
  assert.equal(enrolments.confirm(PANEL), false);
  enrolments.proved(OF_PANEL, origin("LOGIN"));
  assert.deepEqual([bound, enrolments.show(PANEL)?.found], [[], { address: THERE, channel: "login" }]);
  assert.equal(enrolments.confirm(PANEL), true);
  assert.deepEqual(bound, [{ address: THERE, channel: "login" }]);
  assert.equal(enrolments.confirm(PANEL), false);
  assert.equal(bound.length, 1);
});

Deno.test("what cannot be written is not bound", () => {
  const { enrolments } = make({ binds: false });
  enrolments.proved(OF_PANEL, origin("LOGIN"));
  assert.equal(enrolments.show(PANEL)?.bound, null);
  assert.deepEqual([...enrolments.openFor(THERE)], [PANEL]);
});

Deno.test("a window ends with its time, or when it is closed, and is seen and binds no more", () => {
  const { enrolments, clock, bound, bind } = make();
  clock.now += ENROLMENT_MS;
  enrolments.proved(OF_PANEL, origin("LOGIN"));
  assert.deepEqual([enrolments.show(PANEL), [...enrolments.openFor(THERE)], bound], [null, [], []]);
  enrolments.open({ device: PANEL, network: null, confirm: false, bind });
  assert.deepEqual([enrolments.close(PANEL), enrolments.close(PANEL), enrolments.show(PANEL)], [true, false, null]);
});

Deno.test("a network that is none, and the fifty-first window, are refused", () => {
  const { enrolments, bind } = make();
  const open = (device: string, network: string | null) =>
    enrolments.open({ device, network, confirm: false, bind }) !== null;
  assert.deepEqual(["192.0.2.0/99", "lan", "fe80::1%eth0"].map((network) => open("x@baz.co.jp", network)), [
    ...[false, false, false],
  ]);
  const opened = Array.from({ length: 60 }, (_, at) => open(`d${at}@baz.co.jp`, null));
  assert.equal(opened.filter((is) => is).length, 49);
  assert.equal(open(PANEL, null), true, "a window in the place of its own older one");
});

Deno.test("each login from there is shown with what has to be put right", () => {
  const { enrolments } = make();
  enrolments.hello("s1", THERE, "panel");
  enrolments.hello("s2", ELSEWHERE, "stranger");
  const told: readonly Partial<Authentication>[] = [
    { authcid: "admin@baz.co.jp", reason: "unknown-user" },
    {},
    { account: PANEL, result: "too-weak" },
    { account: "shin@baz.co.jp", result: "accepted" },
    { result: "malformed", authcid: null },
    { result: "delayed" },
    { account: PANEL, result: "accepted", id: "s2.1" },
    { remote: ELSEWHERE },
  ];
  for (const each of told) enrolments.note(ended(each));
  const seen = enrolments.show(PANEL)?.seen ?? [];
  assert.deepEqual(
    seen.map(({ correction }) => correction),
    ["user-name", "password", "channel", "user-name", "protocol", "try-again", "none"],
  );
  assert.deepEqual(seen.map(({ helo }) => helo), [...Array.from({ length: 6 }, () => "panel"), null]);
  for (let more = 0; more < 30; more++) enrolments.note(ended({ reason: `${more}` }));
  const last = enrolments.show(PANEL)?.seen ?? [];
  assert.deepEqual([last.length, last.at(0)?.reason, last.at(-1)?.reason], [20, "10", "29"]);
});
