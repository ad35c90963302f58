/**
 * The interface of checkpassword (cr.yp.to/checkpwd/interface.html): a program run for each question, which reads name and password from
 * descriptor 3 and answers with its exit code.
 *
 * @module
 */

import type { Answer, Backend, Question } from "../src/backend.ts";
import { utf8 } from "../src/lib/octets.ts";
import { fail, type Result, succeed } from "../src/lib/result.ts";
import { answerUnasked } from "./lib/helper_options.ts";
import { HelperProcess, type Program } from "./lib/helper_process.ts";
import { servesRealm, writeName } from "./lib/values.ts";

/** What a backend is made of. */
export interface CheckpasswordOptions {
  readonly program: Program;
  readonly userName: Parameters<typeof writeName>[0];
  readonly host: Parameters<typeof servesRealm>[1];
  readonly warn: (text: string) => void;
}

/** All that stands at descriptor 3; a program need not read more. */
const DATA_LIMIT_OCTETS = 512;
/** The runtime hands over no descriptor 3: the shell moves its standard input there and becomes the program. */
const SHELL = "/bin/sh";
const MOVE_INPUT = 'exec "$0" "$@" 3<&0 </dev/null';
/** So much of what one run says is logged. */
const SAID_LINES = 5;

const ANSWERS: Backend["answers"] = { password: true, lookup: false, schemes: new Set(), tokens: new Set() };

/** Makes the backend. */
export function createCheckpasswordBackend(name: string, options: CheckpasswordOptions): Backend {
  const serves = servesRealm(options, options.host);
  const closed = new AbortController();
  const run = (data: Uint8Array<ArrayBuffer>, { remote, signal }: Context) =>
    runOnce(data, { ...options, remote, signal: AbortSignal.any([signal, closed.signal]) });
  return {
    ...{ name, answers: ANSWERS },
    ask: async (question, signal): Promise<Answer> => {
      const unasked = answerUnasked(question, ANSWERS);
      if (unasked !== null || question.kind !== "password") return unasked ?? { kind: "rejected", why: "not-allowed" };
      const { user, password, origin: { remote } } = question;
      if (!serves(user)) return { kind: "rejected", why: "unknown-user" };
      const data = dataOf(writeName(options.userName, user), password);
      if (data.length > DATA_LIMIT_OCTETS) {
        return { kind: "rejected", why: "wrong-secret", note: "too long to be asked" };
      }
      const code = await run(data, { remote, signal });
      if (!code.ok) return { kind: "unavailable", cause: code.problem };
      return refusalOf(code.value) ?? accepted(question, name);
    },
    probe: async (signal) => {
      // Nobody has a name with a line feed in it: any answer will do.
      const code = await run(dataOf("\n", crypto.randomUUID()), { remote: "local", signal });
      const refusal = code.ok ? refusalOf(code.value) : null;
      if (!code.ok) return code;
      return refusal?.kind === "unavailable" ? fail(refusal.cause) : succeed(undefined);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(closed.abort()),
  };
}

/** Name, password and a time stamp, each with a NUL behind it. */
function dataOf(login: string, password: string): Uint8Array<ArrayBuffer> {
  return utf8(`${login}\0${password}\0${Math.floor(Date.now() / 1000)}\0`);
}

/** `null`: accepted. The interface does not tell a wrong password and an unknown name apart. */
function refusalOf(code: number): Answer | null {
  switch (code) {
    case 0:
      return null;
    case 1:
      return { kind: "rejected", why: "wrong-secret" };
    case 2:
      return { kind: "unavailable", cause: "the program says that it was misused (exit code 2)" };
    case 111:
      return { kind: "unavailable", cause: "the program has a problem for now (exit code 111)" };
    default:
      return { kind: "unavailable", cause: `the program ended with exit code ${code}` };
  }
}

function accepted({ user }: Extract<Question, { readonly kind: "password" }>, backend: string): Answer {
  const account = { name: `${user.local}@${user.realm}`, backend, addresses: [], groups: [], attributes: {} };
  return { kind: "accepted", account, credential: "password", version: "1" };
}

interface Context {
  readonly remote: string;
  readonly signal: AbortSignal;
}

/** The exit code. The signal ends the program, and what it has started, with -9. */
async function runOnce(
  data: Uint8Array<ArrayBuffer>,
  { program, remote, warn, signal }: Context & Pick<CheckpasswordOptions, "program" | "warn">,
): Promise<Result<number, string>> {
  if (signal.aborted) return fail("given up before the program was started");
  const { path, args, env, as } = program;
  // The name that such programs know from tcpserver.
  const client = remote === "local" ? {} : { TCPREMOTEIP: remote };
  const { promise, resolve } = Promise.withResolvers<Result<number, string>>();
  let said = 0;
  const started = HelperProcess.start(
    { path: SHELL, args: ["-c", MOVE_INPUT, path, ...args], env: { ...env, ...client }, as },
    {
      line: () => {},
      said: (text) => {
        if (++said <= SAID_LINES) warn(`the program says: ${text}`);
      },
      ended: (how, code) => resolve(code === null ? fail(`the program ${how}`) : succeed(code)),
    },
  );
  if (!started.ok) return fail(`the program ${started.problem}`);
  const process = started.value;
  const kill = () => {
    process.kill();
    resolve(fail("given up before the program answered"));
  };
  signal.addEventListener("abort", kill, { once: true });
  process.send(data);
  process.closeInput();
  const code = await promise;
  signal.removeEventListener("abort", kill);
  return code;
}
