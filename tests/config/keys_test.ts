import assert from "node:assert/strict";
import { z } from "zod";
import { filePath, renameKeys, showPath, snakeSchema, toCamel, toSnake } from "../../src/config/keys.ts";
import { fileShape } from "../../src/config/schema.ts";

const SCHEMA = z.strictObject({
  defaultRealm: z.string().optional(),
  localRecipients: z.record(z.string(), z.string()).prefault({}),
  listener: z.array(z.strictObject({ requireTls: z.boolean() })).optional(),
  either: z.union([z.string(), z.strictObject({ caFile: z.string() })]).optional(),
});

Deno.test("names of keys go both ways", () => {
  for (
    const [snake, camel] of [["hostname", "hostname"], ["default_realm", "defaultRealm"], ["a_b_c", "aBC"]] as const
  ) {
    assert.equal(toCamel(snake), camel);
    assert.equal(toSnake(camel), snake);
  }
});

Deno.test("every key of the file is its camelCase name in snake_case and back", () => {
  for (const key of Object.keys(fileShape)) assert.equal(toCamel(toSnake(key)), key);
});

Deno.test("keys are renamed where the schema has tables, keys of maps are not", () => {
  const { tree, mistakes } = renameKeys(
    {
      default_realm: "x",
      local_recipients: { "Some_One@x.jp": "y" },
      listener: [{ require_tls: true }],
      either: { ca_file: "z" },
    },
    SCHEMA,
    { path: [] },
  );
  assert.deepEqual(mistakes, []);
  assert.deepEqual(tree, {
    defaultRealm: "x",
    localRecipients: { "Some_One@x.jp": "y" },
    listener: [{ requireTls: true }],
    either: { caFile: "z" },
  });
});

Deno.test("a value that may be a table or a list of tables is renamed in both forms", () => {
  const one = z.strictObject({ maxSize: z.int() });
  const schema = z.strictObject({ pool: z.union([one, z.array(one)]) });
  const rename = (pool: unknown) => renameKeys({ pool }, schema, { path: [] });
  assert.deepEqual(rename({ "max_size": 1 }), { tree: { pool: { maxSize: 1 } }, mistakes: [] });
  assert.deepEqual(rename([{ "max_size": 1 }]), { tree: { pool: [{ maxSize: 1 }] }, mistakes: [] });
});

Deno.test("unknown keys are told with the nearest one, and left out", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["defaultRealm", "unknown key, did you mean default_realm?"],
    ["default-realm", "unknown key, did you mean default_realm?"],
    ["DEFAULT_REALM", "unknown key, did you mean default_realm?"],
    ["defalt_realm", "unknown key, did you mean default_realm?"],
    ["quite_another", "unknown key"],
    ["constructor", "unknown key"],
    ["__proto__", "unknown key"],
  ];
  for (const [key, text] of cases) {
    const given = Object.fromEntries([[key, "x"]]);
    assert.deepEqual(renameKeys(given, SCHEMA, { path: ["top"] }), {
      tree: {},
      mistakes: [{ path: ["top", key], text }],
    });
  }
});

Deno.test("a table that may have other keys keeps those as they are", () => {
  const schema = z.looseObject({ maxSize: z.int() });
  assert.deepEqual(renameKeys({ "max_size": 1, "their_own": 2 }, schema, { path: [] }), {
    tree: { maxSize: 1, "their_own": 2 },
    mistakes: [],
  });
  assert.equal(renameKeys({ maxSize: 3 }, schema, { path: [] }).mistakes.length, 1);
});

Deno.test("keys of later versions say so", () => {
  const { mistakes } = renameKeys({ listener: [{}, { proxy: 1 }] }, SCHEMA, {
    path: [],
    laterKeys: new Set(["listener.proxy"]),
  });
  assert.deepEqual(mistakes, [{ path: ["listener", 1, "proxy"], text: "comes with a later version of dokodemo" }]);
});

Deno.test("paths are shown as the file has them", () => {
  assert.equal(showPath(filePath(["listener", 1, "requireTls"], SCHEMA)), "listener[1].require_tls");
  assert.equal(showPath(filePath(["localRecipients", "someOne@x.jp"], SCHEMA)), 'local_recipients."someOne@x.jp"');
});

Deno.test("a JSON Schema gets the names of the file", () => {
  assert.deepEqual(
    snakeSchema({ properties: { keyFile: { default: { keyFile: 1 } } }, required: ["keyFile"] }),
    { properties: { key_file: { default: { keyFile: 1 } } }, required: ["key_file"] },
  );
});
