/**
 * An HTTP service that answers the questions of the backend `http`, on loopback, in this process.
 *
 * @module
 */

/** How it is set up. */
export interface AuthServiceOptions {
  /** What a request has to show. */
  readonly secret: string;
  /** Passwords by `local@realm`. */
  readonly accounts: ReadonlyMap<string, string>;
  /** PEM; without it HTTP in clear. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Answers in the place of this service. */
  readonly instead?: (request: Request) => Response | Promise<Response> | null;
}

/** A service that a test stops, starts again, and makes hang. Disposing ends it, also while it hangs. */
export class AuthService implements AsyncDisposable {
  readonly #options: AuthServiceOptions;
  /** Requests as they came. */
  readonly asked: { readonly method: string; readonly authorization: string | null; readonly body: string }[] = [];
  #server: Deno.HttpServer<Deno.NetAddr> | null = null;
  #port = 0;
  #cut = new AbortController();
  #going = Promise.withResolvers<void>();

  constructor(options: AuthServiceOptions) {
    this.#options = options;
    this.#going.resolve();
    this.start();
  }

  get url(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://localhost:${this.#port}/check`;
  }

  /** Begins to accept connections, each time on the same port. */
  start(): void {
    this.#cut = new AbortController();
    const place = { hostname: "127.0.0.1", port: this.#port, onListen: () => {}, signal: this.#cut.signal };
    this.#server = Deno.serve({ ...place, ...this.#options.tls }, (request) => this.#answer(request));
    this.#port = this.#server.addr.port;
  }

  /** Closes everything. */
  async stop(): Promise<void> {
    this.resume();
    this.#cut.abort();
    await this.#server?.finished;
    this.#server = null;
  }

  /** From now on it accepts connections and answers none. */
  pause(): void {
    this.#going = Promise.withResolvers();
  }

  /** Answers, those too that came in the meantime. */
  resume(): void {
    this.#going.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #answer(request: Request): Promise<Response> {
    const authorization = request.headers.get("authorization");
    const body = await request.clone().text();
    this.asked.push({ method: request.method, authorization, body });
    await this.#going.promise;
    const { secret, accounts, instead } = this.#options;
    const other = instead?.(request) ?? null;
    if (other !== null) return other;
    if (authorization !== `Bearer ${secret}`) return new Response("who are you?", { status: 401 });
    const question = JSON.parse(body);
    if (question.kind === "ping") return Response.json({ kind: "pong" });
    const name = `${question.user.local}@${question.user.realm}`;
    const password = accounts.get(name);
    if (password === undefined) return Response.json({ kind: "rejected", why: "unknown-user" }, { status: 404 });
    const account = { name, addresses: [], groups: ["staff"], attributes: {} };
    if (question.kind === "lookup") return Response.json({ kind: "known", account });
    if (question.password !== password) {
      return Response.json({ kind: "rejected", why: "wrong-secret" }, { status: 403 });
    }
    return Response.json({ kind: "accepted", account });
  }
}
