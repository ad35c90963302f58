/**
 * One event as one line: JSON for machines, text for people. No field can begin a new line or pass for another field.
 *
 * @module
 */

import type { ChainStep, LogEvent } from "./event.ts";

/** ANSI colours by how bad the event is. */
const COLORS = { bad: "\x1b[31m", odd: "\x1b[33m", off: "\x1b[0m" } as const;

/** What JSON allows in a string, but a terminal or a line reader may take for more than text. */
const JSON_UNSAFE_REGEXP = /[\x7f-\x9f\u2028\u2029]/g;
/** A value that needs no quotes in the text form. */
const PLAIN_REGEXP = /^[^\s"=\\\p{C}\p{Zl}\p{Zp}]+$/u;

/** The event as a JSON object: `time`, `kind`, then its fields. Those of `authentication` have a fixed order: fail2ban reads them. */
export function jsonLine(event: LogEvent, time: string): string {
  const text = JSON.stringify({ time, ...ordered(event) });
  return text.replace(JSON_UNSAFE_REGEXP, escapeUnit);
}

/**
 * The event for people: `TIME kind: field=value ...`, null fields left out. That of a login is stable:
 * `TIME authentication failed: remote=ADDRESS ...`, the address always first, before anything that a client chose.
 */
export function textLine(event: LogEvent, time: string, options: { readonly color: boolean }): string {
  const words = wordsOf(event);
  const color = options.color ? colorOf(event) : null;
  return color === null ? `${time} ${words}` : `${time} ${color}${words}${COLORS.off}`;
}

/** Puts the result and the client's address of a login first, whatever order its maker chose. */
function ordered(event: LogEvent): Readonly<Record<string, unknown>> {
  if (event.kind !== "authentication") return event;
  const { kind, result, remote, ...rest } = event;
  return { kind, result, remote, ...rest };
}

function wordsOf(event: LogEvent): string {
  if (event.kind !== "authentication") {
    const { kind, ...fields } = event;
    return `${kind}:${fieldsText(fields)}`;
  }
  const { kind, result, remote, ...rest } = event;
  return `${kind} ${result === "rejected" ? "failed" : result}:${fieldsText({ remote, ...rest })}`;
}

function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  let text = "";
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined) continue;
    text += ` ${name}=${quoted(name === "chain" ? chainText(value) : listText(value))}`;
  }
  return text;
}

function listText(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join("; ") : String(value);
}

function chainText(value: unknown): string {
  return Array.isArray(value)
    ? value.map(({ backend, answer, ms }: ChainStep) => `${backend} ${answer} ${ms} ms`).join(", ")
    : "";
}

function quoted(value: string): string {
  if (PLAIN_REGEXP.test(value)) return value;
  return JSON.stringify(value).replace(JSON_UNSAFE_REGEXP, escapeUnit).replace(/[\p{Cf}\p{Co}\p{Cn}]/gu, escapeUnits);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Also invisible characters, such as those that turn the direction of text round. */
function escapeUnits(character: string): string {
  return character.split("").map(escapeUnit).join("");
}

function colorOf(event: LogEvent): string | null {
  switch (event.kind) {
    case "account-held":
    case "alarm":
    case "backend-down":
    case "bug":
    case "reload-refused":
      return COLORS.bad;
    case "limit-reached":
    case "warning":
    case "refused":
    case "tls-failed":
      return COLORS.odd;
    case "authentication":
      return event.result === "accepted" ? null : COLORS.odd;
    case "delivery":
      return event.outcome === "failed" ? COLORS.bad : event.outcome === "deferred" ? COLORS.odd : null;
    default:
      return null;
  }
}
