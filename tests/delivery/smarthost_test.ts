import assert from "node:assert/strict";
import { type MailService, serveMail, startPeer } from "../lib/scripted_peer.ts";
import { CONTENT, deliverAll, recipientsOf, recordTask, smarthostAt } from "./lib.ts";

/** Delivers one mail to a server that behaves like this, and tells all of it. */
async function deliverTo(service: MailService, options: Parameters<typeof recordTask>[0] = {}) {
  await using peer = await startPeer((each) => serveMail(each, service));
  const smarthost = await smarthostAt(peer.port);
  const task = recordTask(options);
  const problem = await deliverAll(smarthost, [task]);
  return { task, problem, lines: peer.lines, alarms: smarthost.alarms(), outcome: task.outcomes.get(1) };
}

Deno.test("smarthost: a mail is relayed, its octets as they were", async () => {
  let received = "";
  const content = "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nx.\r\n\r\n.\r\n";
  const { outcome, lines, task, problem } = await deliverTo({
    contentReply: (text) => (received = text, "250 2.0.0 Queued as X1\r\n"),
  }, { content });
  assert.equal(problem, null);
  assert.deepEqual(outcome, { kind: "relayed", reply: "250 2.0.0 Queued as X1" });
  assert.equal(received.replace(/^\./gm, ""), content);
  assert.deepEqual(lines, [
    "EHLO mail.foobar.co.jp",
    `MAIL FROM:<shin@baz.co.jp> SIZE=${content.length}`,
    "RCPT TO:<taro@example.net>",
    "DATA",
    "QUIT",
  ]);
  assert.deepEqual(task.events, ["attempting 1", "settle 1 relayed"]);
});

Deno.test("smarthost: dots at the start of a line are doubled wherever chunks are cut", async () => {
  const content = "a\r\n.\r\n..b\r\n\r\n.c\r\n";
  for (let cut = 0; cut <= content.length; cut++) {
    let received = "";
    const octets = new TextEncoder().encode(content);
    await deliverTo({ contentReply: (text) => (received = text, "250 OK\r\n") }, {
      chunks: async function* () {
        yield octets.slice(0, cut);
        yield octets.slice(cut);
      },
    });
    assert.equal(received, "a\r\n..\r\n...b\r\n\r\n..c\r\n");
  }
});

Deno.test("smarthost: MAIL, RCPT and DATA are pipelined where that is offered", async () => {
  await using peer = await startPeer(async (each) => {
    each.send("220 peer\r\n");
    await each.line();
    each.send("250-peer\r\n250 PIPELINING\r\n");
    // All four before the first reply: a client that waits would stop here for ever.
    for (const verb of ["MAIL", "RCPT", "RCPT", "DATA"]) assert.ok((await each.line())?.startsWith(verb));
    each.send("250 ok\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n");
    await each.content();
    each.send("250 done\r\n");
    assert.equal(await each.line(), "QUIT");
    each.send("221 bye\r\n");
  });
  const task = recordTask({ to: ["a@x", "b@x"] });
  assert.equal(await deliverAll(await smarthostAt(peer.port), [task]), null);
  assert.deepEqual(task.events, ["settle 2 failed", "attempting 1", "settle 1 relayed"]);
});

Deno.test("smarthost: without PIPELINING each command waits for its reply", async () => {
  await using peer = await startPeer(async (each) => {
    each.send("220 peer\r\n");
    const replies = ["250 peer\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"];
    for (const reply of replies) {
      await each.line();
      each.send(reply);
    }
    assert.equal(await each.content(), CONTENT);
    each.send("250 done\r\n");
    await each.line();
  });
  const task = recordTask();
  assert.equal(await deliverAll(await smarthostAt(peer.port), [task]), null);
  assert.deepEqual(task.outcomes.get(1), { kind: "relayed", reply: "250 done" });
});

