/**
 * The backend `lines`: passwords that a daemon on this machine checks, one line of JSON there and one back.
 *
 * @module
 */

import { z } from "zod";
import type { Answer, Backend, Question, UserName } from "../../src/backend.ts";
import { type BackendModule, defineBackend } from "../../src/backend_module.ts";
import { fail, succeed } from "../../src/lib/result.ts";

const OPTIONS = z.strictObject({
  /** The port on 127.0.0.1. */
  port: z.int().min(1).max(65_535),
});

/** The module of type `lines`. */
export const LINES: BackendModule<typeof OPTIONS> = defineBackend({
  type: "lines",
  schema: OPTIONS,
  deadlineMs: 5_000,
  open: (name, { port }) => Promise.resolve(createBackend(name, port)),
});

function createBackend(name: string, port: number): Backend {
  return {
    name,
    answers: { password: true, lookup: true, schemes: new Set(), tokens: new Set() },
    ask: (question, signal) => answer(question, { name, port, signal }),
    probe: async (signal) => {
      const told = await tell({ user: "", realm: "" }, { port, signal });
      return told.startsWith("cannot ") ? fail(told) : succeed(undefined);
    },
    // Nothing stays open between two questions.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface Context {
  readonly port: number;
  readonly signal: AbortSignal;
}

async function answer(question: Question, context: Context & { readonly name: string }): Promise<Answer> {
  switch (question.kind) {
    case "password": {
      const { user: { local, realm }, password } = question;
      if (password === "") return { kind: "rejected", why: "wrong-secret" };
      const told = await tell({ user: local, realm, password }, context);
      if (told !== "yes") return refusal(told);
      const account = accountOf(question.user, context.name);
      return { kind: "accepted", account, credential: "password", version: "1" };
    }
    case "lookup": {
      const told = await tell({ user: question.user.local, realm: question.user.realm }, context);
      return told === "yes" ? { kind: "known", account: accountOf(question.user, context.name) } : refusal(told);
    }
    default:
      return { kind: "rejected", why: "not-allowed" };
  }
}

function refusal(told: string): Answer {
  if (told === "no") return { kind: "rejected", why: "wrong-secret" };
  if (told === "unknown") return { kind: "rejected", why: "unknown-user" };
  return { kind: "unavailable", cause: told };
}

function accountOf({ local, realm }: UserName, backend: string) {
  return { name: `${local}@${realm}`, backend, addresses: [], groups: [], attributes: {} };
}

/** What the daemon says, or a sentence that begins with "cannot". Never what it was asked. */
async function tell(line: Readonly<Record<string, string>>, { port, signal }: Context): Promise<string> {
  try {
    signal.throwIfAborted();
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    // Closing ends the read: that is how the signal is obeyed.
    const close = () => connection.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      await connection.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
      const octets = new Uint8Array(16);
      const length = await connection.read(octets) ?? 0;
      const told = new TextDecoder().decode(octets.subarray(0, length)).trim();
      return ["yes", "no", "unknown"].includes(told) ? told : `cannot understand 127.0.0.1:${port}`;
    } finally {
      signal.removeEventListener("abort", close);
    }
  } catch (error) {
    return `cannot ask 127.0.0.1:${port}: ${error instanceof Error ? error.name : "unknown reason"}`;
  }
}
