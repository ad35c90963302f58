/** The suite on the backend of `docs/backends.md`, with a daemon that stops and hangs; and the suite against backends that are wrong. */

import { equal, ok, rejects } from "node:assert/strict";
import { createInterface } from "node:readline";
import { createServer, type Server, type Socket } from "node:net";
import type { Answer, Backend } from "../../src/backend.ts";
import { backendContract, type ContractOptions, type OpenBackend } from "./contract.ts";
import { LINES } from "./example_backend.ts";

const RIGHT = { user: { local: "shin", realm: "baz.co.jp" }, password: "tanstaaf 42" };
const FOREIGN = { user: { local: "søren", realm: "baz.co.jp" }, password: "grüße" };

/** The daemon that the backend asks. */
class LineDaemon implements AsyncDisposable {
  port = 0;
  #server: Server | null = null;
  #paused = false;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];

  async start(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    const address = server.address();
    if (address !== null && typeof address === "object") this.port = address.port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const answer of this.#held.splice(0)) answer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    createInterface({ input: socket }).on("line", (line) => {
      const answer = () => void socket.end(`${answerTo(JSON.parse(line))}\n`);
      if (this.#paused) this.#held.push(answer);
      else answer();
    }).on("error", () => {});
  }
}

function answerTo({ user, realm, password }: Readonly<Record<string, string>>): string {
  const found = [RIGHT, FOREIGN].find((each) => each.user.local === user && each.user.realm === realm);
  if (found === undefined) return "unknown";
  return password === undefined || password === found.password ? "yes" : "no";
}

interface Opened extends OpenBackend {
  readonly daemon: LineDaemon;
}

const openBackend = ({ port }: LineDaemon) =>
  LINES.open("lines", { port }, { dataDir: "/nowhere", defaultRealm: "baz.co.jp", accounts: () => never() });

const OPTIONS: ContractOptions<Opened> = {
  open: async () => {
    const daemon = new LineDaemon();
    await daemon.start();
    const backend = await openBackend(daemon);
    return {
      ...{ backend, daemon },
      [Symbol.asyncDispose]: async () => {
        await backend[Symbol.asyncDispose]();
        await daemon[Symbol.asyncDispose]();
      },
    };
  },
  right: RIGHT,
  foreign: FOREIGN,
  unknown: { local: "taro", realm: "baz.co.jp" },
  deadlineMs: 5_000,
  peer: {
    stop: ({ daemon }) => daemon.stop(),
    start: ({ daemon }) => daemon.start(),
    pause: ({ daemon }) => daemon.pause(),
    resume: ({ daemon }) => daemon.resume(),
    reopen: ({ daemon }) => openBackend(daemon),
  },
};

backendContract("the example of the docs", OPTIONS);

Deno.test("the example stands in the docs as it is here", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
  const example = (await read("tests/backends/example_backend.ts")).replaceAll("../../src/", "../src/");
  const [, shown] = /```ts\n(\/\*\*\n \* The backend `lines`[^]*?)```/.exec(await read("docs/backends.md")) ?? [];
  equal(shown, example);
});

/** What a backend does wrong, and a test of the suite that must find it. */
const WRONGS: readonly (readonly [string, string, (right: Backend) => Partial<Backend>])[] = [
  ["an outage told as a wrong password", "with its peer stopped it answers", (right) => ({
    ask: async (question, signal) => {
      const answer = await right.ask(question, signal);
      return answer.kind === "unavailable" ? { kind: "rejected", why: "wrong-secret" } : answer;
    },
  })],
  ["a signal that is not obeyed", "with its peer hung it obeys", (right) => ({
    ask: (question) => right.ask(question, new AbortController().signal),
  })],
  ["an empty password that is sent", "with its peer stopped it answers", (right) => ({
    ask: (question, signal) =>
      right.ask(
        question.kind === "password" && question.password === "" ? { ...question, password: "x" } : question,
        signal,
      ),
  })],
  ["a password that is cut at a NUL", "strange passwords", (right) => ({
    ask: (question, signal) =>
      right.ask(
        question.kind === "password" ? { ...question, password: question.password.split("\0")[0] ?? "" } : question,
        signal,
      ),
  })],
  ["a password in a cause", "with its peer stopped it answers", (right) => ({
    ask: async (question, signal) => {
      const answer = await right.ask(question, signal);
      return answer.kind === "unavailable" && question.kind === "password"
        ? { ...answer, cause: `${answer.cause} ${question.password}` }
        : answer;
    },
  })],
  ["answers that are mixed up", "200 at once", (right) => {
    let last: Answer | null = null;
    return {
      ask: async (question, signal) => {
        const answer = await right.ask(question, signal);
        const wrong = last ?? answer;
        last = answer;
        return wrong;
      },
    };
  }],
  ["a name that is a pattern", "strange names", (right) => ({
    ask: (question, signal) =>
      question.kind !== "token" && question.user.local.includes("*")
        ? right.ask({ ...question, user: RIGHT.user }, signal)
        : right.ask(question, signal),
  })],
  ["a bare name", "the right password is accepted", (right) => ({
    ask: async (question, signal) => {
      const answer = await right.ask(question, signal);
      return answer.kind === "accepted" ? { ...answer, account: { ...answer.account, name: "shin" } } : answer;
    },
  })],
  ["an error for an outage", "with its peer stopped it answers", (right) => ({
    ask: async (question, signal) => {
      const answer = await right.ask(question, signal);
      if (answer.kind === "unavailable") throw new Error(answer.cause);
      return answer;
    },
  })],
];

for (const [what, title, change] of WRONGS) {
  Deno.test(`the suite finds ${what}`, async () => {
    const tests = new Map<string, () => Promise<void>>();
    backendContract("wrong", {
      ...OPTIONS,
      open: async () => {
        const opened = await OPTIONS.open();
        return { ...opened, backend: { ...opened.backend, ...change(opened.backend) } };
      },
      test: (name, run) => void tests.set(name, run),
    });
    const [run] = [...tests].filter(([name]) => name.startsWith(`wrong: ${title}`)).map(([, run]) => run);
    ok(run !== undefined);
    await rejects(run);
  });
}

function never(): never {
  throw new TypeError("this backend has no account store");
}
