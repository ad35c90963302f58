/**
 * A mail under way into the spool.
 *
 * @module
 */

import { fail, type Result } from "../lib/result.ts";
import type { ContentWriter } from "./content_writer.ts";
import type { StoredContent } from "./protocol.ts";
import type { SpoolDraft } from "./spool.ts";

type Committed = Result<string, "no-space" | "unavailable">;

/** Content that becomes a mail by `commit`; `store` makes the stored content durable with the rows. */
export class Draft implements SpoolDraft {
  readonly id: string;
  readonly #writer: ContentWriter;
  readonly #store: (content: StoredContent) => Promise<Committed>;
  #ended = false;

  constructor(
    id: string,
    { writer, store }: {
      readonly writer: ContentWriter;
      readonly store: (content: StoredContent) => Promise<Committed>;
    },
  ) {
    this.id = id;
    this.#writer = writer;
    this.#store = store;
  }

  async write(octets: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#ended) throw new TypeError("Cannot write to draft: it has ended");
    await this.#writer.write(octets);
  }

  async commit(top?: Uint8Array): Promise<Committed> {
    if (this.#ended) throw new TypeError("Cannot commit draft: it has ended");
    // From here on the content is the Worker's: after an unclear end (it died, or COMMIT failed) the row may exist all the same, and to
    // remove the file would leave a row without content.
    this.#ended = true;
    const content = await this.#writer.finish(top);
    return content.ok ? await this.#store(content.value) : fail(content.problem);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#writer.discard();
  }
}
