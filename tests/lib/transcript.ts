/**
 * Reads a session transcript (see `tests/transcripts/README.md`).
 *
 * @module
 */

/** One line of a transcript that does something. */
export interface TranscriptLine {
  readonly kind: "client" | "raw" | "together" | "server" | "rest" | "tls" | "closed" | "setting" | "queued" | "auth";
  readonly text: string;
  readonly number: number;
}

/** A transcript: its settings and its lines. */
export interface Transcript {
  readonly settings: ReadonlyMap<string, string>;
  readonly lines: readonly TranscriptLine[];
}

const KINDS: ReadonlyMap<string, TranscriptLine["kind"]> = new Map([
  ["C:", "client"],
  ["R:", "raw"],
  ["P:", "together"],
  ["A:", "auth"],
  ["S:", "server"],
  ["...", "rest"],
  ["T:", "tls"],
  ["X:", "closed"],
  ["@", "setting"],
  ["Q:", "queued"],
]);

/** Splits a transcript into lines and expands what stands in `{{ }}`. */
export function parseTranscript(source: string): Transcript {
  const lines: TranscriptLine[] = [];
  const settings = new Map<string, string>();
  source.split("\n").forEach((raw, index) => {
    if (raw.trim() === "" || raw.startsWith("#")) return;
    const [mark = "", ...rest] = raw.split(" ");
    const kind = KINDS.get(mark);
    if (kind === undefined) throw new SyntaxError(`Cannot read line ${index + 1}: mark is "${mark}"`);
    const text = expand(rest.join(" "));
    if (kind === "setting") {
      const [key = "", ...value] = text.split(" ");
      settings.set(key, value.join(" "));
    } else lines.push({ kind, text, number: index + 1 });
  });
  return { settings, lines };
}

/** Whether a server line fits a pattern, where `*` stands for any text. */
export function matches(pattern: string, line: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(line);
}

/** The octets of a `C:` line with its CRLF, of an `R:` line with its escapes, of a `P:` line with `|` as CRLF. */
export function octetsOf({ kind, text }: TranscriptLine): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  if (kind === "client") return encoder.encode(`${text}\r\n`);
  if (kind === "together") return encoder.encode(`${text.split("|").join("\r\n")}\r\n`);
  const parts = text.split(/(\\r|\\n|\\0|\\x[0-9a-f]{2})/).map((part) => ESCAPES.get(part) ?? hexEscape(part) ?? part);
  const octets = parts.flatMap((part) => typeof part === "number" ? [part] : [...encoder.encode(part)]);
  return new Uint8Array(octets);
}

const ESCAPES: ReadonlyMap<string, number> = new Map([["\\r", 13], ["\\n", 10], ["\\0", 0]]);

function hexEscape(part: string): number | undefined {
  return /^\\x[0-9a-f]{2}$/.test(part) ? parseInt(part.slice(2), 16) : undefined;
}

function expand(text: string): string {
  return text
    .replace(/\{\{plain (.*?)\}\}/g, (_all, fields: string) => {
      const joined = fields.split(" ").map((field) => field === "-" ? "" : field).join("\0");
      return new TextEncoder().encode(joined).toBase64();
    })
    .replace(/\{\{base64 (.*?)\}\}/g, (_all, words: string) => new TextEncoder().encode(words).toBase64())
    .replace(/\{\{repeat (\S+) (\d+)\}\}/g, (_all, word: string, count: string) => word.repeat(Number(count)));
}
