/**
 * A browser as far as the pages need one: it keeps cookies, follows no redirect by itself and says which page a form came from.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type RunningProgram, type Site, startProgram } from "../lib/program.ts";
import { parseXml } from "./xml_tree.ts";

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

/** Fails for a page that is no well-formed tree: every text of a person in it is escaped then. */
export async function assertWellFormed({ text }: Pick<PageAnswer, "text">): Promise<void> {
  const root = await parseXml(text.replace(/^<!doctype html>/, ""));
  assert.equal(root.name, "html");
}

/** What a person reads of a page: its text without tags, white space as one space. */
export function readable({ text }: Pick<PageAnswer, "text">): string {
  return text.replace(/<[^>]*>/g, " ").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'").replace(/&amp;/g, "&").replace(/\s+/g, " ");
}

/** The program, with everything that it says kept. */
export function startPages(site: Pick<Site, "config">): Promise<RunningProgram> {
  return startProgram(site);
}
