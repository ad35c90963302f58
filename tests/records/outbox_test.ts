import { deepEqual, equal } from "node:assert/strict";
import { temporaryFolder } from "../accounts/lib.ts";
import { MINUTE, NOW, open } from "./lib.ts";

const item = (id: string) => ({ id, url: "https://hooks.example/x", body: `{"id":"${id}"}` });

Deno.test("a webhook is due at once, with the oldest first, and gone when it is sent", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { outbox } = records;
  equal(outbox.nextDue(), null);
  for (const id of ["b", "a", "c"]) outbox.add(item(id), NOW);
  equal(outbox.nextDue(), NOW);
  deepEqual(outbox.due(NOW - 1, 9), []);
  deepEqual(outbox.due(NOW, 2).map(({ id }) => id), ["b", "a"]);
  deepEqual(outbox.due(NOW, 1), [{ ...item("b"), created: NOW, attempts: 0, due: NOW, lastError: null }]);
  outbox.sent("b");
  outbox.drop("a");
  deepEqual(outbox.due(NOW, 9).map(({ id }) => id), ["c"]);
});

Deno.test("a failed webhook comes again at its time, over a restart", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  const first = open(file);
  first.outbox.add(item("a"), NOW);
  first.outbox.add(item("b"), NOW + 1);
  first.outbox.failed("a", { due: NOW + MINUTE, error: "connection\nrefused" });
  await first[Symbol.asyncDispose]();
  await using records = open(file);
  equal(records.outbox.nextDue(), NOW + 1);
  deepEqual(records.outbox.due(NOW + 1, 9).map(({ id }) => id), ["b"]);
  const [a] = records.outbox.due(NOW + MINUTE, 9);
  deepEqual(a, { ...item("a"), created: NOW, attempts: 1, due: NOW + MINUTE, lastError: "connection?refused" });
});
