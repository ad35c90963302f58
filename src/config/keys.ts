/**
 * The names of keys: snake_case in the file, camelCase in the program. A schema is the only list of them.
 *
 * @module
 */

import { z } from "zod";
import { nearest } from "../lib/suggest.ts";

/** Where in the configuration something is: names as in the file, and positions in lists. */
export type KeyPath = readonly (string | number)[];

/** A mistake and where it is. `path` is empty where it concerns the whole file. */
export interface Mistake {
  readonly path: KeyPath;
  readonly text: string;
}

/** `default_realm` becomes `defaultRealm`. */
export function toCamel(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** `defaultRealm` becomes `default_realm`. */
export function toSnake(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `listener[1].role`: a path as messages show it. */
export function showPath(path: KeyPath): string {
  return path.map((part, at) => {
    if (typeof part === "number") return `[${part}]`;
    const name = /^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part);
    return at === 0 ? name : `.${name}`;
  }).join("");
}

/** The tree with the names that `schema` uses, without the keys that it does not know: those are the mistakes. */
export function renameKeys(
  tree: unknown,
  schema: z.ZodType,
  options: { readonly path: KeyPath; readonly laterKeys?: ReadonlySet<string> },
): { readonly tree: unknown; readonly mistakes: readonly Mistake[] } {
  const mistakes: Mistake[] = [];
  return { tree: rename(tree, keysOf(schema), options.path), mistakes };

  function rename(value: unknown, keys: Keys, path: KeyPath): unknown {
    // To zod a date is a table without keys, and no key of ours takes one.
    if (value instanceof Date) {
      mistakes.push({ path, text: "no date is expected here, and a text needs quotes" });
      return undefined;
    }
    if (Array.isArray(value)) return value.map((item, at) => rename(item, keys.element ?? NO_KEYS, [...path, at]));
    if (!isTable(value)) return value;
    const { fields, element } = keys;
    if (fields === null) {
      return mapTable(value, (key, item) => [key, element === null ? item : rename(item, element, [...path, key])]);
    }
    return mapTable(value, (key, item) => {
      const field = fields.get(toCamel(key));
      if (field !== undefined && toSnake(toCamel(key)) === key) {
        return [toCamel(key), rename(item, field, [...path, key])];
      }
      if (keys.loose && field === undefined) return [key, item];
      mistakes.push({ path: [...path, key], text: unknownKey(key, [...path, key], fields.keys()) });
      return null;
    });
  }

  function unknownKey(key: string, path: KeyPath, known: Iterable<string>): string {
    if (options.laterKeys?.has(path.filter((part) => typeof part === "string").join(".")) === true) {
      return "comes with a later version of dokodemo";
    }
    const near = nearest(anySnake(key), Array.from(known, toSnake));
    return near === null ? "unknown key" : `unknown key, did you mean ${near}?`;
  }
}

/** A path of the program as the file has it; keys of maps (addresses, names of backends) stay as they are. */
export function filePath(path: KeyPath, schema: z.ZodType): KeyPath {
  let keys = keysOf(schema);
  return path.map((part) => {
    const inTable = keys.fields !== null && typeof part === "string";
    keys = (inTable ? keys.fields?.get(part) : keys.element) ?? NO_KEYS;
    return inTable ? toSnake(part) : part;
  });
}

/** The JSON Schema with the names that the file uses. */
export function snakeSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(snakeSchema);
  if (!isTable(schema)) return schema;
  return mapTable(schema, (key, value) => {
    if (key === "properties" && isTable(value)) {
      return [key, mapTable(value, (name, of) => [toSnake(name), snakeSchema(of)])];
    }
    if (key === "required" && Array.isArray(value)) return [key, value.map((name) => toSnake(String(name)))];
    return [key, key === "default" || key === "const" || key === "enum" ? value : snakeSchema(value)];
  });
}

/** Whether a value is a table of the file (and no list, date or scalar). */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The part of a schema that says which keys there are: fields of a table, or the kind of each element of a list or map. */
interface Keys {
  readonly fields: ReadonlyMap<string, Keys> | null;
  readonly element: Keys | null;
  /** Whether the table may have other keys too; those stay as they are. */
  readonly loose: boolean;
}

const NO_KEYS: Keys = { fields: null, element: null, loose: true };

function keysOf(schema: unknown): Keys {
  if (schema instanceof z.ZodObject) {
    const fields = new Map(Object.entries(schema.shape).map(([key, of]) => [key, keysOf(of)]));
    const { catchall } = schema.def;
    return { fields, element: null, loose: catchall !== undefined && !(catchall instanceof z.ZodNever) };
  }
  if (schema instanceof z.ZodArray) return { ...NO_KEYS, element: keysOf(schema.element) };
  if (schema instanceof z.ZodRecord) return { ...NO_KEYS, element: keysOf(schema.valueType) };
  if (schema instanceof z.ZodPipe) return keysOf(schema.in);
  if (
    schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault || schema instanceof z.ZodReadonly
  ) return keysOf(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.map(keysOf).reduce(eitherOf, NO_KEYS);
  return NO_KEYS;
}

function eitherOf(a: Keys, b: Keys): Keys {
  if (a.fields === null || b.fields === null) {
    return { ...(a.fields === null ? b : a), element: a.element ?? b.element };
  }
  return {
    fields: new Map([...a.fields, ...b.fields]),
    element: a.element ?? b.element,
    loose: a.loose || b.loose,
  };
}

/** `DefaultRealm` and `default-realm` as the file would have them. */
function anySnake(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replaceAll("-", "_").toLowerCase();
}

function mapTable(
  table: Readonly<Record<string, unknown>>,
  change: (key: string, value: unknown) => readonly [string, unknown] | null,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => change(key, value)).filter((pair) => pair !== null),
  );
}