Deno.test("smarthost: each recipient has its own outcome", async () => {
  const { task } = await deliverTo({
    reply: (line) =>
      line.includes("<b@") ? "550 5.1.1 No such user\r\n" : line.includes("<c@") ? "451 4.2.1 Later\r\n" : null,
  }, { to: ["a@x", "b@x", "c@x"] });
  assert.deepEqual(task.outcomes.get(1), { kind: "relayed", reply: "250 2.0.0 Queued as X1" });
  assert.deepEqual(task.outcomes.get(2), { kind: "failed", reply: "550 5.1.1 No such user", enhanced: "5.1.1" });
  assert.deepEqual(task.outcomes.get(3), { kind: "deferred", reply: "451 4.2.1 Later", cause: "refused" });
});

Deno.test("smarthost: a 5xx to MAIL, RCPT, DATA or the final dot is permanent, a 4xx is not", async () => {
  for (const verb of ["MAIL", "RCPT", "DATA"]) {
    const at = (reply: string) => deliverTo({ reply: (line) => line.startsWith(verb) ? reply : null });
    assert.equal((await at("550 5.7.1 No\r\n")).outcome?.kind, "failed", verb);
    assert.equal((await at("450 4.7.1 Later\r\n")).outcome?.kind, "deferred", verb);
  }
  assert.equal((await deliverTo({ contentReply: () => "554 5.6.0 No\r\n" })).outcome?.kind, "failed");
  assert.equal((await deliverTo({ contentReply: () => "452 4.3.1 Full\r\n" })).outcome?.kind, "deferred");
});

Deno.test("smarthost: a 5xx without an enhanced code gets 5.0.0, never a guess", async () => {
  const { outcome } = await deliverTo({ reply: (line) => line.startsWith("RCPT") ? "550 No\r\n" : null });
  assert.deepEqual(outcome, { kind: "failed", reply: "550 No", enhanced: "5.0.0" });
});

Deno.test("smarthost: a 5xx to the greeting, or to EHLO and HELO, defers and raises an alarm", async () => {
  const greeted = await deliverTo({ greeting: "554 5.7.1 You are on our list\r\n" });
  assert.deepEqual(greeted.problem, { kind: "deferred", reply: "554 5.7.1 You are on our list", cause: "refused" });
  assert.match(greeted.alarms.join(), /refused the connection: 554 5\.7\.1 You are on our list/);
  const hello = await deliverTo({ reply: (line) => /^(EHLO|HELO)/.test(line) ? "550 No\r\n" : null });
  assert.equal(hello.problem?.kind, "deferred");
  assert.match(hello.alarms.join(), /refused HELO: 550 No/);
});

Deno.test("smarthost: HELO follows where EHLO is not known, and no parameters then", async () => {
  const { outcome, lines } = await deliverTo({ reply: (line) => line.startsWith("EHLO") ? "502 What?\r\n" : null });
  assert.equal(outcome?.kind, "relayed");
  assert.deepEqual(lines.slice(1, 3), ["HELO mail.foobar.co.jp", "MAIL FROM:<shin@baz.co.jp>"]);
});

Deno.test("smarthost: 530 to MAIL is about the conversation: nothing bounces, and the administrator hears of it", async () => {
  const { outcome, alarms } = await deliverTo({
    reply: (line) => line.startsWith("MAIL") ? "530 5.7.0 Authentication required\r\n" : null,
  });
  assert.deepEqual(outcome, { kind: "deferred", reply: "530 5.7.0 Authentication required", cause: "auth" });
  assert.match(alarms.join(), /smarthost-auth: .*530/);
});

Deno.test("decke_210: a network fault is never a 5xx", async () => {
  const scripts: readonly (readonly [string, Parameters<typeof startPeer>[0]])[] = [
    ["before the greeting", (each) => Promise.resolve(each.destroy())],
    ["in the middle of the greeting", (each) => (each.send("220-hello\r\n"), Promise.resolve(each.end()))],
    ["after EHLO", async (each) => (each.send("220 hi\r\n"), await each.line(), each.destroy())],
    ["no SMTP at all", async (each) => (each.send("HTTP/1.1 400 Bad Request\r\n"), await each.line(), undefined)],
    ["after MAIL", async (each) => {
      each.send("220 hi\r\n");
      await each.line();
      each.send("250 peer\r\n");
      await each.line();
      each.destroy();
    }],
    ["after the final dot", async (each) => {
      each.send("220 hi\r\n");
      for (const reply of ["250 peer\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"]) {
        await each.line();
        each.send(reply);
      }
      await each.content();
      each.destroy();
    }],
  ];
  for (const [when, script] of scripts) {
    await using peer = await startPeer(script);
    const smarthost = await smarthostAt(peer.port);
    const task = recordTask();
    const outcome = await deliverAll(smarthost, [task]) ?? task.outcomes.get(1);
    assert.equal(outcome?.kind, "deferred", when);
    assert.match(outcome?.reply ?? "", /^451 4\.4\./, when);
    assert.ok(outcome?.kind === "deferred" && outcome.cause === "network", when);
    assert.equal(smarthost.alarms().length, 1, when);
  }
});

