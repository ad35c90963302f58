/**
 * What the architecture allows (DESIGN section 2), as rules over sources.
 *
 * @module
 */

import { type ScannedSource, scanSource } from "./source_scan.ts";

/** Paths from the root of the repository, with what the files hold. */
export type Sources = ReadonlyMap<string, string>;

/** A layer is a folder or a file. Each may import itself and what stands here, a folder or a single file; imports go up in this list only. */
export const LAYERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["src/version.ts", []],
  ["src/lib", []],
  ["src/backend.ts", ["src/lib"]],
  ["src/sasl", ["src/lib", "src/backend.ts"]],
  ["src/smtp", ["src/lib", "src/backend.ts", "src/sasl"]],
  ["src/message", ["src/lib", "src/smtp/envelope.ts"]],
  ["src/policy", ["src/lib", "src/backend.ts", "src/smtp", "src/message"]],
  ["src/log", ["src/lib"]],
  ["src/accounts", ["src/lib", "src/backend.ts", "src/sasl", "src/log"]],
  ["src/backend_module.ts", ["src/lib", "src/backend.ts", "src/accounts/account_store.ts"]],
  // The files of the sidecar; the shapes of databases are opened as the account store is.
  ["src/records", ["src/lib", "src/log", "src/accounts"]],
  ["src/config", ["src/lib", "src/backend_module.ts", "src/policy"]],
  ["src/auth", [
    ...["src/lib", "src/backend.ts", "src/sasl", "src/smtp/identity.ts", "src/policy", "src/log"],
    ...["src/accounts", "src/config"],
  ]],
  ["src/spool", ["src/lib", "src/smtp/envelope.ts", "src/log"]],
  ["src/delivery", [
    ...["src/lib", "src/backend.ts", "src/sasl", "src/smtp", "src/message", "src/policy", "src/log"],
    ...["src/config", "src/spool"],
  ]],
  ["src/http", [
    ...["src/lib", "src/backend.ts", "src/sasl", "src/smtp", "src/message", "src/policy", "src/log"],
    ...["src/config", "src/accounts", "src/records", "src/auth", "src/spool", "src/delivery", "src/version.ts"],
  ]],
  ["src/server", [
    ...["src/lib", "src/backend.ts", "src/sasl", "src/smtp", "src/message", "src/policy", "src/log"],
    ...["src/config", "src/accounts", "src/records", "src/auth", "src/spool", "src/delivery", "src/http"],
    ...["src/backend_module.ts", "src/version.ts"],
  ]],
  ["backends", ["src/lib", "src/backend.ts", "src/backend_module.ts"]],
  ["src/cli", ["src", "backends"]],
  ["src/main.ts", ["src", "backends"]],
]);

/** No I/O, no clock, no timer, no randomness: time is an argument, and what is unpredictable is drawn by the caller. */
const PURE = ["src/lib", "src/sasl", "src/smtp", "src/message", "src/policy", "src/backend.ts"];

const IMPURE_REGEXP = new RegExp(
  [
    String.raw`\b(?:Deno|process|performance|navigator|console|globalThis)\b`,
    String.raw`\b(?:fetch|alert|prompt|confirm|setTimeout|setInterval|setImmediate|queueMicrotask)\b`,
    String.raw`\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\()|(?<!\bnew )\bDate\(|\bTemporal\b`,
    String.raw`\bMath\.random\b|\b(?:getRandomValues|randomUUID)\b|\bWorker\b`,
  ].join("|"),
  "g",
);

/** Of modules from outside, what the pure folders may take: only what gives the same for the same. */
const PURE_IMPORTS: ReadonlyMap<string, RegExp> = new Map([
  ["node:crypto", /^(?:createHash|createHmac|timingSafeEqual|pbkdf2Sync)$/],
  ["node:net", /^(?:isIP|isIPv4|isIPv6|BlockList)$/],
  ["node:url", /^(?:domainToASCII|domainToUnicode)$/],
  ["@mongodb-js/saslprep", /^saslprep$/],
]);

/** Libraries that have their places: SQL stands behind the stores, the shape of commands and pages at the edge. */
const PLACES: ReadonlyMap<string, readonly string[]> = new Map([
  ["node:sqlite", ["src/accounts", "src/records", "src/spool", "backends"]],
  ["bcryptjs", ["backends"]],
  ["ldapts", ["backends"]],
  ["hono", ["src/http"]],
  ["@hono/zod-openapi", ["src/http"]],
  ["otpauth", ["src/records"]],
  ["commander", ["src/cli"]],
  ["oauth4webapi", ["src/delivery/oauth"]],
  ["smol-toml", ["src/config"]],
  ["zod", ["src/config", "src/backend_module.ts", "src/http", "src/cli", "backends"]],
]);

const LINE_LIMIT = 400;

