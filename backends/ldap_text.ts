/**
 * Names inside of DNs and filters: templates with placeholders, and what keeps a name from being more than a name.
 *
 * @module
 */

/** What stands for the placeholders of a template. */
export interface TemplateValues {
  /** `{user}`: the part before the `@`. */
  readonly user: string;
  /** `{realm}`, also written `{domain}`. */
  readonly realm: string;
  /** `{dn}`: the DN of the account's entry, where there is one. */
  readonly dn?: string;
}

/** The placeholders of a template that is filled before the entry is known. `{address}` is `{user}@{realm}`. */
export const NAME_PLACEHOLDERS: readonly string[] = ["user", "realm", "domain", "address"];

const PLACEHOLDER_REGEXP = /\{([^{}]*)\}/g;
const DN_REGEXP = /^\s*(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)\s*=/;

/** The placeholders that a template uses, as they stand in it. */
export function placeholdersOf(template: string): readonly string[] {
  return Array.from(template.matchAll(PLACEHOLDER_REGEXP), ([, name = ""]) => name);
}

/** Whether a template gives a DN, and not another form of name such as Active Directory's `user@domain`. */
export function isDnTemplate(template: string): boolean {
  return DN_REGEXP.test(template);
}

/** Fills a template that gives a DN. */
export function fillDn(template: string, values: TemplateValues): string {
  return fill(template, values, escapeDnValue);
}

/** Fills a template that gives a filter. */
export function fillFilter(template: string, values: TemplateValues): string {
  return fill(template, values, escapeFilterValue);
}

/** Fills a template that gives neither: nothing is escaped there, so the names must be harmless before. */
export function fillPlain(template: string, values: TemplateValues): string {
  return fill(template, values, (text) => text);
}

/** A text as the value of an attribute in a DN (RFC 4514 section 2.4). */
export function escapeDnValue(text: string): string {
  // deno-lint-ignore no-control-regex -- NUL is one that must be escaped
  return text.replace(/^[ #]|[\x00"+,;<=>\\]| $/g, (character) => character === "\0" ? "\\00" : `\\${character}`);
}

/**
 * A text as a value in a filter (RFC 4515 section 3). What is not ASCII stays as it is: `ldapts` reads an escaped octet as a whole
 * character.
 */
export function escapeFilterValue(text: string): string {
  // deno-lint-ignore no-control-regex -- NUL is one of the five that must be escaped
  return text.replace(/[\x00()*\\]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/**
 * The attribute that a filter, or the first part of a DN, compares with `{user}`: its value is the name of the account as the directory
 * writes it. `null`: there is none.
 */
export function comparedWithUser(template: string): string | null {
  return /(?:^|[(,+])\s*([A-Za-z][A-Za-z0-9-]*)\s*=\s*\{user\}\s*(?:$|[),+])/.exec(template)?.[1] ?? null;
}

/** In one pass, so that a name which looks like a placeholder stays a name. */
function fill(template: string, { user, realm, dn = "" }: TemplateValues, escape: (text: string) => string): string {
  const values = new Map([["user", user], ["realm", realm], ["domain", realm], ["address", `${user}@${realm}`], [
    "dn",
    dn,
  ]]);
  return template.replace(PLACEHOLDER_REGEXP, (whole, name: string) => {
    const value = values.get(name);
    return value === undefined ? whole : escape(value);
  });
}
