import assert from "node:assert/strict";
import { envelopeTo, store } from "../spool/fixture.ts";
import { settleWith, startStage, TestDeliverer } from "./scheduler_fixture.ts";

Deno.test("the time of an attempt is from the look for a connection to the outcome, in the log of each recipient", async () => {
  await using stage = await startStage();
  stage.smarthost.behave = async (task, signal) => {
    stage.clock.time += 1500;
    await settleWith({ kind: "relayed", reply: "250 2.0.0 OK" })(task, signal);
  };
  await store(stage.spool, envelopeTo("taro@example.net", "hana@example.net"));
  await stage.log.until("mail-done");
  assert.deepEqual(stage.log.of("delivery").map(({ ms }) => ms), [1500, 1500]);
});

Deno.test("each mail of one conversation has its own time", async () => {
  const single = new TestDeliverer("smarthost", 1);
  await using stage = await startStage({
    settings: { deliverers: new Map([["smarthost", single]]) },
    prepare: async (spool) => {
      for (let at = 0; at < 5; at++) await store(spool, envelopeTo("taro@example.net"));
    },
  });
  single.behave = async (task, signal) => {
    stage.clock.time += 100;
    await settleWith({ kind: "relayed", reply: "250 2.0.0 OK" })(task, signal);
  };
  await stage.log.until("mail-done", 5);
  assert.equal(single.opened, 1);
  assert.deepEqual(stage.log.of("delivery").map(({ ms }) => ms), [100, 100, 100, 100, 100]);
});

Deno.test("a hop that cannot be reached has the time of the look; what was not tried has none", async () => {
  await using stage = await startStage();
  stage.smarthost.problem = { kind: "deferred", cause: "auth", reply: "535 5.7.8 Wrong" };
  await store(stage.spool, envelopeTo("taro@example.net"));
  await stage.log.until("delivery");
  // Within the minute in which the hop is left alone.
  await store(stage.spool, envelopeTo("taro@example.net"));
  await stage.log.until("delivery", 2);
  await store(stage.spool, envelopeTo("nobody@here"));
  const times = (await stage.log.until("delivery", 3)).map(({ route, ms }) => [route, ms]);
  assert.deepEqual(times, [["smarthost", 0], ["smarthost", null], ["none", null]]);
});