Deno.test("decke_210: a refused connection is never a 5xx", async () => {
  const peer = await startPeer(() => Promise.resolve());
  await peer[Symbol.asyncDispose]();
  const smarthost = await smarthostAt(peer.port);
  assert.deepEqual(await deliverAll(smarthost, []), {
    kind: "deferred",
    cause: "network",
    reply: `451 4.4.1 Cannot connect to 127.0.0.1:${peer.port}`,
  });
});

Deno.test("smarthost: 421 in the middle ends the conversation; who has an outcome keeps it", async () => {
  const { task, problem } = await deliverTo({
    reply: (line) => line.includes("<b@") ? "421 4.3.2 Closing\r\n" : line.includes("<a@") ? "550 5.1.1 No\r\n" : null,
  }, { to: ["a@x", "b@x", "c@x"] });
  assert.equal(problem, null);
  assert.equal(task.outcomes.get(1)?.kind, "failed");
  assert.deepEqual(task.outcomes.get(2), { kind: "deferred", reply: "421 4.3.2 Closing", cause: "refused" });
  assert.deepEqual(task.outcomes.get(3), { kind: "deferred", reply: "421 4.3.2 Closing", cause: "refused" });
});

Deno.test("smarthost: replies that end in a lone LF are read", async () => {
  await using peer = await startPeer(async (each) => {
    each.send("220 peer\n");
    for (const reply of ["250-peer\n250 SIZE\n", "250 ok\n", "250 ok\n", "354 go\n"]) {
      await each.line();
      each.send(reply);
    }
    await each.content();
    each.send("250 2.0.0 done\n");
    await each.line();
  });
  const task = recordTask();
  await deliverAll(await smarthostAt(peer.port), [task]);
  assert.deepEqual(task.outcomes.get(1), { kind: "relayed", reply: "250 2.0.0 done" });
});

Deno.test("smarthost: several mails go in one conversation, with RSET behind one that was refused", async () => {
  await using peer = await startPeer((each) =>
    serveMail(each, { offers: [], reply: (line) => line.includes("<b@") ? "550 5.1.1 No\r\n" : null })
  );
  const tasks = [recordTask(), recordTask({ to: ["b@x"] }), recordTask({ to: ["c@x"] })];
  await deliverAll(await smarthostAt(peer.port), tasks);
  assert.deepEqual(tasks.map(({ outcomes }) => outcomes.get(1)?.kind), ["relayed", "failed", "relayed"]);
  assert.equal(peer.conversations, 1);
  assert.deepEqual(peer.lines.map((line) => line.split(" ")[0]), [
    ...["EHLO", "MAIL", "RCPT", "DATA", "MAIL", "RCPT"],
    ...["RSET", "MAIL", "RCPT", "DATA", "QUIT"],
  ]);
});

Deno.test("smarthost: a mail for which the other side was tired of the conversation goes in a new one", async () => {
  for (const tired of ["421 4.7.0 Too many mails\r\n", ""]) {
    await using peer = await startPeer(async (each) => {
      let mails = 0;
      await serveMail(each, {
        offers: [],
        reply: (line) => {
          if (!line.startsWith("MAIL") || ++mails === 1) return null;
          if (tired === "") each.destroy();
          return tired;
        },
      });
    });
    const tasks = [recordTask(), recordTask()];
    await deliverAll(await smarthostAt(peer.port), tasks);
    assert.deepEqual(tasks.map(({ outcomes }) => outcomes.get(1)?.kind), ["relayed", "relayed"]);
    assert.equal(peer.conversations, 2);
  }
});

