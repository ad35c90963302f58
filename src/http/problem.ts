/**
 * Problem documents (RFC 9457): the one form of every answer that is no success. Their texts are made here and by the routes,
 * never from an Error.
 *
 * @module
 */

import type { Context, Env, Hono } from "hono";
import type { z } from "zod";
import { concat, decodeUtf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import type { Log } from "../log/event.ts";
import { SpoolError } from "../spool/spool_error.ts";

/** What a problem may say besides its status. */
export interface ProblemDetails {
  /** A sentence for the person who asked. */
  readonly detail: string;
  /** The field or parameter that is wrong. */
  readonly field?: string;
  /** All mistakes, where there can be several. */
  readonly mistakes?: readonly string[];
  /** By which the line in the log is found. */
  readonly id?: string;
}

const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

/** Makes a problem document; its type is `about:blank`, so the title is the phrase of the status (RFC 9457 section 4.2.1). */
export function problem(
  status: keyof typeof TITLES,
  details: ProblemDetails,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const document = { type: "about:blank", title: TITLES[status], status, ...details };
  return new Response(JSON.stringify(document), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}

/** Adds what every app here has: no caching, and problem documents for unknown paths and for bugs. */
export function frame<Environment extends Env>(
  app: Hono<Environment>,
  options: {
    /** Whether a request holds a password: the text of an Error, which may quote one, is then not logged. */
    readonly secret: boolean | ((context: Context<Environment>) => boolean);
    readonly log: Log;
  },
): Hono<Environment> {
  app.use(async (context, next) => {
    await next();
    // An asset says for itself how long it may be kept.
    if (!context.res.headers.has("cache-control")) context.res.headers.set("cache-control", "no-store");
    context.res.headers.set("x-content-type-options", "nosniff");
  });
  app.notFound(() => problem(404, { detail: "There is nothing at this path for this method" }));
  app.onError((error, context) => {
    const secret = typeof options.secret === "boolean" ? options.secret : options.secret(context);
    const { status, details } = troubleOf(error, { secret, log: options.log });
    return problem(status, details);
  });
  return app;
}

/** What is told of an exception. */
export interface Trouble {
  readonly status: 500 | 503;
  readonly details: ProblemDetails;
}

/** Logs an exception; the result says nothing of it but how its line is found. `secret`: its text may quote one, and is not logged. */
export function troubleOf(error: Error, { secret, log }: { readonly secret: boolean; readonly log: Log }): Trouble {
  // The spool has logged its own trouble, and it is none of ours.
  if (error instanceof SpoolError) {
    return { status: 503, details: { detail: "The queue cannot be used now; the log has the reason" } };
  }
  // SQLite's words are of files and locks, never of what is in them.
  if ("code" in error && error.code === "ERR_SQLITE_ERROR") {
    log({ kind: "warning", about: "records", text: `A file of the server failed: ${error.message}` });
    return { status: 503, details: { detail: "A file of the server cannot be used now; the log has the reason" } };
  }
  const id = crypto.randomUUID();
  log({ kind: "bug", where: "http", id, text: secret ? placeOf(error) : textOf(error) });
  return { status: 500, details: { detail: "The server made a mistake; its log has the reason under this id", id } };
}

/**
 * Reads a JSON body. The problem names the first field that is wrong and quotes nothing of the body: a password may stand in it,
 * and both the JSON parser's and zod's own messages can quote their input.
 */
export async function readBody<Schema extends z.ZodType>(
  context: Context,
  options: { readonly schema: Schema; readonly limitOctets: number },
): Promise<Result<z.output<Schema>, Response>> {
  const octets = await readUpTo(context.req.raw.body, options.limitOctets);
  if (octets === null) return fail(problem(413, { detail: `A body may have ${options.limitOctets} octets at most` }));
  const json = parseJson(octets);
  if (json === undefined) return fail(problem(400, { detail: "The body is no JSON" }));
  const parsed = options.schema.safeParse(json);
  if (parsed.success) return succeed(parsed.data);
  const field = parsed.error.issues[0]?.path.join(".") ?? "";
  return fail(
    field === ""
      ? problem(422, { detail: "The body has not exactly the fields that belong here" })
      : problem(422, { detail: `The field "${field}" is missing or not of its form`, field }),
  );
}

function textOf(error: Error): string {
  return printable(`${error.name}: ${error.message}`, 500);
}

function placeOf(error: Error): string {
  const frame = error.stack?.split("\n").find((line) => /^ +at /.test(line))?.trim() ?? "at an unknown place";
  return printable(`${error.name} ${frame}`, 500);
}

/** Reads a body; `null` where it is longer. */
export async function readUpTo(
  body: ReadableStream<Uint8Array> | null,
  limitOctets: number,
): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > limitOctets) return null;
    chunks.push(chunk);
  }
  return concat(...chunks);
}

function parseJson(octets: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(octets) ?? "");
  } catch {
    return undefined;
  }
}
