import assert from "node:assert/strict";
import type { DeliveryTask } from "../../src/delivery/deliverer.ts";
import type { DeliveryOutcome } from "../../src/spool/spool.ts";
import { envelopeTo, store } from "../spool/fixture.ts";
import { settleWith, type Stage, startStage, TestDeliverer } from "./scheduler_fixture.ts";

const RELAYED: DeliveryOutcome = { kind: "relayed", reply: "250 2.0.0 OK" };
const LOST: DeliveryOutcome = { kind: "deferred", cause: "network", reply: "451 4.4.2 The connection was lost" };
const TIRED: DeliveryOutcome = { kind: "deferred", cause: "refused", reply: "421 4.7.0 Too many connections" };
const GREY: DeliveryOutcome = { kind: "deferred", cause: "refused", reply: "451 4.7.1 Come back in five minutes" };

/** A stage whose smarthost takes up to six conversations and waits with each mail for the test. */
async function startGated(): Promise<
  { readonly stage: Stage; readonly smarthost: TestDeliverer; readonly waiting: ((outcome: DeliveryOutcome) => void)[] }
> {
  const smarthost = new TestDeliverer("smarthost", 6);
  const waiting: ((outcome: DeliveryOutcome) => void)[] = [];
  smarthost.behave = async (task: DeliveryTask, signal) => {
    const outcome = await new Promise<DeliveryOutcome>((resolve) => waiting.push(resolve));
    await settleWith(outcome)(task, signal);
  };
  const stage = await startStage({ settings: { deliverers: new Map([["smarthost", smarthost]]) } });
  return { stage, smarthost, waiting };
}

/** Waits until so many conversations have a mail; the spool is asked so that time passes. */
async function untilWaiting({ spool }: Stage, waiting: readonly unknown[], count: number): Promise<void> {
  while (waiting.length !== count) await spool.nextDue();
}

Deno.test("a hop gets two conversations at first, one more for each mail that goes through, and no more than its limit", async () => {
  const { stage, smarthost, waiting } = await startGated();
  await using _ = stage;
  for (let mail = 0; mail < 30; mail++) await store(stage.spool, envelopeTo("a@b.example"));
  for (const open of [2, 3, 4, 5, 6, 6]) {
    await untilWaiting(stage, waiting, open);
    assert.equal(smarthost.open_, open);
    waiting.shift()?.(RELAYED);
    await stage.log.until("delivery", stage.log.of("delivery").length + 1);
  }
  smarthost.behave = settleWith(RELAYED);
  for (const release of waiting.splice(0)) release(RELAYED);
  await stage.log.until("mail-done", 30);
  assert.equal(smarthost.mostOpen, 6);
});

for (
  const [what, outcome, left] of [["a lost connection", LOST, 3], ["a 421", TIRED, 3], ["a 4xx", GREY, 6]] as const
) {
  Deno.test(`of six conversations ${what} leaves ${left}`, async () => {
    const { stage, smarthost, waiting } = await startGated();
    await using _ = stage;
    for (let mail = 0; mail < 30; mail++) await store(stage.spool, envelopeTo("a@b.example"));
    const settleNext = async (outcome: DeliveryOutcome) => {
      waiting.shift()?.(outcome);
      await stage.log.until("delivery", stage.log.of("delivery").length + 1);
    };
    for (const open of [2, 3, 4, 5]) {
      await untilWaiting(stage, waiting, open);
      await settleNext(RELAYED);
    }
    await untilWaiting(stage, waiting, 6);
    await settleNext(outcome);
    // Whoever ends a mail beyond what is allowed now ends the conversation with it.
    for (let open = 5; open >= left; open--) {
      await untilWaiting(stage, waiting, open);
      if (open > left) await settleNext(RELAYED);
    }
    await untilWaiting(stage, waiting, left);
    while (smarthost.open_ !== left) await stage.spool.nextDue();
    smarthost.behave = settleWith(RELAYED);
    for (const release of waiting.splice(0)) release(RELAYED);
  });
}
