import assert from "node:assert/strict";
import { findViolations, LAYERS, type Sources, tableMistakes } from "./lib/layers.ts";
import { scanSource } from "./lib/source_scan.ts";

const ROOT = new URL("../", import.meta.url);
/** Not ours, or made from what is. */
const LEFT_OUT = new Set([".git", ".deno", "node_modules", "dist", "coverage", "bench/bin"]);
const SOURCE_REGEXP = /\.tsx?$/;
/** What a clone of the repository does not have; in pieces, since this file is looked at too. */
const OUTSIDE_REGEXP = new RegExp(`\\.\\./${"shared"}\\b|(?<![\\w.])/${"work"}/`);

function* files(folder: string): Generator<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${name}`;
    if (LEFT_OUT.has(path)) continue;
    if (isDirectory) yield* files(`${path}/`);
    else if (isFile) yield path;
  }
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

Deno.test("src and backends keep to the layers, are pure where they must be, and have the form of the rest", () => {
  const paths = [...files("src/"), ...files("backends/")].filter((path) => SOURCE_REGEXP.test(path));
  const violations = findViolations(new Map(paths.map((path) => [path, read(path)])));
  assert.ok(violations.length === 0, `\n${violations.join("\n")}\n`);
  for (const layer of LAYERS.keys()) assert.ok(paths.some((path) => path.startsWith(layer)), `nothing in ${layer}`);
});

Deno.test("no file names a folder outside the repository", () => {
  const naming = [...files("")].filter((path) => OUTSIDE_REGEXP.test(read(path)));
  assert.ok(naming.length === 0, `\n${naming.join("\n")}\n`);
});

Deno.test("the table of layers goes in one direction", () => {
  assert.deepEqual(tableMistakes(), []);
});

/** Sources, and what the checker has to say about them. */
const EXAMPLES: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[]])[] = [
  ["what is allowed", {
    "src/smtp/a.ts": 'import type { Mechanism } from "../sasl/mechanism.ts";\nimport { b } from "./b.ts";\n',
    "src/smtp/b.ts": 'import { createHash } from "node:crypto";\nconst when = new Date(ms);\n',
    "src/cli/c.ts": 'import { REGISTRY } from "../../backends/registry.ts";\nDeno.exit(1);\n',
    "backends/registry.ts": 'import { z } from "zod";\nimport type { Backend } from "../src/backend.ts";\n',
    "src/spool/d.ts":
      'import type { Envelope } from "../smtp/envelope.ts";\nnew Worker(new URL("./e.ts", import.meta.url));\n',
    "src/auth/e.ts": "const all = AbortSignal.any([one]);\nconst key = randomBytes(32);\n",
  }, []],
  ["an import that goes up", {
    "src/sasl/a.ts": 'import {\n  b,\n} from "../smtp/b.ts";\n',
    "src/spool/c.ts": 'import type { Deliverer } from "../delivery/deliverer.ts";\n',
    "src/lib/d.ts": 'export { e } from "../backend.ts";\n',
    "backends/f.ts": 'const { open } = await import("../src/config/load.ts");\n',
    "src/server/g.ts": 'import "../cli/h.ts";\n',
    "src/message/i.ts": 'type Reply = import("../smtp/reply.ts").Reply;\n',
    "src/spool/j.ts": 'new Worker(new URL("../server/k.ts", import.meta.url));\n',
  }, [
    "src/sasl/a.ts imports src/smtp/b.ts",
    "src/spool/c.ts imports src/delivery/deliverer.ts",
    "src/lib/d.ts imports src/backend.ts",
    "backends/f.ts imports src/config/load.ts",
    "src/server/g.ts imports src/cli/h.ts",
    "src/message/i.ts imports src/smtp/reply.ts",
    "src/spool/j.ts imports src/server/k.ts",
  ]],
  ["a library out of its place, or past deno.json", {
    "src/server/a.ts": 'import { DatabaseSync } from "node:sqlite";\nimport { html } from "hono/html";\n',
    "src/lib/b.ts": 'import { x } from "npm:x@1";\n',
  }, [
    "src/server/a.ts imports node:sqlite",
    "src/server/a.ts imports hono/html",
    "src/lib/b.ts imports npm:x@1 past deno.json",
    "src/lib/b.ts is pure and imports npm:x@1",
  ]],
  ["a file in no layer", { "src/extra/a.ts": "", "elsewhere/b.ts": "" }, [
    "src/extra/a.ts belongs to no layer",
    "elsewhere/b.ts belongs to no layer",
  ]],
  ["a circle of files", {
    "src/lib/a.ts": 'import { b } from "./b.ts";\n',
    "src/lib/b.ts": 'import { c } from "./c.ts";\n',
    "src/lib/c.ts": 'import { b } from "./b.ts";\n',
    "src/lib/d.ts": 'import { d } from "./d.ts";\n',
  }, ["circle of src/lib/b.ts, src/lib/c.ts", "circle of src/lib/d.ts"]],
  ["a clock, a timer, randomness and I/O in the pure core", {
    "src/smtp/a.ts": "const now = Date.now();\n",
    "src/sasl/b.ts": "const now = new Date();\nconst text = `at ${new Date()}`;\n",
    "src/message/c.ts": "setTimeout(() => {}, 1);\nDeno.readTextFileSync(path);\n",
    "src/policy/d.ts": "const x = Math.random() + crypto.getRandomValues(octets)[0];\n",
    "src/lib/e.ts": 'import { randomBytes, createHash } from "node:crypto";\nimport { readFileSync } from "node:fs";\n',
    "src/backend.ts": "await fetch(url);\nprocess.exit(performance.now());\n",
    "src/log/f.ts": "Date.now();\n",
  }, [
    "src/smtp/a.ts is pure and names Date.now",
    "src/sasl/b.ts is pure and names new Date()",
    "src/sasl/b.ts is pure and names new Date()",
    "src/message/c.ts is pure and names setTimeout",
    "src/message/c.ts is pure and names Deno",
    "src/policy/d.ts is pure and names Math.random",
    "src/policy/d.ts is pure and names getRandomValues",
    "src/lib/e.ts is pure and imports randomBytes of node:crypto",
    "src/lib/e.ts is pure and imports node:fs",
    "src/backend.ts is pure and names fetch",
    "src/backend.ts is pure and names process",
    "src/backend.ts is pure and names performance",
  ]],
  ["the same words where they mean nothing", {
    "src/smtp/a.ts": [
      "/** Date.now() is not called, nor fetch(). */",
      "// Deno.exit, any, process",
      'const text = "Date.now() of any process";',
      'const pattern = /Deno\\.[/"]any/;',
      "const template = `any fetch( ${text.length} Date.now() ${`process ${text}`} any`;",
      "",
    ].join("\n"),
  }, []],
  ["what the form forbids", {
    "src/lib/a.ts": "const x: any = 1;\n",
    "src/lib/b.ts": "// @ts-ignore because\n",
    "src/lib/c.ts": `// ${"TO"}DO later\n`,
    "src/lib/d.ts": "x\n".repeat(401),
    "src/lib/e.ts": "x\n".repeat(400),
    "src/lib/f.ts": 'export default 1;\nexport * from "./e.ts";\nenum A { B }\n',
    "src/lib/g.ts": "function f(x: Map<string, any>): any[] {}\n",
  }, [
    "src/lib/a.ts has the type any",
    "src/lib/b.ts has a complaint of the compiler silenced",
    "src/lib/c.ts has a note of work left",
    "src/lib/d.ts has 401 lines",
    "src/lib/f.ts has an enum",
    "src/lib/f.ts has a default export",
    "src/lib/f.ts has a barrel",
    "src/lib/g.ts has the type any",
  ]],
];

