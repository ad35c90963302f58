/**
 * The configuration as a JSON Schema, for editors that complete and check TOML with one.
 *
 * @module
 */

import { z } from "zod";
import { isTable, snakeSchema } from "./keys.ts";
import { backendFrame, chainSchema, fileSchema } from "./schema.ts";
import type { BackendModules } from "./sections.ts";

/** The JSON Schema (draft 2020-12) of the file, with the keys of each kind of backend. */
export function configJsonSchema(modules: BackendModules): unknown {
  const file = z.toJSONSchema(fileSchema, { io: "input", unrepresentable: "any" });
  // A module stands there once for each of its names.
  const kinds = [...new Set(modules.values())].map((module) => backendSchema(module.schema));
  kinds.push(z.toJSONSchema(chainSchema, { io: "input", unrepresentable: "any" }));
  const properties = { ...file.properties, backend: { type: "object", additionalProperties: { anyOf: kinds } } };
  return snakeSchema({ ...file, title: "dokodemo.toml", properties });
}

function backendSchema(schema: z.ZodType): unknown {
  const { $schema: _, ...own } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const { properties: frame } = z.toJSONSchema(z.strictObject(backendFrame), { io: "input" });
  return { ...own, properties: { ...frame, ...(isTable(own.properties) ? own.properties : {}) } };
}
