/**
 * The text format of Prometheus, version 0.0.4, as it is written: families of samples, each with its HELP and TYPE. Pure.
 *
 * @module
 */

/** The value of `Content-Type` for what `formatFamilies` gives. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** One number and what it is of. */
export interface Sample {
  /** What follows the family's name: `_bucket`, `_sum` and `_count` of a histogram. */
  readonly suffix?: "_bucket" | "_sum" | "_count";
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: number;
}

/** All samples of one name. */
export interface Family {
  /** Of `[a-z_]`; a counter's ends in `_total`. */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

/** Writes families, in their order; one without samples is left out. */
export function formatFamilies(families: readonly Family[]): string {
  return families.filter(({ samples }) => samples.length > 0).map(formatFamily).join("");
}

function formatFamily({ name, help, type, samples }: Family): string {
  const lines = samples.map(({ suffix = "", labels, value }) =>
    `${name}${suffix}${formatLabels(labels)} ${formatNumber(value)}\n`
  );
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function formatLabels(labels: Sample["labels"]): string {
  if (labels.length === 0) return "";
  return `{${labels.map(([name, value]) => `${name}="${escapeValue(value)}"`).join(",")}}`;
}

/** A number as the format has it, also as the value of `le`. */
export function formatNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
