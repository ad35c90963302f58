/**
 * The backend `http`: a service that answers questions over HTTPS, or on this machine over HTTP.
 *
 * @module
 */

import { resolve } from "node:path";
import { z } from "zod";
import type { Backend } from "../src/backend.ts";
import { type BackendHost, type BackendModule, defineBackend } from "../src/backend_module.ts";
import { fail, succeed } from "../src/lib/result.ts";
import { isLoopback } from "../src/lib/network.ts";
import { readAuthorities } from "./lib/authorities.ts";
import { createHelperBackend, type Respondent } from "./lib/helper_backend.ts";
import type { Heard } from "./lib/helper_life.ts";
import { answersKey, answersOf, tokensKey } from "./lib/helper_options.ts";
import { readFields } from "./lib/helper_protocol.ts";
import { type HttpPlace, type HttpReply, post } from "./lib/http_post.ts";
import { readSecretFile } from "./lib/secret_file.ts";
import { path } from "./lib/values.ts";

const URL_EXPECTED = 'expected a URL such as "https://auth.example.org/check"; without TLS on loopback only';

const OPTIONS = z.strictObject({
  /** Where to post. */
  url: z.string({ error: URL_EXPECTED }).transform((text, context): URL => {
    const url = URL.parse(text);
    if (url !== null && isAllowed(url)) return url;
    context.addIssue({ code: "custom", message: URL_EXPECTED });
    return z.NEVER;
  }),
  /** The secret that this program shows to the service. */
  secretFile: path,
  /** PEM; without it the authorities that the runtime trusts. */
  caFile: path.optional(),
  answers: answersKey,
  tokens: tokensKey,
});

/** Which kinds of answer may come with a status: a page of another server with status 200 accepts nobody, and its 404 rejects nobody. */
const KINDS_OF_STATUS: ReadonlyMap<number, readonly unknown[]> = new Map([
  [200, ["accepted", "known", "continue", "pong"]],
  [401, ["rejected"]],
  [403, ["rejected"]],
  [404, ["rejected"]],
]);

/** The module of type `http`. */
export const HTTP: BackendModule<typeof OPTIONS> = defineBackend({
  type: "http",
  schema: OPTIONS,
  deadlineMs: 10_000,
  open: async (name, options, host): Promise<Backend> => {
    const respondent = createService(await findPlace(options, host));
    const who = options.url.host;
    return createHelperBackend(name, { answers: answersOf(options), respondent, who });
  },
});

async function findPlace(
  { url, secretFile, caFile }: z.output<typeof OPTIONS>,
  { dataDir }: BackendHost,
): Promise<HttpPlace> {
  const secret = await readSecretFile(resolve(dataDir, secretFile));
  const headers = {
    "content-type": "application/json",
    accept: "application/json",
    authorization: `Bearer ${secret}`,
  };
  return { url, headers, ca: caFile === undefined ? null : await readAuthorities(resolve(dataDir, caFile)) };
}

function createService(place: HttpPlace): Respondent {
  const closed = new AbortController();
  return {
    ask: async (fields, signal) => {
      const reply = await post(place, JSON.stringify(fields), AbortSignal.any([signal, closed.signal]));
      return reply.ok ? readReply(reply.value, place.url.host) : reply;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(closed.abort()),
  };
}

/** The answer, where status and body say the same. Everything else is no answer: nobody is told no because of a wrong address. */
function readReply({ status, octets }: HttpReply, host: string): Heard {
  const kinds = KINDS_OF_STATUS.get(status);
  if (kinds === undefined) return fail(`${host} answered with status ${status}`);
  const fields = readFields(octets);
  if (fields === null) return fail(`${host} answered with status ${status} and no JSON object`);
  if (!kinds.includes(fields.kind)) {
    return fail(`${host} answered with status ${status} and an object that does not fit it`);
  }
  if (status === 404 && fields.why !== "unknown-user") {
    return fail(`${host} answered with status 404 and not "unknown-user"`);
  }
  return succeed(fields);
}

function isAllowed({ protocol, hostname, username, password, hash }: URL): boolean {
  if (username !== "" || password !== "" || hash !== "") return false;
  const bare = hostname.replace(/^\[|\]$/g, "");
  return protocol === "https:" || (protocol === "http:" && (bare === "localhost" || isLoopback(bare)));
}
