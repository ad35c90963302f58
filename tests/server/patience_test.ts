import assert from "node:assert/strict";
import type { LimitsConfig } from "../../src/config/config.ts";
import { Patience } from "../../src/server/patience.ts";

const MIB = 1024 * 1024;
const LIMITS: LimitsConfig = {
  connections: 1,
  connectionsPerAddress: 1,
  recipients: 1,
  messageSize: 10 * MIB,
  authFailures: 1,
  protocolErrors: 1,
  refusedRecipients: 1,
  sessionBeforeAuthMs: 120_000,
  commandMs: 300_000,
  drainMs: 1,
};

Deno.test("Patience: a command, a stranger's whole session, and our own time", () => {
  const patience = new Patience(LIMITS, 1000);
  assert.ok(!patience.isOver(300_999, 0) && patience.isOver(301_000, 0));
  patience.awaitCommand(2000, false);
  assert.ok(!patience.isOver(301_999, 0) && patience.isOver(302_000, 0));
  patience.awaitCommand(100_000, true);
  assert.ok(!patience.isOver(120_999, 0) && patience.isOver(121_000, 0));
  patience.suspend();
  assert.ok(!patience.isOver(1e15, 0));
  patience.endWithin(500, 0);
  assert.ok(patience.isOver(500, 0));
});

Deno.test("Patience: content has to keep above 1 KiB in a minute and must not pause", () => {
  const patience = new Patience(LIMITS, 0);
  patience.awaitContent(0, 100);
  // One octet every minute: five minutes at first, and nothing is earned.
  for (let minute = 1; minute < 5; minute++) assert.ok(!patience.isOver(minute * 60_000, 100 + minute), `${minute}`);
  assert.ok(patience.isOver(301_000, 106));

  patience.awaitContent(0, 0);
  // Two KiB a minute go on for an hour; then nothing comes any more.
  for (let minute = 1; minute <= 60; minute++) assert.ok(!patience.isOver(minute * 60_000, minute * 2048), `${minute}`);
  assert.ok(!patience.isOver(3_899_999, 60 * 2048) && patience.isOver(3_900_000, 60 * 2048));
});

Deno.test("Patience: content without end", () => {
  const patience = new Patience(LIMITS, 0);
  assert.ok(!patience.isFlooded(1e12));
  patience.awaitContent(0, 5);
  assert.ok(!patience.isFlooded(5 + 21 * MIB) && patience.isFlooded(6 + 21 * MIB));
});
