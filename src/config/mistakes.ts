/**
 * The words for what is wrong with a value: what was expected, what was found.
 *
 * @module
 */

import type { z } from "zod";
import { printable } from "../lib/text.ts";
import { filePath, isTable, type KeyPath, type Mistake, renameKeys, showPath } from "./keys.ts";

/** Keys whose values are never shown. */
const SECRET_REGEXP = /password|passphrase|secret|token|credential/i;

/** Checks a part of the file against its schema and notes every mistake. `null`: there was one. */
export function checkPart<Schema extends z.ZodType>(
  schema: Schema,
  part: { readonly tree: unknown; readonly path: KeyPath; readonly laterKeys?: ReadonlySet<string> },
  mistakes: Mistake[],
): z.output<Schema> | null {
  const { path, laterKeys } = part;
  const renamed = renameKeys(part.tree, schema, laterKeys === undefined ? { path } : { path, laterKeys });
  mistakes.push(...renamed.mistakes);
  const checked = schema.safeParse(renamed.tree);
  if (checked.success) return checked.data;
  for (const issue of checked.error.issues) {
    const inPart = issue.path.filter((step) => typeof step !== "symbol");
    mistakes.push({
      path: [...path, ...filePath(inPart, schema)],
      text: wordsOf(issue.message, {
        value: valueAt(renamed.tree, inPart),
        secret: SECRET_REGEXP.test(inPart.join(" ")),
      }),
    });
  }
  return null;
}

/** `listener[1].role: expected one of "mta", "msa", found "mua"`. */
export function showMistake({ path, text }: Mistake): string {
  return path.length === 0 ? text : `${showPath(path)}: ${text}`;
}

/** Whether the file itself holds a secret, and where. */
export function secretsIn(tree: unknown, path: KeyPath = []): readonly KeyPath[] {
  if (Array.isArray(tree)) return tree.flatMap((item, at) => secretsIn(item, [...path, at]));
  if (!isTable(tree)) return [];
  return Object.entries(tree).flatMap(([key, value]) => {
    const names = typeof value === "string" && SECRET_REGEXP.test(key) && !/_(?:file|command|dir)$/.test(key);
    return names ? [[...path, key]] : secretsIn(value, [...path, key]);
  });
}

function wordsOf(message: string, found: { readonly value: unknown; readonly secret: boolean }): string {
  // Our own schemas say "expected ..."; of zod's words ("Invalid input: expected string, received number") that part is kept.
  const expected = /expected .*/i.exec(message)?.[0].replace(/, received .*$/, "");
  if (expected === undefined) return message;
  return `${expected}, found ${found.secret ? kindOf(found.value) : show(found.value)}`;
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(printable(value, 60));
  return typeof value === "number" || typeof value === "boolean" ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return isTable(value) ? "a table" : `a ${typeof value}`;
}

function valueAt(tree: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, part) => {
    if (Array.isArray(value)) return typeof part === "number" ? value[part] : undefined;
    return isTable(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }, tree);
}
