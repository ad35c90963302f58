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
import type { Findings } from "./files.ts";
import { isTable, type KeyPath, type Mistake, renameKeys, showPath } from "./keys.ts";
import { checkPart } from "./mistakes.ts";
import {
  backendFrame,
  CHAIN_TYPES,
  chainSchema,
  fileSchema,
  fileShape,
  LATER_KEYS,
  listenerSchema,
  saslSchema,
} from "./schema.ts";

type Shape = typeof fileShape;

const FRAME = z.strictObject(backendFrame);
/** Questions at a time to a backend that says nothing else. */
const CONCURRENCY = 16;

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
    route: read(fileShape.route, "route"),
    message: read(fileShape.message, "message"),
    dkim: read(fileShape.dkim, "dkim"),
    access: read(fileShape.access, "access"),
    sender: read(fileShape.sender, "sender"),
    masquerade: read(fileShape.masquerade, "masquerade"),
    notices: read(fileShape.notices, "notices"),
    sendmail: read(fileShape.sendmail, "sendmail"),
    limits: read(fileShape.limits, "limits"),
    hold: read(fileShape.hold, "hold"),
    guessing: read(fileShape.guessing, "guessing"),
    bans: read(fileShape.bans, "bans"),
    http: read(fileShape.http, "http"),
    webhook: read(fileShape.webhook, "webhook"),
    log: read(fileShape.log, "log"),
  };
}

/** The names in `pwcheck_method`, also when other keys of [sasl] have mistakes. */
export function readChain(tree: unknown): readonly string[] {
  const sasl = isTable(tree) ? tree["sasl"] ?? {} : {};
  const names = isTable(sasl) ? saslSchema.shape.pwcheckMethod.safeParse(sasl["pwcheck_method"]) : null;
  return names?.data ?? [];
}

/** One backend to ask, and where the file names it. */
export interface ChainLink {
  readonly name: string;
  readonly path: KeyPath;
}

/** The chain with each name of a list of backends, a section of type chain or sia, as that list. */
export function expandChain(
  names: readonly string[],
  backend: unknown,
  { mistakes, warnings }: Findings,
): readonly ChainLink[] {
  const sections = isTable(backend) ? backend : {};
  for (const [name, section] of Object.entries(sections)) {
    if (isChain(name, section) && !names.includes(name)) warnings.push(unused(name));
  }
  return names.flatMap((name, at): readonly ChainLink[] => {
    const section = Object.hasOwn(sections, name) ? sections[name] : undefined;
    if (section === undefined ? !CHAIN_TYPES.has(name) : !isChain(name, section)) {
      return [{ name, path: ["sasl", "pwcheck_method", at] }];
    }
    if (section === undefined) {
      const text = `${name} is a list of backends: add [backend.${name}] with methods = ["passwd", ...]`;
      mistakes.push({ path: ["sasl", "pwcheck_method"], text });
      return [];
    }
    const path = ["backend", name];
    const methods = checkPart(chainSchema, { tree: section, path }, mistakes)?.methods ?? [];
    return methods.map((method, at) => ({ name: method, path: [...path, "methods", at] }));
  });
}

/** Checks each [backend.NAME] against its module, and gives a name of `used` that is itself a type an empty section. */
export function readBackends(
  tree: unknown,
  modules: BackendModules,
  { used, findings }: { readonly used: readonly ChainLink[]; readonly findings: Findings },
): BackendSections {
  const { mistakes } = findings;
  const given = isTable(tree) ? tree : {};
  if (tree !== undefined && !isTable(tree)) {
    mistakes.push({ path: ["backend"], text: "expected tables [backend.NAME]" });
  }
  const sections = new Map<string, BackendConfig | null>();
  const chains = new Set<string>();
  for (const [name, section] of Object.entries(given)) {
    if (isChain(name, section)) chains.add(name);
    else sections.set(name, readBackend(name, section, { modules, findings }));
  }
  for (const { name, path } of used) {
    if (sections.has(name)) continue;
    // The position says nothing where the name does, but in a list of its own.
    const where = path[0] === "sasl" ? path.slice(0, 2) : path;
    if (chains.has(name)) mistakes.push({ path: where, text: `${name} is itself a list of backends: name those` });
    else if (modules.has(name)) sections.set(name, readBackend(name, {}, { modules, findings }));
    else mistakes.push({ path: where, text: noSection(name, [...sections.keys(), ...modules.keys()]) });
  }
  return sections;
}

/** The warning about a section that nothing names. */
export function unused(name: string): string {
  return `${showPath(["backend", name])}: it is not in sasl.pwcheck_method, so it is not asked`;
}

function isChain(name: string, section: unknown): boolean {
  const type = isTable(section) ? section["type"] ?? name : null;
  return typeof type === "string" && CHAIN_TYPES.has(type);
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
  { modules, findings: { mistakes, warnings } }: { readonly modules: BackendModules; readonly findings: Findings },
): BackendConfig | null {
  const path = ["backend", name];
  if (!isTable(section)) {
    mistakes.push({ path, text: "expected a table" });
    return null;
  }
  const isCommon = (key: string) => Object.hasOwn(backendFrame, key);
  const [common, own] = [true, false].map((wanted) =>
    Object.fromEntries(Object.entries(section).filter(([key]) => isCommon(key) === wanted))
  );
  const frame = checkPart(FRAME, { tree: common, path }, mistakes);
  const givenType = section["type"];
  const type = frame?.type ?? (typeof givenType === "string" ? givenType : name);
  const module = modules.get(type);
  if (module === undefined) {
    mistakes.push({ path: givenType === undefined ? path : [...path, "type"], text: unknownType(type, modules) });
    return null;
  }
  if (module.type !== type) warnings.push(`${showPath(path)}: ${type} is an older name of the type ${module.type}`);
  const options = checkPart(module.schema, { tree: own, path }, mistakes);
  if (frame === null || options === null) return null;
  const { deadline = module.deadlineMs, concurrency = module.concurrency ?? CONCURRENCY, control, realms } = frame;
  return { name, type: module.type, deadlineMs: deadline, control, realms, concurrency, options };
}

function noSection(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return `there is no section [backend.${name}]${near === null ? "" : `, did you mean ${near}?`}`;
}

function unknownType(type: string, modules: BackendModules): string {
  const near = nearest(type, modules.keys());
  const hint = near === null ? `expected one of ${[...modules.keys()].join(", ")}` : `did you mean ${near}?`;
  return `unknown backend type ${JSON.stringify(type)}, ${hint}`;
}
