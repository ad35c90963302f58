/**
 * The token sources of a configuration: routes with the same login share one, and so do not use up each other's refresh tokens.
 *
 * @module
 */

import type { SmarthostOAuth } from "../../config/config.ts";
import type { Log } from "../../log/event.ts";
import { TokenSource } from "./token_source.ts";

/** All sources. */
export class TokenSources implements AsyncDisposable {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #sources = new Map<string, TokenSource>();

  constructor({ log, now = Date.now }: { readonly log: Log; readonly now?: () => number }) {
    this.#log = log;
    this.#now = now;
  }

  /** The source of a login; `smarthost` is told where it has trouble, the first of several that share the login. */
  of(config: SmarthostOAuth, smarthost: string): TokenSource {
    return this.#sources.getOrInsertComputed(JSON.stringify(config), () => {
      const report = (text: string) => this.#log({ kind: "alarm", about: "smarthost-auth", text, smarthost });
      return new TokenSource({ config, now: this.#now, report });
    });
  }

  /** Asks for no more tokens. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#sources.values(), (source) => source[Symbol.asyncDispose]()));
  }
}
