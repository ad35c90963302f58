/**
 * The content of one mail for another one as well.
 *
 * @module
 */

import { CONTENT_FOLDER } from "./database.ts";
import type { StoredContent } from "./protocol.ts";

/** Stored content under a second id. A file gets a second name, durable when this resolves; `null`: the system does not do it. */
export async function linkContent(
  dir: string,
  content: StoredContent,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<StoredContent | null> {
  if (content.kind === "row") return content;
  const path = `${dir}/${CONTENT_FOLDER}`;
  try {
    await Deno.link(`${path}/${from}`, `${path}/${to}`);
    using folder = await Deno.open(path);
    await folder.sync();
    return { kind: "file" };
  } catch {
    return null;
  }
}
