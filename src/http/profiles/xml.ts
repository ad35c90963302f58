/**
 * Writing XML: elements whose texts and attributes are always escaped.
 *
 * @module
 */

/** An element: its name, its attributes, and a text or elements inside. */
export interface XmlElement {
  readonly name: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly content?: string | readonly XmlElement[];
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
  ["'", "&apos;"],
]);

/** What XML 1.0 cannot hold in any form (section 2.2), a lone surrogate among it. */
// deno-lint-ignore no-control-regex -- control characters are what this looks for
const IMPOSSIBLE_REGEXP = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Cs}/gu;

/** An element with a text or elements inside. */
export function element(name: string, content: string | readonly XmlElement[]): XmlElement {
  return { name, content };
}

/** The document with this root. `doctype` is a whole declaration. */
export function xmlDocument(root: XmlElement, { doctype }: { readonly doctype?: string } = {}): string {
  return `${DECLARATION}${doctype === undefined ? "" : `${doctype}\n`}${write(root, "")}`;
}

/** A text as XML holds it, in an element or between quotes. What XML cannot hold becomes a question mark. */
export function escapeXml(text: string): string {
  return text.replace(IMPOSSIBLE_REGEXP, "?").replace(/[&<>"']/g, (character) => ESCAPES.get(character) ?? "");
}

function write({ name, attributes = {}, content = [] }: XmlElement, indent: string): string {
  const given = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`).join("");
  if (typeof content === "string") return `${indent}<${name}${given}>${escapeXml(content)}</${name}>\n`;
  if (content.length === 0) return `${indent}<${name}${given}/>\n`;
  const inside = content.map((child) => write(child, `${indent}  `)).join("");
  return `${indent}<${name}${given}>\n${inside}${indent}</${name}>\n`;
}
