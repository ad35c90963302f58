/**
 * The protocol of helpers, version 1: a line of JSON for each question and for each answer. HTTP services get and give the same objects.
 *
 * @module
 */

import { z } from "zod";
import type { Question } from "../../src/backend.ts";
import { decodeUtf8, encodeBase64 } from "../../src/lib/octets.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";

/** Most octets of a line, its end not counted. */
export const LINE_LIMIT_OCTETS = 262_144;

/** An object on its way, without its id. */
export type Fields = Readonly<Record<string, unknown>>;

/** The question that asks nothing of an account: is anybody there? Answered with `pong`. */
export const PING: Fields = { kind: "ping" };

const GREETING = z.object({ dokodemo: z.literal(1), cancel: z.boolean().default(false) });
const PONG = z.object({ kind: z.literal("pong") });
const OUTAGE = z.object({ kind: z.literal("unavailable"), cause: z.string() });

/** A question as it is sent; octets in base64. */
export function questionFields(question: Question): Fields {
  return question.kind === "token" ? { ...question, octets: encodeBase64(question.octets) } : { ...question };
}

/** The JSON object that these octets are, or `null`. */
export function readFields(octets: Uint8Array): Fields | null {
  const text = decodeUtf8(octets);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

/** The first line of a helper: it is ready, and whether it wants to be told of questions that nobody waits for any more. */
export function readGreeting(fields: Fields): { readonly cancel: boolean } | null {
  const read = GREETING.safeParse(fields);
  return read.success ? read.data : null;
}

/** The answer to a ping; the problem is a sentence. */
export function readPong(fields: Fields): Result<void, string> {
  if (PONG.safeParse(fields).success) return succeed(undefined);
  const outage = OUTAGE.safeParse(fields);
  return fail(outage.success ? outage.data.cause : "it does not answer a ping with a pong");
}