for (const [what, sources, expected] of EXAMPLES) {
  Deno.test(`the checker of layers on ${what}`, () => {
    const given: Sources = new Map(Object.entries(sources));
    assert.deepEqual(findViolations(given), expected);
  });
}

Deno.test("scanSource() finds imports of each kind, and none in comments, strings and templates", () => {
  const source = [
    'import a, { b } from "./a.ts";',
    "import type { c } from './c.ts';",
    'export { d } from "./d.ts";',
    'import "./e.ts";',
    'const f = await import("./f.ts");',
    '// import "./no.ts"',
    '/* from "./no.ts" */',
    'const g = `import "./no.ts" ${await import("./h.ts")}`;',
    "const i = 'from \"./no.ts\"';",
    'const j = new URL("./no.ts", import.meta.url);',
    "const k = 8 / 2, l = 4 / 2; // \" '",
    'import "./m.ts";',
    "const n = /[\"'`/]/.test(o) ? /\\//g : 1;",
    'import "./p.ts";',
    "const q = `${{ r: `}` }.r}`;",
    'import "./s.ts";',
  ].join("\n");
  const names = scanSource(source).imports.map(({ specifier }) => specifier.replace(/^\.\/|\.ts$/g, ""));
  assert.deepEqual(names, ["a", "c", "d", "e", "f", "h", "m", "p", "s"]);
});

Deno.test("scanSource() tells which names are taken", () => {
  const source = [
    'import a, { type b, c as d, e } from "1";',
    "import * as f from '2';",
    'export type { g } from "3";',
    'import "4";',
    'await import("5");',
    'import {\n  h, // "\n  i,\n} from "6";',
  ].join("\n");
  const names = scanSource(source).imports.map((one) => one.names);
  assert.deepEqual(names, [["a", "b", "c", "e"], ["* as f"], ["g"], [], [], ["h", "i"]]);
});
