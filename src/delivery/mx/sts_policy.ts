/**
 * Policies of MTA-STS (RFC 8461): a domain says which hosts take its mail, and that they show good certificates. Pure.
 *
 * @module
 */

/** A policy. Patterns are lower-case A-labels, perhaps with `*.` in front. */
export interface StsPolicy {
  readonly mode: "enforce" | "testing" | "none";
  readonly patterns: readonly string[];
  readonly maxAgeSeconds: number;
}

/** RFC 8461 section 3.2: a year and a day more. */
const MAX_AGE_LIMIT_SECONDS = 31_557_600;
const PATTERNS_LIMIT = 100;

/** The id in the TXT records of `_mta-sts.DOMAIN`, or `null` where they say that there is no policy (section 3.1). */
export function readStsId(texts: readonly string[]): string | null {
  const records = texts.filter((text) => /^v=STSv1[ \t]*(?:;|$)/.test(text));
  const [record] = records;
  // More than one counts as none.
  if (record === undefined || records.length > 1) return null;
  const fields = record.split(";").map((field) => field.trim());
  return fields.map((field) => /^id=([A-Za-z0-9]{1,32})$/.exec(field)?.[1]).find((id) => id !== undefined) ?? null;
}

/** Reads the policy that the domain serves (section 3.2); `null` when it is none. */
export function readStsPolicy(text: string): StsPolicy | null {
  const fields = text.split(/\r?\n/).flatMap((line) => {
    const [, key, value] = /^([A-Za-z0-9][A-Za-z0-9_.-]*)[ \t]*:[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [{ key, value }];
  });
  const first = (wanted: string) => fields.find(({ key }) => key === wanted)?.value ?? "";
  const mode = (["enforce", "testing", "none"] as const).find((each) => each === first("mode"));
  const maxAge = /^\d{1,10}$/.test(first("max_age")) ? Number(first("max_age")) : null;
  if (first("version") !== "STSv1" || mode === undefined || maxAge === null) return null;
  const patterns = fields.filter(({ key }) => key === "mx").map(({ value }) => value.toLowerCase());
  if (patterns.some((pattern) => !PATTERN_REGEXP.test(pattern)) || patterns.length > PATTERNS_LIMIT) return null;
  if (mode !== "none" && patterns.length === 0) return null;
  return { mode, patterns, maxAgeSeconds: Math.min(maxAge, MAX_AGE_LIMIT_SECONDS) };
}

const PATTERN_REGEXP = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?)*$/;

/** Whether a policy names a host (section 4.1): `*` stands for one whole label, the first. */
export function stsAllows({ patterns }: StsPolicy, host: string): boolean {
  const behind = host.slice(host.indexOf(".") + 1);
  return patterns.some((pattern) => pattern.startsWith("*.") ? pattern.slice(2) === behind : pattern === host);
}
