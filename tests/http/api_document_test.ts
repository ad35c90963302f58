import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { apiDocument } from "../../src/http/api/api.ts";
import { curlOf, viewDocument } from "../../src/http/api/document_view.ts";
import { SCOPES } from "../../src/records/records.ts";
import { VERSION } from "../../src/version.ts";
import { CONTROL, operationsOf } from "./api_client.ts";
import { sidecarParts } from "./lib.ts";

const DOCUMENT = apiDocument(sidecarParts({}));
const AS_JSON = JSON.parse(JSON.stringify(DOCUMENT));

Deno.test("the OpenAPI document is valid by a validator that is not ours", async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(AS_JSON));
  assert.deepEqual(result.valid ? [] : result.errors, []);
  assert.equal(validator.version, "3.1");
  const broken = structuredClone(AS_JSON);
  delete broken.paths["/queue"].get.responses;
  broken.paths["/queue"].get.responses = { "200": {} };
  assert.equal((await new Validator().validate(broken)).valid, false);
});

Deno.test("every reference of the document leads somewhere", () => {
  const references = [...JSON.stringify(AS_JSON).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, pointer = ""]) => pointer);
  assert.ok(references.length > 50);
  for (const pointer of references) {
    const found = pointer.split("/").reduce<unknown>((value, part) => Reflect.get(Object(value), part), AS_JSON);
    assert.ok(found !== undefined, pointer);
  }
});

Deno.test("each operation has an id of its own, a summary, a resource, a scope that there is, and the problems of the gate", () => {
  const operations = operationsOf(AS_JSON);
  assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length);
  const tags = AS_JSON.tags.map(({ name }: { readonly name: string }) => name);
  for (const { path, method, scope, operation } of operations) {
    const where = `${method} ${path}`;
    assert.ok([...SCOPES, CONTROL].includes(scope), where);
    assert.match(String(Reflect.get(operation, "summary")), /^[A-Z].+[^.]$/, where);
    assert.ok(tags.includes(Reflect.get(operation, "tags")[0]), where);
    for (const status of [401, 403, 429]) assert.ok(operation.responses[status] !== undefined, `${where} ${status}`);
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const given = (operation.parameters ?? []).filter((parameter) => parameter.in === "path").map(({ name }) => name);
    assert.deepEqual(given, named, where);
    const keyed = (operation.parameters ?? []).some(({ name }) => name === "Idempotency-Key");
    assert.equal(keyed, method === "POST", where);
  }
  assert.deepEqual([AS_JSON.openapi, AS_JSON.info.version], ["3.1.0", VERSION]);
});

Deno.test("viewDocument() shows each operation once, with its fields and a call with curl", () => {
  const resources = viewDocument(DOCUMENT);
  const views = resources.flatMap(({ operations }) => operations);
  assert.deepEqual(
    views.map(({ method, path }) => `${method} ${path}`).toSorted(),
    operationsOf(AS_JSON).map(({ method, path }) => `${method} /api/v1${path}`).toSorted(),
  );
  const make = views.find(({ id }) => id === "makeAppPassword");
  assert.ok(make !== undefined);
  assert.deepEqual(make.body?.fields.map(({ name, type, required }) => [name, type, required]), [
    ["label", "string", true],
    ["networks", "list of string", false],
    ["mechanisms", "list of string or null", false],
    ["expires", "date-time or null", false],
  ]);
  assert.equal(
    curlOf(make, "https://mail.example.jp"),
    `curl -X POST \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"label":"phone"}' \\
  https://mail.example.jp/api/v1/accounts/taro@example.jp/app-passwords`,
  );
  const tokens = views.find(({ id }) => id === "listTokens");
  assert.ok(tokens !== undefined);
  assert.equal(
    curlOf(tokens, "https://mail.example.jp"),
    "curl --unix-socket DATA_DIR/control.sock \\\n  http://localhost/api/v1/tokens",
  );
});
