/**
 * The demo's smarthost: it takes everything and tells which subjects it has seen.
 *
 * @module
 */

import { latin1 } from "../lib/octets.ts";

/** A next hop that counts. */
export interface DemoSink extends Disposable {
  readonly port: number;
  /** Resolves when a mail with this subject has come in whole. */
  seen(subject: string): Promise<void>;
}

/** Listens on loopback. */
export function startSink(): DemoSink {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const seen = new Map<string, PromiseWithResolvers<void>>();
  const arrival = (subject: string) => {
    const known = seen.get(subject) ?? Promise.withResolvers<void>();
    seen.set(subject, known);
    return known;
  };
  void (async () => {
    for await (const conn of listener) void takeMails(conn, (subject) => arrival(subject).resolve()).catch(() => {});
  })().catch(() => {});
  return {
    port: listener.addr.port,
    seen: (subject) => arrival(subject).promise,
    [Symbol.dispose]: () => listener.close(),
  };
}

async function takeMails(conn: Deno.Conn, onMail: (subject: string) => void): Promise<void> {
  using _conn = conn;
  const say = (text: string) => conn.write(new TextEncoder().encode(`${text}\r\n`));
  await say("220 smarthost.example ESMTP");
  const buffer = new Uint8Array(16 * 1024);
  let subject: string | null = null;
  let rest = "";
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    const lines = (rest + latin1(buffer.subarray(0, count))).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (subject !== null) {
        if (line.startsWith("Subject: ")) subject = line.slice(9);
        if (line !== ".") continue;
        onMail(subject);
        subject = null;
        await say("250 2.0.0 OK");
      } else if (/^EHLO/i.test(line)) await say("250-smarthost.example\r\n250-PIPELINING\r\n250 8BITMIME");
      else if (/^DATA/i.test(line)) {
        subject = "";
        await say("354 go");
      } else if (/^QUIT/i.test(line)) return void await say("221 2.0.0 Bye");
      else await say("250 2.0.0 OK");
    }
  }
}
