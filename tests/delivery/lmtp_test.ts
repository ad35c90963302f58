import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import fc from "fast-check";
import { lmtpHop, openLmtp } from "../../src/delivery/lmtp.ts";
import { utf8 } from "../../src/lib/octets.ts";
import { type ClientEvent, step } from "../../src/smtp/client.ts";
import { ReplyParser } from "../../src/smtp/client_reply.ts";
import { type ClientEffect, startConversation } from "../../src/smtp/client_state.ts";
import { type PeerConversation, type ScriptedPeer, startPeer } from "../lib/scripted_peer.ts";
import { tempDir } from "../spool/fixture.ts";
import { deliverAll, ENVELOPE, recipientsOf, recordLog, recordTask } from "./lib.ts";
import { accountNamed } from "./scheduler_fixture.ts";

/** Serves LMTP; `dots`: what is said after the content, `rcpt`: overrides the reply to RCPT. */
async function serveLmtp(
  peer: PeerConversation,
  { dots, rcpt }: {
    readonly dots: (content: string) => readonly string[];
    readonly rcpt?: (line: string) => string | null;
  },
): Promise<void> {
  peer.send("220 mailboxes LMTP\r\n");
  for (let line = await peer.line(); line !== null; line = await peer.line()) {
    if (line.startsWith("LHLO")) peer.send("250-mailboxes\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n");
    else if (line.startsWith("EHLO") || line.startsWith("HELO")) peer.send("500 5.5.1 LHLO is spoken here\r\n");
    else if (line.startsWith("RCPT")) peer.send(rcpt?.(line) ?? "250 2.1.5 OK\r\n");
    else if (line === "DATA") {
      peer.send("354 Go ahead\r\n");
      const content = await peer.content();
      if (content === null) return;
      for (const reply of dots(content)) peer.send(`${reply}\r\n`);
    } else if (line === "QUIT") {
      peer.send("221 2.0.0 Bye\r\n");
      return peer.end();
    } else peer.send("250 2.0.0 OK\r\n");
  }
}

function lmtpAt(peer: ScriptedPeer) {
  const { events, log } = recordLog();
  const address = { host: "127.0.0.1", port: peer.port };
  const deliverer = openLmtp({ name: "lmtp", address, hostname: "mail.foobar.co.jp", log, concurrency: 2 });
  return { deliverer, hop: lmtpHop("lmtp", address), events };
}

Deno.test("LMTP: each recipient has its own outcome after the content, durable before the next", async () => {
  const dots = () => ["250 2.0.0 Saved", "452 4.2.2 Over quota", "550 5.7.1 Refused by a rule"];
  await using peer = await startPeer((each) => serveLmtp(each, { dots }));
  const task = recordTask({ to: ["a@baz.co.jp", "b@baz.co.jp", "c@baz.co.jp"] });
  const { deliverer, hop, events } = lmtpAt(peer);
  assert.equal(await deliverAll({ deliverer, hop }, [task]), null);
  assert.deepEqual(task.events, ["attempting 1 2 3", "settle 1 delivered", "settle 2 deferred", "settle 3 failed"]);
  assert.deepEqual(task.outcomes.get(3), { kind: "failed", enhanced: "5.7.1", reply: "550 5.7.1 Refused by a rule" });
  assert.deepEqual(events, []);
  assert.ok(peer.lines.includes("LHLO mail.foobar.co.jp"));
  assert.ok(peer.lines.includes("QUIT"));
});

Deno.test("LMTP: who was refused at RCPT gets no reply after the content, and the conversation goes on", async () => {
  const rcpt = (line: string) => line.includes("<b@") ? "550 5.1.1 No such mailbox\r\n" : null;
  await using peer = await startPeer((each) =>
    serveLmtp(each, { rcpt, dots: () => ["250 2.0.0 Saved", "250 2.0.0 Saved"] })
  );
  const to = ["a@baz.co.jp", "b@baz.co.jp", "c@baz.co.jp"];
  const tasks = [recordTask({ to }), recordTask({ to })];
  assert.equal(await deliverAll(lmtpAt(peer), tasks), null);
  for (const { outcomes } of tasks) {
    assert.deepEqual([1, 2, 3].map((id) => outcomes.get(id)?.kind), ["delivered", "failed", "delivered"]);
  }
  assert.equal(peer.conversations, 1);
});

Deno.test("LMTP: a conversation that breaks off between two replies leaves the rest for later", async () => {
  await using peer = await startPeer(async (each) => {
    await serveLmtp(each, {
      dots: () => {
        each.send("250 2.0.0 Saved\r\n");
        each.end();
        return [];
      },
    });
  });
  const task = recordTask({ to: ["a@baz.co.jp", "b@baz.co.jp"] });
  assert.equal(await deliverAll(lmtpAt(peer), [task]), null);
  assert.equal(task.outcomes.get(1)?.kind, "delivered");
  const second = task.outcomes.get(2);
  assert.ok(second?.kind === "deferred" && second.cause === "network");
});

