/**
 * A client that says exactly what a test tells it, over TCP and TLS.
 *
 * @module
 */

/** A conversation, line by line. */
export class WireClient implements Disposable {
  #conn: Deno.Conn;
  #text = "";

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  static async connect(port: number): Promise<WireClient> {
    return new WireClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** TLS now, checked against this authority. What the server sent before is thrown away. */
  async startTls(hostname: string, authority: string): Promise<void> {
    if (!isTcp(this.#conn)) throw new TypeError("Cannot begin TLS: it is there already");
    this.#text = "";
    this.#conn = await Deno.startTls(this.#conn, { hostname, caCerts: [authority] });
  }

  async write(octets: Uint8Array<ArrayBuffer> | string): Promise<void> {
    const all = typeof octets === "string" ? new TextEncoder().encode(octets) : octets;
    for (let at = 0; at < all.length;) at += await this.#conn.write(all.subarray(at));
  }

  /** The next line without its CRLF; `null` when the server has closed. */
  async line(): Promise<string | null> {
    const buffer = new Uint8Array(16 * 1024);
    for (;;) {
      const end = this.#text.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      const count = await this.#conn.read(buffer).catch(() => null);
      if (count === null) return null;
      this.#text += new TextDecoder().decode(buffer.subarray(0, count));
    }
  }

  /** The whole reply, its lines joined; the empty string when the server has closed. */
  async reply(): Promise<string> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line === null) return "";
      lines.push(line);
      if (!/^\d{3}-/.test(line)) return lines.join("\n");
    }
  }

  /** Sends a line and gives the whole reply. */
  async command(line: string): Promise<string> {
    await this.write(`${line}\r\n`);
    return await this.reply();
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // Closed before.
    }
  }
}

function isTcp(conn: Deno.Conn): conn is Deno.TcpConn {
  return !("handshake" in conn);
}
