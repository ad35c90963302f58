import { deepEqual, equal } from "node:assert/strict";
import { temporaryFolder } from "../accounts/lib.ts";
import { DAY, inOtherProcess, MINUTE, NOW, open } from "./lib.ts";

const KEY = { who: "token monitor", key: "k1" };
const REQUEST = { ...KEY, request: "hash 1" };
const ANSWER = { status: 201, headers: { location: "/api/v1/accounts/x" }, body: '{"a":1}' };

Deno.test("the first request is fresh, others wait for its answer and then get it", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { replays } = records;
  deepEqual(replays.begin(REQUEST, NOW), { kind: "fresh" });
  deepEqual(replays.begin(REQUEST, NOW), { kind: "busy" });
  replays.finish(KEY, ANSWER);
  deepEqual(replays.begin(REQUEST, NOW), { kind: "repeat", answer: ANSWER });
  // Whatever comes later: the answer is the first.
  replays.finish(KEY, { ...ANSWER, status: 500 });
  replays.abandon(KEY);
  deepEqual(replays.begin(REQUEST, NOW), { kind: "repeat", answer: ANSWER });
});

Deno.test("a key is taken for one request of one caller", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { replays } = records;
  replays.begin(REQUEST, NOW);
  equal(replays.begin({ ...REQUEST, request: "hash 2" }, NOW).kind, "other");
  equal(replays.begin({ ...REQUEST, who: "token other" }, NOW).kind, "fresh");
  equal(replays.begin({ ...REQUEST, key: "k2" }, NOW).kind, "fresh");
  replays.finish(KEY, ANSWER);
  equal(replays.begin({ ...REQUEST, request: "hash 2" }, NOW).kind, "other");
});

Deno.test("an abandoned request may come again", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  records.replays.begin(REQUEST, NOW);
  records.replays.abandon(KEY);
  equal(records.replays.begin(REQUEST, NOW).kind, "fresh");
});

Deno.test("a request whose process ended may come again after five minutes", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  records.replays.begin(REQUEST, NOW);
  equal(records.replays.begin(REQUEST, NOW + 5 * MINUTE - 1).kind, "busy");
  equal(records.replays.begin(REQUEST, NOW + 5 * MINUTE).kind, "fresh");
});

Deno.test("an answer is kept for a day", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`, { now: () => NOW + MINUTE });
  records.replays.begin(REQUEST, NOW);
  records.replays.finish(KEY, ANSWER);
  equal(records.replays.begin(REQUEST, NOW + MINUTE + DAY - 1).kind, "repeat");
  records.sweep(NOW + MINUTE + DAY - 1, { authenticationDays: 90 });
  equal(records.replays.begin(REQUEST, NOW + MINUTE + DAY - 1).kind, "repeat");
  equal(records.replays.begin(REQUEST, NOW + MINUTE + DAY).kind, "fresh");
});

Deno.test("one of several processes gets the key", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  await using records = open(file);
  const script = `console.log(records.replays.begin(${JSON.stringify(REQUEST)}, ${NOW}).kind);`;
  const said = await Promise.all([1, 2, 3].map(() => inOtherProcess(file, script)));
  deepEqual(said.toSorted(), ["busy\n", "busy\n", "fresh\n"]);
  equal(records.replays.begin(REQUEST, NOW).kind, "busy");
});
