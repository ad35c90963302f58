/**
 * A server that says what a test wants it to say: odd replies, cut connections, TLS. It speaks over real TCP on loopback.
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";

/** One accepted connection, from the server's side. */
export interface PeerConversation {
  /** Counted from 1 over all conversations of the peer. */
  readonly number: number;
  /** Sends text as it is. */
  send(text: string): void;
  /** The next line without its CRLF; `null` at the end. */
  line(): Promise<string | null>;
  /** The octets, as ISO-8859-1, up to the final dot, which is left out; `null` when the end comes first. */
  content(): Promise<string | null>;
  /** Waits for octets of any kind and drops them. */
  skip(): Promise<void>;
  /** The handshake as a server. */
  startTls(context: SecureContext): void;
  /** Ends in order. */
  end(): void;
  /** Cuts. */
  destroy(): void;
}

/** A listening peer. Disposing it closes everything and throws what a script threw. */
export interface ScriptedPeer extends AsyncDisposable {
  readonly port: number;
  /** How many conversations there were. */
  readonly conversations: number;
  /** Every line that `line` gave, over all conversations. */
  readonly lines: readonly string[];
}

/** Listens on a free port of loopback, or where `at` says, and runs the script for each connection. */
export async function startPeer(
  script: (peer: PeerConversation) => Promise<void>,
  at: { readonly host: string; readonly port: number } = { host: "127.0.0.1", port: 0 },
): Promise<ScriptedPeer> {
  const lines: string[] = [];
  const faults: unknown[] = [];
  const scripts: Promise<void>[] = [];
  const sockets = new Set<Conversation>();
  let conversations = 0;
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const conversation = new Conversation(socket, ++conversations, lines);
    sockets.add(conversation);
    scripts.push(script(conversation).catch((error) => void faults.push(error)).finally(() => conversation.end()));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(at.port, at.host, resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("Cannot listen: no port");
  return {
    port: address.port,
    get conversations() {
      return conversations;
    },
    lines,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const conversation of sockets) conversation.destroy();
      await Promise.all(scripts);
      await closed;
      if (faults.length > 0) throw faults[0];
    },
  };
}

/** What `serveMail` says; a reply may be several, or `null` for the usual one. */
export interface MailService {
  /** Keywords of the EHLO reply. */
  readonly offers?: readonly string[];
  readonly greeting?: string;
  /** Overrides the reply to a command line; "" says nothing. */
  readonly reply?: (line: string) => string | null;
  /** Overrides the reply to the content; called with it. */
  readonly contentReply?: (content: string) => string;
  readonly secureContext?: SecureContext;
  readonly secureOffers?: readonly string[];
}

/** Serves as an ordinary server would, but for what the options say. Content goes to `contentReply`. */
export async function serveMail(peer: PeerConversation, service: MailService = {}): Promise<void> {
  let offers = service.offers ?? ["PIPELINING", "8BITMIME", "SIZE 0", "ENHANCEDSTATUSCODES"];
  peer.send(service.greeting ?? "220 peer.example ESMTP\r\n");
  for (let line = await peer.line(); line !== null; line = await peer.line()) {
    const verb = line.split(/[ :]/)[0]?.toUpperCase();
    const reply = service.reply?.(line) ?? usualReply(verb, offers);
    peer.send(reply);
    if (verb === "QUIT" || reply.startsWith("421")) return peer.end();
    if (verb === "STARTTLS" && reply.startsWith("220") && service.secureContext !== undefined) {
      peer.startTls(service.secureContext);
      offers = service.secureOffers ?? offers;
    }
    if (reply.startsWith("354")) {
      const content = await peer.content();
      if (content === null) return;
      peer.send(service.contentReply?.(content) ?? "250 2.0.0 Queued as X1\r\n");
    }
  }
}

/** A TLS context from PEM files. */
export function contextOf(files: { readonly certificateFile: string; readonly keyFile: string }): SecureContext {
  return createSecureContext({
    cert: Deno.readTextFileSync(files.certificateFile),
    key: Deno.readTextFileSync(files.keyFile),
  });
}

function usualReply(verb: string | undefined, offers: readonly string[]): string {
  switch (verb) {
    case "EHLO":
      return ["peer.example", ...offers].map((line, at) => `250${at < offers.length ? "-" : " "}${line}\r\n`).join("");
    case "STARTTLS":
      return "220 2.0.0 Go ahead\r\n";
    case "DATA":
      return "354 Go ahead\r\n";
    case "QUIT":
      return "221 2.0.0 Bye\r\n";
    default:
      return "250 2.0.0 OK\r\n";
  }
}

class Conversation implements PeerConversation {
  readonly number: number;
  readonly #lines: string[];
  #socket: Socket;
  #text = "";
  #ended = false;
  #changed = Promise.withResolvers<void>();

  constructor(socket: Socket, number: number, lines: string[]) {
    this.number = number;
    this.#lines = lines;
    this.#socket = socket;
    this.#attach(socket);
  }

  send(text: string): void {
    if (!this.#ended && text !== "") this.#socket.write(new TextEncoder().encode(text));
  }

  async line(): Promise<string | null> {
    const line = await this.#upTo("\r\n");
    if (line !== null) this.#lines.push(line);
    return line;
  }

  async content(): Promise<string | null> {
    if (this.#text.startsWith(".\r\n") || (this.#text.length < 3 && await this.#emptyContent())) {
      this.#text = this.#text.slice(3);
      return "";
    }
    const content = await this.#upTo("\r\n.\r\n");
    return content === null ? null : `${content}\r\n`;
  }

  async skip(): Promise<void> {
    while (this.#text === "" && !this.#ended) await this.#changed.promise;
    this.#text = "";
  }

  startTls(secureContext: SecureContext): void {
    this.#socket.removeAllListeners("data");
    this.#socket.pause();
    const secure = new TLSSocket(this.#socket, { isServer: true, secureContext });
    this.#socket = secure;
    this.#attach(secure);
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#end();
  }

  async #emptyContent(): Promise<boolean> {
    while (this.#text.length < 3 && !this.#ended) await this.#changed.promise;
    return this.#text.startsWith(".\r\n");
  }

  async #upTo(mark: string): Promise<string | null> {
    for (;;) {
      const at = this.#text.indexOf(mark);
      if (at !== -1) {
        const text = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + mark.length);
        return text;
      }
      if (this.#ended) return null;
      await this.#changed.promise;
    }
  }

  #attach(socket: Socket): void {
    socket.on("data", (chunk: Uint8Array) => {
      this.#text += Array.from(chunk, (octet) => String.fromCharCode(octet)).join("");
      this.#notify();
    });
    socket.on("error", () => this.#end());
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
  }

  #end(): void {
    this.#ended = true;
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
