/**
 * The options of a backend as they are shown. Only its module knows them, so what could be a secret is taken for one.
 *
 * @module
 */

import { isTable, toSnake } from "../../config/keys.ts";
import { secretsIn } from "../../config/mistakes.ts";
import { addressText, durationText, MASK } from "./shown_values.ts";

const MEBIBYTE = 1024 ** 2;

/** Shows them with the names of the file. */
export function shownOptions(options: unknown): Readonly<Record<string, unknown>> {
  if (!isTable(options)) return {};
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined && value !== null)
      .map(([key, value]) => [fileKey(key), shown(fileKey(key), value)]),
  );
}

/** Names that a person chose, such as realms, stay as they are. */
function fileKey(key: string): string {
  return /^[a-z]+(?:[A-Z][a-z0-9]*)+$/.test(key) ? toSnake(key) : key;
}

/** `value` is what the module has made of the file's. */
function shown(key: string, value: unknown): unknown {
  if (isSecret(key)) return MASK;
  if (typeof value === "number" && /(?:deadline|timeout|retry|hold_down)$/.test(key)) return durationText(value);
  if (typeof value === "number" && key === "memory") return `${value / MEBIBYTE}MiB`;
  if (typeof value === "string") return withoutLogin(value);
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (value instanceof URL) return withoutLogin(value.href);
  if (value instanceof Set) return shown(key, [...value]);
  if (value instanceof Map) return shown(key, Object.fromEntries(value));
  // The arguments of a program may hold anything.
  if (Array.isArray(value)) return value.map((item, at) => key === "command" && at > 0 ? MASK : shown(key, item));
  const server = serverText(value);
  if (server !== null) return server;
  if (isTable(value) && Object.getPrototypeOf(value) === Object.prototype) return shownOptions(value);
  return MASK;
}

/** `tokens` are the kinds of token that a backend can judge. */
function isSecret(key: string): boolean {
  return key !== "tokens" && secretsIn({ [key]: "" }).length > 0;
}

/** Of a server that was written as one text. */
function serverText(value: unknown): string | null {
  if (!isTable(value) || typeof value["host"] !== "string" || typeof value["port"] !== "number") return null;
  const { host, port, url } = value;
  return typeof url === "string" ? withoutLogin(url) : addressText({ host, port });
}

/** A URL may hold a name and a password, and a key among its parameters. */
function withoutLogin(text: string): string {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? URL.parse(text) : null;
  if (url === null || (url.username === "" && url.password === "" && url.search === "")) return text;
  return `${url.protocol}//${url.username === "" && url.password === "" ? "" : `${MASK}@`}${url.host}${url.pathname}${
    url.search === "" ? "" : `?${MASK}`
  }`;
}
