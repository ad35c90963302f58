/**
 * Idempotency-Key: a request that came twice is done once, and answered as the first time.
 *
 * @module
 */

import { createHash, scrypt } from "node:crypto";
import type { Next } from "hono";
import { hex } from "../../lib/octets.ts";
import type { Replay, Replays } from "../../records/records.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import type { ApiContext } from "./frame.ts";

const FIELD = "Idempotency-Key";
const KEY_REGEXP = /^[!-~]{1,255}$/;
/** As the passwords themselves are kept: the hash must not be the cheaper target for a thief of the records. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 ** 2 };
const HASH_OCTETS = 32;
/** What of an answer is kept beside its status and body. */
const KEPT_HEADERS = ["content-type", "location"];

/** What is needed to do a request once. */
export interface OnceParts extends Pick<SidecarParts, "records" | "now"> {
  /** Whose key it is. */
  readonly who: string;
  /** The body's value; `null`: it has none. */
  readonly body: { readonly value: unknown } | null;
}

/**
 * Lets a request without a key through, and one with a key once. Only a success is kept: whatever was refused did nothing, so it may come
 * again. In the place of an answer with a secret a problem is kept that says what to do.
 */
export async function onlyOnce(
  context: ApiContext,
  { records: { replays }, now, who, body }: OnceParts,
  next: Next,
): Promise<Response | void> {
  const key = context.req.header(FIELD);
  if (key === undefined) return await next();
  if (!KEY_REGEXP.test(key)) {
    return problem(400, { detail: `${FIELD} has 1 to 255 printable ASCII characters and no space`, field: FIELD });
  }
  const begun = replays.begin({ who, key, request: await hashOf(context, { who, key, body }) }, now());
  if (begun.kind !== "fresh") return answerAgain(begun);
  let done = false;
  try {
    await next();
    if (context.res.status < 300) {
      replays.finish({ who, key }, context.get("secret") ? SECRET_GIVEN : await replayOf(context.res));
      done = true;
    }
  } finally {
    if (!done) replays.abandon({ who, key });
  }
}

const SECRET_GIVEN: Replay = await replayOf(problem(409, {
  detail: "This request was done before, and its answer held a secret that is kept nowhere: if the answer was lost, " +
    "revoke what was made then, and ask again with another Idempotency-Key",
}));

type NotFresh = Exclude<ReturnType<Replays["begin"]>, { readonly kind: "fresh" }>;

function answerAgain(begun: NotFresh | { readonly kind: "fresh" }): Response {
  switch (begun.kind) {
    case "repeat":
      return new Response(begun.answer.body === "" ? null : begun.answer.body, {
        status: begun.answer.status,
        headers: begun.answer.headers,
      });
    case "other":
      return problem(422, { detail: `The ${FIELD} was used for another request`, field: FIELD });
    default:
      return problem(409, { detail: `The first request with this ${FIELD} is still at work` }, { "retry-after": "1" });
  }
}

async function replayOf(response: Response): Promise<Replay> {
  const headers = KEPT_HEADERS.flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return { status: response.status, headers: Object.fromEntries(headers), body: await response.clone().text() };
}

/** Of method, path and body. A body with a password costs what its own hash costs. */
async function hashOf(
  { req }: ApiContext,
  { who, key, body }: Pick<OnceParts, "who" | "body"> & { readonly key: string },
): Promise<string> {
  const text = JSON.stringify([req.method, req.url, body?.value ?? null]);
  const holdsPassword = typeof body?.value === "object" && body.value !== null && "password" in body.value;
  if (!holdsPassword) return createHash("sha256").update(text).digest("hex");
  const salt = createHash("sha256").update(JSON.stringify([who, key])).digest();
  return await new Promise((resolve, reject) => {
    scrypt(text, salt, HASH_OCTETS, SCRYPT, (error, hash) => error === null ? resolve(hex(hash)) : reject(error));
  });
}
