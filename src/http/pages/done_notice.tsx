/**
 * The notice above a page that a form led to: what came of it, by the word `done` in the page's address.
 *
 * @module
 */

import { type Markup, Notice } from "./layout.tsx";
import type { PageContext } from "./page_env.ts";

/** What is said for each word. */
export type DoneTexts = ReadonlyMap<
  string,
  { readonly kind: "good" | "bad" | "warn" | "info"; readonly en: string; readonly ja: string }
>;

/** The notice, or nothing where there is no such word. */
export function DoneNotice(
  { context, texts }: { readonly context: PageContext; readonly texts: DoneTexts },
): Markup | null {
  const text = texts.get(context.req.query("done") ?? "");
  return text === undefined ? null : <Notice kind={text.kind}>{context.get("t")(text.en, text.ja)}</Notice>;
}
