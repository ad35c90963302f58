import assert from "node:assert/strict";
import { LoginCounts } from "../../src/http/login_counts.ts";
import { openRecords } from "../../src/records/open_records.ts";
import { refusedLogin } from "../lib/login_event.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

async function withRecords(
  work: (records: Extract<ReturnType<typeof openRecords>, { ok: true }>["value"]) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-" });
  try {
    const opened = openRecords(`${folder}/records`, { now: Date.now });
    assert.ok(opened.ok);
    await using records = opened.value;
    await work(records);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("LoginCounts counts by result and reason, in the last hour and day, and reads each record once", () =>
  withRecords(async (records) => {
    let now = Date.UTC(2026, 10, 24, 12, 0, 30);
    let read = 0;
    const counts = new LoginCounts({
      list: (filter, page) => {
        const found = records.authentications.list(filter, page);
        read += found.length;
        return found;
      },
    }, () => now);
    const note = (event: Parameters<typeof refusedLogin>[0], at: number, times: number) => {
      for (let time = 0; time < times; time++) records.authentications.note(refusedLogin(event), at);
    };
    note({ reason: "disabled" }, now - 25 * HOUR_MS, 3);
    note({ reason: "disabled" }, now - 23 * HOUR_MS, 700);
    note({ reason: "unknown-user; `shin` exists in realm x, the client said y" }, now - 10 * MINUTE_MS, 100);
    note({ result: "unavailable", reason: "refused by 192.0.2.1" }, now - MINUTE_MS, 1);
    note({ result: "unavailable", reason: "refused by 192.0.2.2" }, now - MINUTE_MS, 1);
    note({ result: "accepted", reason: "password", account: "shin@baz.co.jp" }, now, 1);
    const hour = [
      { result: "rejected", reason: "unknown-user", count: 100 },
      { result: "unavailable", reason: "", count: 2 },
      { result: "accepted", reason: "password", count: 1 },
    ];
    const summary = await counts.read();
    assert.deepEqual(summary, {
      hour,
      day: [{ result: "rejected", reason: "disabled", count: 700 }, ...hour],
      cut: false,
    });

    read = 0;
    note({ result: "accepted", reason: "password", account: "shin@baz.co.jp" }, now, 2);
    const [first, second] = await Promise.all([counts.read(), counts.read()]);
    assert.deepEqual(first, second);
    assert.equal(first.hour.find(({ result }) => result === "accepted")?.count, 3);
    assert.ok(read <= 500, "one page was enough");

    now += 2 * HOUR_MS;
    const later = await counts.read();
    assert.deepEqual(later.hour, []);
    assert.equal(later.day.find(({ reason }) => reason === "disabled"), undefined);
    assert.equal(later.day.find(({ result }) => result === "accepted")?.count, 3);
  }));

Deno.test("LoginCounts says so where the log is too long to be read to the beginning of the day", async () => {
  const now = Date.UTC(2026, 10, 24, 12);
  const all = 60_000;
  // The newest first, one a second, as the log gives them.
  const list = (_: unknown, { before, count }: { readonly before: number | null; readonly count: number }) =>
    Array.from({ length: count }, (_, at) => (before ?? all + 1) - 1 - at).filter((seq) => seq > 0).map((seq) => ({
      ...refusedLogin(),
      seq,
      at: now - (all - seq) * 1000,
    }));
  const summary = await new LoginCounts({ list }, () => now).read();
  assert.ok(summary.cut);
  assert.deepEqual(summary.day, [{ result: "rejected", reason: "wrong-secret", count: 50_000 }]);
});