Deno.test("LMTP: the account is named, by its name in the place of the address that was written", async () => {
  await using peer = await startPeer((each) => serveLmtp(each, { dots: () => ["250 2.0.0 OK", "250 2.0.0 OK"] }));
  const [info, other] = recipientsOf(["info@foobar.co.jp", "taro@example.net"]);
  assert.ok(info !== undefined && other !== undefined);
  const recipients = [{ ...info, account: accountNamed("shin abe@baz.co.jp") }, other];
  assert.equal(await deliverAll(lmtpAt(peer), [recordTask({ recipients })]), null);
  assert.deepEqual(peer.lines.filter((line) => line.startsWith("RCPT")), [
    'RCPT TO:<"shin abe"@baz.co.jp>',
    "RCPT TO:<taro@example.net>",
  ]);
});

Deno.test("LMTP: a server that does not know LHLO is not spoken to as one of SMTP", async () => {
  await using peer = await startPeer(async (each) => {
    each.send("220 smtp\r\n");
    for (let line = await each.line(); line !== null; line = await each.line()) each.send("500 5.5.1 What?\r\n");
  });
  const { deliverer, hop } = lmtpAt(peer);
  const problem = await deliverAll({ deliverer, hop }, [recordTask()]);
  assert.ok(problem?.kind === "deferred" && problem.cause === "refused");
  assert.deepEqual(peer.lines, ["LHLO mail.foobar.co.jp"]);
});

Deno.test("LMTP over a socket of the file system, and one that is not there", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/lmtp`;
  const { log } = recordLog();
  const deliverer = openLmtp({ name: "lmtp", address: { path }, hostname: "mail.foobar.co.jp", log, concurrency: 1 });
  const hop = lmtpHop("lmtp", { path });
  const missing = await deliverAll({ deliverer, hop }, [recordTask()]);
  assert.ok(missing?.kind === "deferred" && missing.cause === "network");
  assert.ok(missing.reply.includes(path));
  await using peer = await startPeer((each) => serveLmtp(each, { dots: () => ["250 2.0.0 Saved"] }));
  await using _proxy = await forward(path, peer.port);
  const task = recordTask();
  assert.equal(await deliverAll({ deliverer, hop }, [task]), null);
  assert.equal(task.outcomes.get(1)?.kind, "delivered");
});

/** A socket of the file system that leads to a port. */
async function forward(path: string, port: number): Promise<AsyncDisposable> {
  const { connect } = await import("node:net");
  const server: Server = createServer((socket) => {
    const onward = connect(port, "127.0.0.1");
    socket.pipe(onward).pipe(socket);
    for (const each of [socket, onward]) each.on("error", () => {});
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(path, resolve);
  await promise;
  return { [Symbol.asyncDispose]: () => new Promise((done) => server.close(() => done())) };
}

Deno.test("LMTP: whatever the other side says, each recipient has one outcome, and only its own reply makes it delivered", () => {
  const code = fc.constantFrom("250", "354", "421", "451", "452", "550", "552", "554");
  fc.assert(fc.property(fc.array(code, { maxLength: 20 }), fc.boolean(), (codes, pipelining) => {
    let state = startConversation({
      ...{ protocol: "lmtp", hostname: "mail.foobar.co.jp", host: "mailboxes", tls: "never", auth: null },
      ...{ allowClearTextPassword: false, loopback: true, nonce: utf8("0123456789abcdef0123") },
    }, null);
    const effects: ClientEffect[] = [];
    const feed = (event: ClientEvent) => {
      const next = step(state, event);
      state = next.state;
      effects.push(...next.effects);
    };
    const say = (text: string) => {
      const parser = new ReplyParser();
      parser.push(utf8(text));
      const parsed = parser.next();
      assert.ok(parsed?.kind === "reply");
      feed(parsed);
    };
    say("220 x\r\n");
    say(pipelining ? "250-x\r\n250 PIPELINING\r\n" : "250 x\r\n");
    const recipients = recipientsOf(["a@b.example", "c@d.example", "e@f.example"]);
    feed({ kind: "send", mail: { ...ENVELOPE, recipients, sizeOctets: 1, has8bit: false } });
    let positive = 0;
    for (const each of codes) {
      const sent = effects.some(({ kind }) => kind === "send-content");
      if (sent && each === "250") positive++;
      say(`${each} text\r\n`);
    }
    feed({ kind: "lost", cause: "network", text: "lost", detail: null });
    const settled = effects.flatMap((effect) => effect.kind === "settle" ? [effect] : []);
    assert.deepEqual(settled.map(({ recipient }) => recipient).toSorted(), [1, 2, 3]);
    assert.ok(settled.filter(({ outcome }) => outcome.kind === "delivered").length <= positive);
    assert.ok(settled.every(({ outcome }) => outcome.kind !== "relayed"));
    assert.ok(!effects.some((effect) => effect.kind === "write" && /^(EHLO|HELO)/.test(effect.text)));
    assert.equal(state.phase.at, "closed");
  }));
});
