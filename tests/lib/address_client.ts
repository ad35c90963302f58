/**
 * A client that connects from an address of its own in 127.0.0.0/8, of which the whole is this machine's loopback.
 *
 * @module
 */

import { connect, type Socket } from "node:net";
import { connect as secure, type TLSSocket } from "node:tls";

/** A conversation, line by line. */
export class AddressClient implements Disposable {
  #socket: Socket | TLSSocket;
  #text = "";
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  static async connect(port: number, address: string): Promise<AddressClient> {
    const socket = connect({ host: "127.0.0.1", port, localAddress: address });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new AddressClient(socket);
  }

  /** Begins TLS; the certificate is not looked at. */
  async startTls(): Promise<void> {
    const socket = this.#socket;
    socket.removeAllListeners("data");
    const above = secure({ socket, rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => above.once("secureConnect", resolve).once("error", reject));
    this.#socket = above;
    this.#listen(above);
  }

  /** The whole reply, its lines joined; the empty string when the server has closed. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#text);
      if (match !== null) {
        this.#text = this.#text.slice(match[0].length);
        return match[0].trimEnd();
      }
      if (this.#ended) return "";
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Sends octets as they are, each a character. */
  write(text: string): void {
    this.#socket.write(text, "latin1");
  }

  /** Sends a line and gives the whole reply. */
  async command(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return await this.reply();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket | TLSSocket): void {
    socket.on("data", (octets) => this.#take(String(octets)));
    socket.on("error", () => this.#end());
    socket.on("close", () => this.#end());
  }

  #take(text: string): void {
    this.#text += text;
    this.#wake();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }
}
