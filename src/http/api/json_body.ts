/**
 * The body of a request to the API, read once and within a limit.
 *
 * @module
 */

import { decodeUtf8 } from "../../lib/octets.ts";
import { problem, readUpTo } from "../problem.ts";
import type { ApiContext } from "./frame.ts";

const LIMIT_OCTETS = 65_536;
const JSON_REGEXP = /^application\/json\s*(?:;|$)/i;

/** The value of a JSON body, which the operation can read again; or the problem, which quotes nothing of it. */
export async function readJsonBody(context: ApiContext): Promise<{ readonly value: unknown } | Response> {
  const { raw } = context.req;
  if (!JSON_REGEXP.test(context.req.header("content-type") ?? "")) {
    return problem(415, { detail: "The body has to be JSON, with Content-Type: application/json" });
  }
  const octets = await readUpTo(raw.body, LIMIT_OCTETS);
  if (octets === null) return problem(413, { detail: `A body may have ${LIMIT_OCTETS} octets at most` });
  const text = decodeUtf8(octets);
  const value = text === null ? undefined : parse(text);
  if (text === null || value === undefined) return problem(400, { detail: "The body is no JSON" });
  const headers = new Headers(raw.headers);
  headers.set("content-type", "application/json");
  context.req.raw = new Request(raw.url, { method: raw.method, headers, body: text, signal: raw.signal });
  return { value };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
