/**
 * The file's sections, each checked by itself: a mistake in one hides none in another.
 *
 * @module
 */

import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import type { BackendModule } from "../backend_module.ts";
import { nearest } from "../lib/suggest.ts";
import type { BackendConfig } from "./config.ts";
import { isTable, type Mistake, renameKeys } from "./keys.ts";
import { checkPart } from "./mistakes.ts";
import {
  BACKEND_TYPES,
  backendFrame,
  fileSchema,
  fileShape,
  LATER_KEYS,
  listenerSchema,
  saslSchema,
} from "./schema.ts";

type Shape = typeof fileShape;

const FRAME = z.strictObject(backendFrame);

/** What a [[listener]] holds. */
export type ListenerSection = z.output<typeof listenerSchema>;

/** What each section holds; `null` where it has a mistake. Listeners are checked one by one; backends are apart. */
export type Sections =
  & { readonly [Key in Exclude<keyof Shape, "backend" | "listener">]: z.output<Shape[Key]> | null }
  & { readonly listener: readonly (ListenerSection | null)[] | null };

/** The kinds of backend that this program has. */
export type BackendModules = ReadonlyMap<string, BackendModule>;

/** A `[backend.NAME]`, or `null` where it has a mistake. */
export type BackendSections = ReadonlyMap<string, BackendConfig | null>;

/** Reads TOML. The mistake has line and column. */
export function parseToml(text: string): { readonly tree: unknown; readonly mistake: Mistake | null } {
  try {
    return { tree: parse(text, { integersAsBigInt: false }), mistake: null };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? "";
    return { tree: {}, mistake: { path: [], text: `line ${error.line}, column ${error.column}: ${reason}` } };
  }
}

/** Checks every section but the backends. */
export function readSections(tree: unknown, mistakes: Mistake[]): Sections {
  const top = renameKeys(tree, fileSchema, { path: [], laterKeys: LATER_KEYS });
  mistakes.push(...top.mistakes.filter(({ path }) => path.length === 1));
  const parts = isTable(tree) ? tree : {};
  const read = <Schema extends z.ZodType>(schema: Schema, key: string): z.output<Schema> | null =>
    checkPart(schema, { tree: parts[key], path: [key], laterKeys: LATER_KEYS }, mistakes);
  return {
    hostname: read(fileShape.hostname, "hostname"),
    defaultRealm: read(fileShape.defaultRealm, "default_realm"),
    localDomains: read(fileShape.localDomains, "local_domains"),
    localDomainsFile: read(fileShape.localDomainsFile, "local_domains_file"),
    localRecipients: read(fileShape.localRecipients, "local_recipients"),
    postmaster: read(fileShape.postmaster, "postmaster"),
    dataDir: read(fileShape.dataDir, "data_dir"),
    user: read(fileShape.user, "user"),
    tls: read(fileShape.tls, "tls"),
    listener: readListeners(parts["listener"], mistakes),
    sasl: read(fileShape.sasl, "sasl"),
    delivery: read(fileShape.delivery, "delivery"),
    message: read(fileShape.message, "message"),
    limits: read(fileShape.limits, "limits"),
    guessing: read(fileShape.guessing, "guessing"),
    http: read(fileShape.http, "http"),
    log: read(fileShape.log, "log"),
  };
}

/** The names in `pwcheck_method`, also when other keys of [sasl] have mistakes. */
export function readChain(tree: unknown): readonly string[] {
  const sasl = isTable(tree) ? tree["sasl"] ?? {} : {};
  const names = isTable(sasl) ? saslSchema.shape.pwcheckMethod.safeParse(sasl["pwcheck_method"]) : null;
  return names?.data ?? [];
}

/** Checks each [backend.NAME] against its module, and gives a name of `used` that is itself a type an empty section. */
export function readBackends(
  tree: unknown,
  modules: BackendModules,
  { used, mistakes }: { readonly used: readonly string[]; readonly mistakes: Mistake[] },
): BackendSections {
  const given = isTable(tree) ? tree : {};
  if (tree !== undefined && !isTable(tree)) {
    mistakes.push({ path: ["backend"], text: "expected tables [backend.NAME]" });
  }
  const sections = new Map<string, BackendConfig | null>();
  for (const [name, section] of Object.entries(given)) {
    sections.set(name, readBackend(name, section, { modules, mistakes }));
  }
  for (const name of used) {
    if (sections.has(name)) continue;
    if (modules.has(name)) sections.set(name, readBackend(name, {}, { modules, mistakes }));
    else {mistakes.push({
        path: ["sasl", "pwcheck_method"],
        text: noSection(name, [...sections.keys(), ...modules.keys()]),
      });}
  }
  return sections;
}

function readListeners(tree: unknown, mistakes: Mistake[]): readonly (ListenerSection | null)[] | null {
  if (!Array.isArray(tree)) {
    const none = checkPart(fileShape.listener, { tree, path: ["listener"] }, mistakes);
    return none === undefined ? [] : none;
  }
  return tree.map((item, at) =>
    checkPart(listenerSchema, { tree: item, path: ["listener", at], laterKeys: LATER_KEYS }, mistakes)
  );
}

function readBackend(
  name: string,
  section: unknown,
  { modules, mistakes }: { readonly modules: BackendModules; readonly mistakes: Mistake[] },
): BackendConfig | null {
  const path = ["backend", name];
  if (!isTable(section)) {
    mistakes.push({ path, text: "expected a table" });
    return null;
  }
  const { type: givenType, deadline, ...own } = section;
  const frame = checkPart(
    FRAME,
    { tree: { ...given("type", givenType), ...given("deadline", deadline) }, path },
    mistakes,
  );
  const type = frame?.type ?? (typeof givenType === "string" ? givenType : name);
  const module = modules.get(type);
  if (module === undefined) {
    mistakes.push({ path: givenType === undefined ? path : [...path, "type"], text: unknownType(type, modules) });
    return null;
  }
  const checked = checkPart(module.schema, { tree: own, path }, mistakes);
  if (frame === null || checked === null) return null;
  return { name, type, deadlineMs: frame.deadline ?? module.deadlineMs, options: checked };
}

function noSection(name: string, known: readonly string[]): string {
  if (BACKEND_TYPES.has(name)) return `the backend ${name} comes with a later version of dokodemo`;
  const near = nearest(name, known);
  return `there is no section [backend.${name}]${near === null ? "" : `, did you mean ${near}?`}`;
}

function given(key: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [key]: value };
}

function unknownType(type: string, modules: BackendModules): string {
  if (BACKEND_TYPES.has(type)) return `the backend type ${type} comes with a later version of dokodemo`;
  const near = nearest(type, modules.keys());
  const hint = near === null ? `expected one of ${[...modules.keys()].join(", ")}` : `did you mean ${near}?`;
  return `unknown backend type ${JSON.stringify(type)}, ${hint}`;
}