Deno.test("smarthost: 1000 recipients go in transactions of 100", async () => {
  const sizes: number[] = [];
  let recipients = 0;
  const to = Array.from({ length: 1000 }, (_, at) => `r${at}@x`);
  const { task } = await deliverTo({
    reply: (line) => (line.startsWith("RCPT") && recipients++, null),
    contentReply: () => (sizes.push(recipients), recipients = 0, "250 OK\r\n"),
  }, { to });
  assert.deepEqual(sizes, Array(10).fill(100));
  assert.equal([...task.outcomes.values()].filter(({ kind }) => kind === "relayed").length, 1000);
});

Deno.test("smarthost: recipients that are too many for one transaction (452, 552) go in the next, at once", async () => {
  for (const code of ["452 4.5.3", "552 5.5.3"]) {
    for (const offers of [[], ["PIPELINING"]]) {
      let room = 10;
      const to = Array.from({ length: 35 }, (_, at) => `r${at}@x`);
      const { task, lines } = await deliverTo({
        offers,
        reply: (line) => {
          if (line.startsWith("MAIL")) room = 10;
          return line.startsWith("RCPT") && --room < 0 ? `${code} Too many recipients\r\n` : null;
        },
      }, { to });
      assert.equal([...task.outcomes.values()].filter(({ kind }) => kind === "relayed").length, 35);
      assert.equal(lines.filter((line) => line === "DATA").length, 4);
    }
  }
});

Deno.test("smarthost: 552 to the only recipient is meant as 452 (RFC 5321 section 4.5.3.1.10)", async () => {
  const { outcome } = await deliverTo({ reply: (line) => line.startsWith("RCPT") ? "552 Too many\r\n" : null });
  assert.deepEqual(outcome, { kind: "deferred", reply: "552 Too many", cause: "refused" });
});

Deno.test("smarthost: the attempt is durable before the final dot is sent", async () => {
  const order: string[] = [];
  await using peer = await startPeer((each) =>
    serveMail(each, { contentReply: () => (order.push("dot"), "250 OK\r\n") })
  );
  const task = recordTask({
    attempting: async () => {
      // What was sent before this would be there after another conversation with the same peer.
      await deliverAll(await smarthostAt(peer.port), []);
      order.push("durable");
    },
  });
  await deliverAll(await smarthostAt(peer.port), [task]);
  assert.deepEqual(order, ["durable", "dot"]);
});

Deno.test("smarthost: when the attempt cannot be kept the final dot is not sent and delivery rejects", async () => {
  let contents = 0;
  await using peer = await startPeer((each) => serveMail(each, { contentReply: () => (contents++, "250 OK\r\n") }));
  const task = recordTask({ attempting: () => Promise.reject(new Error("no space")) });
  await assert.rejects(deliverAll(await smarthostAt(peer.port), [task]), /no space/);
  assert.equal(contents, 0);
  assert.equal(task.outcomes.size, 0);
});

Deno.test("smarthost: content with a bare CR or LF is never sent on (SMTP smuggling)", async () => {
  for (const content of ["a\n.\nMAIL FROM:<x@y>\r\n", "a\r.\r\n", "a\r\n.\r.\n", "a\r"]) {
    let contents = 0;
    const { outcome } = await deliverTo({ contentReply: () => (contents++, "250 OK\r\n") }, { content });
    assert.ok(outcome?.kind === "failed" && outcome.enhanced === "5.6.0", JSON.stringify(content));
    assert.equal(contents, 0);
  }
});

Deno.test("smarthost: content that does not end in CRLF gets one before the final dot", async () => {
  let received = "";
  await deliverTo({ contentReply: (text) => (received = text, "250 OK\r\n") }, { content: "a\r\nb" });
  assert.equal(received, "a\r\nb\r\n");
});

Deno.test("smarthost: content that cannot be read is deferred, and no final dot is sent", async () => {
  let contents = 0;
  const { outcome, alarms } = await deliverTo({ contentReply: () => (contents++, "250 OK\r\n") }, {
    chunks: async function* () {
      yield new TextEncoder().encode("a\r\n");
      throw new Error("disk fault");
    },
  });
  assert.deepEqual(outcome, {
    kind: "deferred",
    cause: "local",
    reply: "451 4.3.0 The stored mail cannot be read now",
  });
  assert.match(alarms.join(), /disk fault/);
  assert.equal(contents, 0);
});

