/**
 * A next hop that keeps every mail it took, for counting. It says 250 only after it has kept the mail.
 *
 * @module
 */

import { latin1 } from "../../src/lib/octets.ts";

/** A mail as it came in. */
export interface SunkMail {
  /** Empty: the null reverse-path. */
  readonly reversePath: string;
  readonly recipients: readonly string[];
  /** Dots undoubled. */
  readonly content: Uint8Array<ArrayBuffer>;
}

/** A listening sink. */
export interface CountingSink extends Disposable {
  readonly port: number;
  /** What has come in since the last call. */
  take(): readonly SunkMail[];
}

/** Listens on loopback, on a free port unless one is given. */
export function startCountingSink(port = 0): CountingSink {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const conns = new Set<Deno.Conn>();
  let mails: SunkMail[] = [];
  const accept = async () => {
    for await (const conn of listener) {
      conns.add(conn);
      // A client that is killed ends its conversation in the middle; that is what the sink is for.
      takeMails(conn, (mail) => mails.push(mail)).catch(() => {}).finally(() => {
        conns.delete(conn);
        conn.close();
      });
    }
  };
  void accept();
  return {
    port: listener.addr.port,
    take() {
      const taken = mails;
      mails = [];
      return taken;
    },
    [Symbol.dispose]() {
      listener.close();
    },
  };
}

async function takeMails(conn: Deno.TcpConn, keep: (mail: SunkMail) => void): Promise<void> {
  conn.setNoDelay(true);
  const input = new Input(conn);
  const say = (text: string) => conn.write(new TextEncoder().encode(`${text}\r\n`));
  await say("220 sink.example ESMTP");
  let reversePath = "";
  let recipients: string[] = [];
  for (let line = await input.upTo("\r\n"); line !== null; line = await input.upTo("\r\n")) {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "RCPT") recipients.push(/<(.*?)>/.exec(line)?.[1] ?? "");
    if (verb === "MAIL" || verb === "RSET") recipients = [];
    if (verb === "MAIL") reversePath = /<(.*?)>/.exec(line)?.[1] ?? "";
    if (verb === "DATA") {
      await say("354 go");
      const content = await input.upTo("\r\n.\r\n");
      if (content === null) return;
      const undotted = `${content}\r\n`.replace(/(^|\n)\.\./g, "$1.");
      keep({ reversePath, recipients, content: Uint8Array.from(undotted, (character) => character.charCodeAt(0)) });
      recipients = [];
    }
    await say(REPLIES.get(verb) ?? "250 2.0.0 OK");
    if (verb === "QUIT") return;
  }
}

const REPLIES: ReadonlyMap<string, string> = new Map([
  ["EHLO", "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 0"],
  ["QUIT", "221 2.0.0 Bye"],
]);

/** Octets of a connection as ISO-8859-1, cut at marks. */
class Input {
  readonly #conn: Deno.Conn;
  readonly #buffer = new Uint8Array(64 * 1024);
  #text = "";

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** What stands before the mark; `null` when the end comes first. */
  async upTo(mark: string): Promise<string | null> {
    for (let from = 0;;) {
      const at = this.#text.indexOf(mark, from);
      if (at !== -1) {
        const text = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + mark.length);
        return text;
      }
      from = Math.max(0, this.#text.length - mark.length);
      const count = await this.#conn.read(this.#buffer);
      if (count === null) return null;
      this.#text += latin1(this.#buffer.subarray(0, count));
    }
  }
}
