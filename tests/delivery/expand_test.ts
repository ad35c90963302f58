import assert from "node:assert/strict";
import { expansionOf } from "../../src/delivery/expand.ts";
import type { AliasGroup } from "../../src/policy/alias_table.ts";
import type { LocalRecipients } from "../../src/policy/local_recipients.ts";
import { contentOf, envelopeTo, store } from "../spool/fixture.ts";
import { ENVELOPE, recipientsOf, recordTask } from "./lib.ts";
import { RECIPIENTS, settleWith, startStage, TestDeliverer } from "./scheduler_fixture.ts";

/** Aliases beside the accounts of the fixture. */
function withAliases(aliases: Readonly<Record<string, readonly AliasGroup[]>>): LocalRecipients {
  return {
    resolve: (forwardPath, signal, options) => {
      const groups = options?.expanded === true ? undefined : aliases[forwardPath];
      return groups === undefined
        ? RECIPIENTS.resolve(forwardPath, signal)
        : Promise.resolve({ kind: "alias", expand: () => groups });
    },
  };
}

const STAFF: readonly AliasGroup[] = [{ owner: null, members: ["shin@here", "taro@example.net", "staff@here"] }];

Deno.test("scheduler: an alias goes to its members, here and elsewhere, also to the account of its own name", async () => {
  await using stage = await startStage({ settings: { recipients: withAliases({ "staff@here": STAFF }) } });
  const mail = await store(stage.spool, envelopeTo("staff@here", "shin@here"));
  await stage.log.until("mail-done");
  const deliveries = stage.log.of("delivery").map(({ recipient, route, outcome, reply }) =>
    `${recipient} ${route} ${outcome} ${route === "alias" ? reply : ""}`.trim()
  );
  assert.deepEqual(deliveries.toSorted(), [
    "shin@here maildir delivered",
    "staff@here alias delivered 250 2.1.5 Expanded into 3 addresses",
    "staff@here maildir delivered",
    "taro@example.net smarthost relayed",
  ]);
  assert.equal(await stage.spool.show(mail), null);
  assert.deepEqual(stage.log.of("bug"), []);
});

Deno.test("scheduler: members of a list with an owner get a mail whose reports go to the owner", async () => {
  const groups = [{ owner: "owner-staff@here", members: ["taro@example.net", "shin@here"] }];
  await using stage = await startStage({ settings: { recipients: withAliases({ "staff@here": groups }) } });
  const reversePaths: (string | null)[] = [];
  const contents: string[] = [];
  const relay = settleWith({ kind: "relayed", reply: "250 OK" });
  stage.smarthost.behave = async (task, signal) => {
    reversePaths.push(task.mail.envelope.reversePath);
    contents.push(new TextDecoder().decode(await contentOf(stage.spool, task.mail.id)));
    await relay(task, signal);
  };
  const content = new TextEncoder().encode("Subject: x\r\n\r\nx\r\n");
  await store(stage.spool, envelopeTo("staff@here"), { content });
  await stage.log.until("mail-done", 2);
  assert.deepEqual(reversePaths, ["owner-staff@here"]);
  assert.deepEqual(contents, ["Subject: x\r\n\r\nx\r\n"]);
  assert.deepEqual(await stage.spool.list({}, { after: null, count: 10 }), []);
});

Deno.test("scheduler: a list without members fails with 5.2.4", async () => {
  await using stage = await startStage({ settings: { recipients: withAliases({ "staff@here": [] }) } });
  await store(stage.spool, envelopeTo("staff@here"));
  const [delivery] = await stage.log.until("delivery");
  assert.equal(delivery?.reply, "550 5.2.4 There is nobody on the list");
});

Deno.test("expansionOf() keeps the null reverse-path, and passes on what the sender asked for", () => {
  const { mail } = recordTask({ envelope: { reversePath: null } });
  const [recipient] = recipientsOf(["staff@here"]);
  assert.ok(recipient !== undefined);
  const groups = [{ owner: "owner-staff@here", members: ["a@here"] }, { owner: null, members: ["b@here"] }];
  assert.deepEqual(expansionOf(mail, recipient, groups)?.copies, []);
  assert.deepEqual(expansionOf(mail, recipient, groups)?.members.map(({ forwardPath }) => forwardPath), [
    "a@here",
    "b@here",
  ]);
  const sent = { ...mail, envelope: { ...ENVELOPE, envid: "E1", ret: "full" as const } };
  const expansion = expansionOf(sent, { ...recipient, notify: ["success", "failure"] }, groups);
  assert.deepEqual(expansion?.members, [{ forwardPath: "b@here", notify: ["failure"], orcpt: "rfc822;staff@here" }]);
  const [copy] = expansion?.copies ?? [];
  assert.deepEqual([copy?.reversePath, copy?.envid, copy?.ret], ["owner-staff@here", null, null]);
  assert.equal(expansionOf(mail, recipient, []), null);
});

Deno.test("scheduler: the first route that fits is taken, with its own timetable", async () => {
  const partner = new TestDeliverer("partner");
  partner.behave = settleWith({ kind: "deferred", cause: "refused", reply: "451 4.3.0 Later" });
  const when = { recipientDomains: ["partner.example"], accounts: [], senderDomains: [] };
  await using stage = await startStage({
    settings: {
      routes: [{ name: "partner", when, place: { host: "mx.partner.example", port: 25 }, toMailbox: false }],
      timetables: new Map([["partner", { retryMs: [7_000], giveUpMs: 60_000 }]]),
      deliverers: new Map([["partner", partner], ["smarthost", new TestDeliverer("smarthost")]]),
    },
  });
  await store(stage.spool, envelopeTo("a@partner.example", "a@example.net"));
  const deliveries = await stage.log.until("delivery", 2);
  const deferred = deliveries.find(({ route }) => route === "partner");
  assert.equal(deferred?.host, "mx.partner.example");
  assert.equal(deferred?.next, new Date(stage.clock.now() + 7_000).toISOString());
  assert.equal(deliveries.find(({ route }) => route === "smarthost")?.outcome, "relayed");
});

Deno.test("scheduler: the mail of one account does not wait for more than a thousand of another", async () => {
  await using stage = await startStage();
  const order: (string | null)[] = [];
  const gate = Promise.withResolvers<void>();
  const relay = settleWith({ kind: "relayed", reply: "250 OK" });
  stage.smarthost.behave = async (task, signal) => {
    await gate.promise;
    order.push(task.mail.account);
    await relay(task, signal);
  };
  const bulk = Array.from(
    { length: 1_200 },
    () => store(stage.spool, envelopeTo("a@b.example"), { account: "bulk@b.jp" }),
  );
  await Promise.all(bulk);
  await store(stage.spool, envelopeTo("a@b.example"), { account: "shin@b.jp" });
  // The bulk up to its share, and the one mail.
  while (stage.scheduler.active() < 1_001) await stage.spool.nextDue();
  gate.resolve();
  await stage.log.until("mail-done", 1_201);
  assert.ok(order.indexOf("shin@b.jp") <= 3, String(order.indexOf("shin@b.jp")));
});