Deno.test("smarthost: a refusal in the middle of the content counts", async () => {
  await using peer = await startPeer(async (each) => {
    each.send("220 peer\r\n");
    for (const reply of ["250 peer\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"]) {
      await each.line();
      each.send(reply);
    }
    await each.line();
    each.send("552 5.3.4 Too large\r\n");
    each.end();
    while (await each.line() !== null);
  });
  const block = new TextEncoder().encode(`${"x".repeat(998)}\r\n`.repeat(64));
  const task = recordTask({
    chunks: async function* () {
      for (let at = 0; at < 10_000; at++) yield block.slice();
    },
  });
  await deliverAll(await smarthostAt(peer.port), [task]);
  assert.deepEqual(task.outcomes.get(1), { kind: "failed", reply: "552 5.3.4 Too large", enhanced: "5.3.4" });
  assert.deepEqual(task.events, ["settle 1 failed"]);
});

Deno.test("smarthost: stopping cuts a mail before its final dot, and waits for the reply after it", async () => {
  const stop = new AbortController();
  await using before = await startPeer((each) =>
    serveMail(each, { reply: (line) => line.startsWith("RCPT") ? (stop.abort(), "") : null, offers: [] })
  );
  const cut = recordTask();
  await deliverAll(await smarthostAt(before.port), [cut], stop.signal);
  assert.deepEqual(cut.outcomes.get(1), {
    kind: "deferred",
    cause: "local",
    reply: "451 4.3.2 The server is stopping",
  });

  const late = new AbortController();
  await using after = await startPeer((each) =>
    serveMail(each, { contentReply: () => (late.abort(), "250 2.0.0 Taken\r\n") })
  );
  const kept = recordTask();
  await deliverAll(await smarthostAt(after.port), [kept], late.signal);
  assert.deepEqual(kept.outcomes.get(1), { kind: "relayed", reply: "250 2.0.0 Taken" });
});

Deno.test("smarthost: a peer that is silent after the final dot does not keep a stopping server for ever", async () => {
  for (const stopped of ["while it is waited for", "before"]) {
    const stop = new AbortController();
    await using peer = await startPeer((each) =>
      serveMail(each, { contentReply: () => (stopped === "before" || stop.abort(), "") })
    );
    const attempting = () => Promise.resolve(stopped === "before" ? stop.abort() : undefined);
    const task = recordTask({ attempting });
    await deliverAll(await smarthostAt(peer.port, { committedMs: 1 }), [task], stop.signal);
    assert.deepEqual(task.outcomes.get(1), {
      kind: "deferred",
      cause: "local",
      reply: "451 4.3.2 The server is stopping",
    }, stopped);
    // It may have been taken: the next start says so only when it finds the mail in that state.
    assert.deepEqual(task.events, ["attempting 1", "settle 1 deferred"], stopped);
  }
});

Deno.test("emailrelay_2_6_1: the null reverse-path is sent as <>", async () => {
  const { outcome, lines } = await deliverTo({ offers: [] }, { envelope: { reversePath: null } });
  assert.equal(outcome?.kind, "relayed");
  assert.equal(lines[1], "MAIL FROM:<>");
});

Deno.test("smarthost: a reply without end is not collected for ever", async () => {
  await using peer = await startPeer(async (each) => {
    for (let at = 0; at < 200; at++) each.send(`220-${"x".repeat(1000)}\r\n`);
    await each.line();
  });
  const problem = await deliverAll(await smarthostAt(peer.port), []);
  assert.deepEqual(problem, {
    kind: "deferred",
    cause: "network",
    reply: "451 4.4.2 The other server does not speak SMTP",
  });
});

Deno.test("smarthost: recipients keep their ids", async () => {
  const recipients = recipientsOf(["a@x", "b@x"]).map((each) => ({ ...each, id: each.id * 7 }));
  const { task } = await deliverTo({}, { recipients });
  assert.deepEqual(task.events, ["attempting 7 14", "settle 7 relayed", "settle 14 relayed"]);
});
