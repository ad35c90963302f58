import { deepEqual, equal, ok } from "node:assert/strict";
import { temporaryFolder } from "../accounts/lib.ts";
import { DAY, HOUR, MINUTE, NOW, open } from "./lib.ts";

const SHIN = {
  account: "shin@baz.co.jp",
  backend: "sasldb",
  version: "v1",
  administrator: false,
  remote: "192.0.2.7",
  userAgent: "Mozilla/5.0",
};

Deno.test("a session is found by its secret with what was told of it", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { session, secret } = records.sessions.add({ ...SHIN, userAgent: `a\nb${"c".repeat(1000)}` }, NOW);
  deepEqual(records.sessions.check(secret, NOW), session);
  equal(session.userAgent, `a?b${"c".repeat(297)}...`);
  deepEqual({ ...session, id: "", userAgent: "" }, { ...SHIN, id: "", userAgent: "", created: NOW, seen: NOW });
  equal(records.sessions.check(secret.replace("dkd_", "dkd-"), NOW), null);
  equal(records.sessions.check(session.id, NOW), null);
});

Deno.test("a session ends 12 hours after it was last seen", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { secret } = records.sessions.add(SHIN, NOW);
  // Not yet a minute: not remembered.
  equal(records.sessions.check(secret, NOW + MINUTE - 1)?.seen, NOW);
  equal(records.sessions.check(secret, NOW + MINUTE)?.seen, NOW + MINUTE);
  ok(records.sessions.check(secret, NOW + MINUTE + 12 * HOUR - 1));
  equal(records.sessions.check(secret, NOW + MINUTE + 24 * HOUR), null);
  deepEqual(records.sessions.of(SHIN.account, NOW + MINUTE + 24 * HOUR), []);
});

Deno.test("a session ends 7 days after it began, however often it is seen", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { secret } = records.sessions.add(SHIN, NOW);
  for (let at = NOW; at < NOW + 7 * DAY; at += 6 * HOUR) ok(records.sessions.check(secret, at), String(at - NOW));
  equal(records.sessions.check(secret, NOW + 7 * DAY), null);
});

Deno.test("sessions of an account end one by one, or all but one", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { sessions } = records;
  const [a, b, c] = [NOW, NOW + 1, NOW + 2].map((at) => sessions.add(SHIN, at));
  const other = sessions.add({ ...SHIN, account: "hana@baz.co.jp" }, NOW);
  ok(a && b && c);
  const ids = () => sessions.of(SHIN.account, NOW + 2).map(({ id }) => id);
  deepEqual(ids(), [c.session.id, b.session.id, a.session.id]);
  sessions.end(b.session.id);
  equal(sessions.check(b.secret, NOW + 2), null);
  sessions.endOthers(SHIN.account, a.session.id);
  deepEqual(ids(), [a.session.id]);
  sessions.endOthers(SHIN.account, null);
  deepEqual(ids(), []);
  ok(sessions.check(other.secret, NOW + 2));
});

Deno.test("a session is that of an administrator after the second factor, until the account is none", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { sessions, administrators } = records;
  administrators.enrol(SHIN.account, NOW);
  const { session, secret } = sessions.add(SHIN, NOW);
  const administers = () => sessions.check(secret, NOW)?.administrator;
  equal(administers(), false);
  sessions.promote(session.id);
  equal(administers(), true);
  administrators.enrol(SHIN.account, NOW);
  equal(administers(), false);
  sessions.promote(session.id);
  administrators.remove(SHIN.account);
  equal(administers(), false);
});

Deno.test("a sweep removes sessions that have ended", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { secret } = records.sessions.add(SHIN, NOW);
  const late = records.sessions.add(SHIN, NOW + HOUR);
  records.sweep(NOW + 12 * HOUR, { authenticationDays: 90 });
  // Asked as of an earlier time: what is left is in the file.
  equal(records.sessions.check(secret, NOW), null);
  ok(records.sessions.check(late.secret, NOW + HOUR));
});
