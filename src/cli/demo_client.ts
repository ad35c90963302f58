/**
 * A small SMTP client for the demo: it speaks over TCP what a mail client speaks, and shows the codes.
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from "../lib/octets.ts";
import { type ClientMechanismName, startClient } from "../sasl/client.ts";

/** Who logs in, and how. */
export interface DemoLogin {
  readonly mechanism: ClientMechanismName;
  readonly authcid: string;
  readonly password: string;
  /** For the -PLUS forms: `tls-server-end-point` of the server's certificate. */
  readonly binding: Uint8Array | null;
}

/** How a client reaches the server. */
export interface DemoPeer {
  /** `host:port`. */
  readonly address: string;
  readonly hostname: string;
  /** PEM. */
  readonly authority: string;
}

/** A conversation. `command` gives the last line of the reply. */
export class DemoClient implements Disposable {
  #conn: Deno.Conn;
  #rest = "";
  readonly #peer: DemoPeer;

  private constructor(conn: Deno.Conn, peer: DemoPeer) {
    this.#conn = conn;
    this.#peer = peer;
  }

  /** Connects and says EHLO; with `tls`, says STARTTLS and EHLO again. */
  static async connect(peer: DemoPeer, options: { readonly tls: boolean }): Promise<DemoClient> {
    const at = peer.address.lastIndexOf(":");
    const address = { hostname: peer.address.slice(0, at), port: Number(peer.address.slice(at + 1)) };
    const conn = await Deno.connect(address);
    const client = new DemoClient(conn, peer);
    await client.#reply();
    await client.command("EHLO demo.example");
    if (!options.tls) return client;
    await client.command("STARTTLS");
    client.#conn = await Deno.startTls(conn, { hostname: peer.hostname, caCerts: [peer.authority] });
    await client.command("EHLO demo.example");
    return client;
  }

  /** Sends a line. */
  async command(line: string): Promise<string> {
    await this.#write(`${line}\r\n`);
    return await this.#reply();
  }

  /** A whole AUTH exchange; the reply is its end. */
  async authenticate({ mechanism, authcid, password, binding }: DemoLogin): Promise<string> {
    const exchange = startClient(mechanism, {
      ...{ authcid, password, binding, authzid: "", realm: "", host: this.#peer.hostname },
      nonce: crypto.getRandomValues(new Uint8Array(18)),
    });
    const initial = exchange.initial === null ? "" : ` ${encodeBase64(exchange.initial)}`;
    let reply = await this.command(`AUTH ${mechanism}${initial}`);
    for (let { respond } = exchange; reply.startsWith("334 ");) {
      const step = respond(decodeBase64(reply.slice(4)) ?? new Uint8Array());
      if (step.kind === "failed") return await this.command("*");
      reply = await this.command(encodeBase64(step.octets));
      respond = step.next.respond;
    }
    return reply;
  }

  /** Sends one mail; the reply is the one that ended it, well or not. */
  async send(mail: { readonly from: string; readonly to: string; readonly content: string }): Promise<string> {
    for (const line of [`MAIL FROM:<${mail.from}>`, `RCPT TO:<${mail.to}>`, "DATA"]) {
      const reply = await this.command(line);
      if (!/^[23]/.test(reply)) return reply;
    }
    await this.#write(mail.content.replace(/^\./gm, ".."));
    return await this.command(".");
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }

  async #write(text: string): Promise<void> {
    const octets = new TextEncoder().encode(text);
    for (let at = 0; at < octets.length;) at += await this.#conn.write(octets.subarray(at));
  }

  async #reply(): Promise<string> {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const last = /^(?:\d{3}-.*\r\n)*(\d{3} .*)\r\n/.exec(this.#rest);
      if (last !== null) {
        this.#rest = this.#rest.slice(last[0].length);
        return last[1] ?? "";
      }
      const count = await this.#conn.read(buffer);
      if (count === null) throw new Error("the server has closed the connection");
      this.#rest += new TextDecoder().decode(buffer.subarray(0, count));
    }
  }
}
