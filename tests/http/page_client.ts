/**
 * A browser as far as the pages need one: it keeps cookies, follows no redirect by itself and says which page a form came from.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RunningProgram } from "../lib/program.ts";

/** An answer, read to its end. */
export interface PageAnswer {
  readonly status: number;
  /** Where a redirect leads; `""`: it is none. */
  readonly location: string;
  readonly headers: Headers;
  readonly text: string;
}

/** Header fields of a request; `null` leaves out one that is sent else. */
export type RequestHeaders = Readonly<Record<string, string | null>>;

/** One browser. */
export class PageClient {
  readonly #base: string;
  readonly #headers: RequestHeaders;
  readonly #cookies = new Map<string, string>();

  constructor(program: Pick<RunningProgram, "port">, headers: RequestHeaders = {}) {
    this.#base = `http://127.0.0.1:${program.port("http")}`;
    this.#headers = headers;
  }

  /** The session's secret, `undefined` without one. */
  get secret(): string | undefined {
    return this.#cookies.get("__Host-session");
  }

  get(path: string, headers: RequestHeaders = {}): Promise<PageAnswer> {
    return this.#ask(path, { method: "GET", headers });
  }

  /** Sends a form, as from our own page. */
  post(
    path: string,
    fields: Readonly<Record<string, string>> = {},
    headers: RequestHeaders = {},
  ): Promise<PageAnswer> {
    const form = { "content-type": "application/x-www-form-urlencoded", origin: this.#base, ...headers };
    return this.#ask(path, { method: "POST", headers: form, body: new URLSearchParams(fields).toString() });
  }

  signIn(user: string, password: string): Promise<PageAnswer> {
    return this.post("/sign-in", { user, password });
  }

  async #ask(
    path: string,
    { headers, ...request }: { readonly method: string; readonly headers: RequestHeaders; readonly body?: string },
  ): Promise<PageAnswer> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const sent = Object.entries({ ...this.#headers, ...cookie !== "" && { cookie }, ...headers })
      .flatMap(([name, value]): [string, string][] => value === null ? [] : [[name, value]]);
    const response = await fetch(`${this.#base}${path}`, { ...request, headers: sent, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    const location = response.headers.get("location") ?? "";
    return { status: response.status, location, headers: response.headers, text: await response.text() };
  }

  #keep(line: string): void {
    const [, name = "", value = ""] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
    if (/;\s*max-age=0\b/i.test(line)) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}

/** A browser in which somebody is signed in. */
export async function signedIn(
  program: Pick<RunningProgram, "port">,
  { user, password, headers = {} }: {
    readonly user: string;
    readonly password: string;
    readonly headers?: RequestHeaders;
  },
): Promise<PageClient> {
  const client = new PageClient(program, headers);
  const answer = await client.signIn(user, password);
  assert.deepEqual([answer.status, answer.location], [303, "/"]);
  return client;
}

const VOID: ReadonlySet<string> = new Set(["meta", "link", "input", "br"]);
/** A tag with quoted or empty attributes, or a text without `<` and `>`: what of a person's text is not escaped fits neither. */
const PIECE_REGEXP = /<\/([a-z][a-z0-9]*)>|<([a-z][a-z0-9]*)(?:\s+[a-z-]+(?:="[^"<>]*")?)*\s*\/?>|[^<>]+/y;

/** Fails for a page that is no well-formed tree. */
export function assertWellFormed({ text }: Pick<PageAnswer, "text">): void {
  const begin = "<!doctype html>";
  assert.ok(text.startsWith(begin));
  const open: string[] = [];
  PIECE_REGEXP.lastIndex = begin.length;
  while (PIECE_REGEXP.lastIndex < text.length) {
    const at = PIECE_REGEXP.lastIndex;
    const piece = PIECE_REGEXP.exec(text);
    assert.ok(piece !== null, `no HTML: ${text.slice(at, at + 100)}`);
    const [whole, closing, opening] = piece;
    if (closing !== undefined) assert.equal(open.pop(), closing, `not balanced: ${text.slice(at - 100, at + 20)}`);
    if (opening !== undefined && !VOID.has(opening)) open.push(opening);
    if (closing === undefined && opening === undefined) assert.doesNotMatch(whole, /&(?![a-z]+;|#\d+;)/);
  }
  assert.deepEqual(open, []);
}

/** What a person reads of a page: its text without tags, white space as one space. */
export function readable({ text }: Pick<PageAnswer, "text">): string {
  return text.replace(/<[^>]*>/g, " ").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'").replace(/&amp;/g, "&").replace(/\s+/g, " ");
}

/**
 * A free port of loopback that no client's connection is given by itself (those are above 32767): it has to stay free for as long as a site
 * is made.
 */
export function quietPort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch {
      // Somebody listens there.
    }
  }
}
