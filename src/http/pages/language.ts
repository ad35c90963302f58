/**
 * The two languages of the pages. Both texts of a sentence stand side by side where it is used.
 *
 * @module
 */

/** A language of the pages. */
export type Language = "en" | "ja";

/** Chooses the text of the page's language. */
export type Translate = (en: string, ja: string) => string;

/** The name of the cookie that keeps the choice of a person. */
export const LANGUAGE_COOKIE = "language";

/** A language that is one of ours, or `null`. */
export function asLanguage(text: string | undefined): Language | null {
  return text === "en" || text === "ja" ? text : null;
}

/** The language of a request: the one chosen before, else the one that Accept-Language (RFC 9110 section 12.5.4) likes better, else English. */
export function chooseLanguage(chosen: string | undefined, accepted: string | undefined): Language {
  return asLanguage(chosen) ?? preferred(accepted ?? "");
}

/** Makes the choice of texts for a language. */
export function translator(language: Language): Translate {
  return (en, ja) => language === "ja" ? ja : en;
}

function preferred(accepted: string): Language {
  let best: { readonly language: Language; readonly quality: number } | null = null;
  for (const item of accepted.slice(0, 1000).split(",")) {
    const [, tag = "", weight] =
      /^\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?$/.exec(item) ?? [];
    const language = asLanguage(tag.toLowerCase());
    const quality = weight === undefined ? 1 : Number(weight);
    if (language !== null && quality > (best?.quality ?? 0)) best = { language, quality };
  }
  return best?.language ?? "en";
}