const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/(?<![.\w$])any\b(?!\s*\()/, "the type any"],
  [/(?<![.\w$])enum\s+\w+\s*\{/, "an enum"],
  [/\bexport\s+default\b/, "a default export"],
  [/\bexport\s+\*/, "a barrel"],
];
const FORBIDDEN_ANYWHERE: readonly (readonly [RegExp, string])[] = [
  [/@ts-(?:ignore|nocheck|expect-error)/, "a complaint of the compiler silenced"],
  [/\b(?:TODO|FIXME|XXX)\b/, "a note of work left"],
];

/** Everything in the sources of `src` and `backends` that the architecture forbids, one line each. */
export function findViolations(sources: Sources): readonly string[] {
  const scanned = new Map([...sources].map(([path, source]) => [path, scanSource(source)]));
  return [
    ...[...scanned].flatMap(([path, source]) => importViolations(path, source)),
    ...cycles(scanned),
    ...[...scanned].filter(([path]) => isIn(PURE, path)).flatMap(([path, source]) => impurities(path, source)),
    ...[...sources].flatMap(([path, source]) => formViolations(path, source, scanned.get(path)?.code ?? "")),
  ];
}

/** The mistakes of the table itself: a layer that names one below it would make a circle of layers. */
export function tableMistakes(): readonly string[] {
  const order = [...LAYERS.keys()];
  return order.flatMap((layer, at) =>
    (LAYERS.get(layer) ?? [])
      .filter((allowed) => allowed !== "src" && !order.slice(0, at).some((one) => isIn([one], allowed)))
      .map((allowed) => `${layer} may import ${allowed}, which is no layer above it in the table`)
  );
}

function importViolations(path: string, { imports }: ScannedSource): readonly string[] {
  const layer = layerOf(path);
  if (layer === null) return [`${path} belongs to no layer`];
  return imports.flatMap(({ specifier }) => {
    if (/^(?:npm|jsr|https?|file):/.test(specifier)) return [`${path} imports ${specifier} past deno.json`];
    if (!specifier.startsWith(".")) {
      const library = [...PLACES].find(([name]) => specifier === name || specifier.startsWith(`${name}/`));
      return library === undefined || isIn(library[1], path) ? [] : [`${path} imports ${specifier}`];
    }
    const target = resolve(path, specifier);
    return isIn([layer, ...LAYERS.get(layer) ?? []], target) ? [] : [`${path} imports ${target}`];
  });
}

/** The files that import each other in a circle, each set of them once. What is loaded lazily closes none. */
function cycles(scanned: ReadonlyMap<string, ScannedSource>): readonly string[] {
  const reached = new Map([...scanned.keys()].map((path) => [path, reach(path, scanned)]));
  const circles = [...reached].filter(([path, paths]) => paths.has(path)).map(([path, paths]) =>
    [...paths].filter((other) => reached.get(other)?.has(path)).toSorted().join(", ")
  );
  return [...new Set(circles)].map((circle) => `circle of ${circle}`);
}

/** All files that come with one, itself only where it is in a circle. */
function reach(from: string, scanned: ReadonlyMap<string, ScannedSource>): ReadonlySet<string> {
  const found = new Set<string>();
  const waiting = [from];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const { specifier, lazy } of scanned.get(path)?.imports ?? []) {
      const target = !lazy && specifier.startsWith(".") ? resolve(path, specifier) : null;
      if (target === null || found.has(target)) continue;
      found.add(target);
      waiting.push(target);
    }
  }
  return found;
}

function impurities(path: string, { code, imports }: ScannedSource): readonly string[] {
  const named = [...code.matchAll(IMPURE_REGEXP)].map(([text]) => `${path} is pure and names ${text}`);
  const taken = imports.filter(({ specifier }) => !specifier.startsWith(".")).flatMap(({ specifier, names }) => {
    const allowed = PURE_IMPORTS.get(specifier);
    if (allowed === undefined) return [`${path} is pure and imports ${specifier}`];
    return names.filter((name) => !allowed.test(name)).map((name) =>
      `${path} is pure and imports ${name} of ${specifier}`
    );
  });
  return [...named, ...taken];
}

function formViolations(path: string, source: string, code: string): readonly string[] {
  const lines = source.split("\n").length - (source.endsWith("\n") ? 1 : 0);
  return [
    ...lines > LINE_LIMIT ? [`${path} has ${lines} lines`] : [],
    ...FORBIDDEN.filter(([pattern]) => pattern.test(code)).map(([, what]) => `${path} has ${what}`),
    ...FORBIDDEN_ANYWHERE.filter(([pattern]) => pattern.test(source)).map(([, what]) => `${path} has ${what}`),
  ];
}

function layerOf(path: string): string | null {
  return [...LAYERS.keys()].find((layer) => isIn([layer], path)) ?? null;
}

function isIn(places: readonly string[], path: string): boolean {
  return places.some((place) => path === place || path.startsWith(`${place}/`));
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}
