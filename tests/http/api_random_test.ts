import assert from "node:assert/strict";
import fc from "fast-check";
import { SCOPES } from "../../src/records/records.ts";
import { personOf } from "../lib/program.ts";
import { type ApiRequest, type ApiSite, operationsOf, scopesBut, startApi } from "./api_client.ts";

const REQUESTS = 500;
const PASSWORD = "dai-secret-10";

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly scope: string;
  /** What the token may do: nothing (no token), all but what is needed, all; `control`: over the control socket. */
  readonly right: "none" | "wrong" | "other" | "all" | "control";
  readonly request: Omit<ApiRequest, "token">;
}

/** Names that are there, so that more than 404 is reached. */
const WORDS = [
  "dai@baz.co.jp",
  "dai",
  "mari@baz.co.jp",
  "sasldb",
  "baz.co.jp",
  "PLAIN",
  "a",
  "1",
  "0",
  "2026-01-01T00:00:00Z",
];

const text = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...WORDS) },
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ maxLength: 2000 }),
  fc.constantFrom(
    "",
    "..",
    "%",
    "%00",
    "\u0000",
    "'; DROP TABLE account; --",
    "\ud800",
    "﷽",
    "__proto__",
    "constructor",
  ),
);

/** Mostly of the form that the schema has. */
function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 19, arbitrary: fitting(schema) }, fc.jsonValue({ maxDepth: 2 }));
}

function fitting(
  { type, enum: words, minimum = 0, maximum = 1000, format, items, properties = {}, required = [] }: Schema,
): fc.Arbitrary<unknown> {
  if (words !== undefined) return fc.constantFrom(...words);
  const [first, ...others] = typeof type === "string" ? [type] : type ?? ["object"];
  if (others.length > 0) {
    return fc.option(
      fitting({ type: first ?? "object", ...format !== undefined && { format }, ...items !== undefined && { items } }),
    );
  }
  switch (first) {
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return fc.integer({ min: minimum, max: maximum });
    case "array":
      return fc.array(items === undefined ? text : valueOf(items), { maxLength: 4 });
    case "string":
      return format === "date-time"
        ? fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString())
        : text;
    default:
      return fc.record(
        Object.fromEntries(Object.entries(properties).map(([key, property]) => [key, valueOf(property)])),
        { requiredKeys: [...required] },
      );
  }
}

/** A request of the document. */
function asked(api: ApiSite): fc.Arbitrary<Asked> {
  const one = operationsOf(api.document).map(({ method, path, scope, operation }) => {
    const parameters = operation.parameters ?? [];
    const inPath = parameters.filter((each) => each.in === "path");
    const inQuery = parameters.filter((each) => each.in === "query");
    const schema = operation.requestBody?.content["application/json"].schema;
    return fc.record({
      names: fc.tuple(...inPath.map(() => text)),
      query: fc.record(Object.fromEntries(inQuery.map((each) => [each.name, valueOf(each.schema)])), {
        requiredKeys: [],
      }),
      body: schema === undefined ? fc.constant(undefined) : valueOf(schema),
      key: fc.option(fc.oneof(fc.uuid(), fc.constantFrom("k1", "k2", "a b")), { freq: 4, nil: undefined }),
      method: fc.oneof(
        { weight: 12, arbitrary: fc.constant(method) },
        fc.constantFrom("HEAD", "OPTIONS", "PUT", "GET"),
      ),
      right: fc.constantFrom<Asked["right"]>("none", "wrong", "other", "all", "all", "all", "control", "control"),
    }).map(({ names, query, body, key, method, right }): Asked => {
      const filled = inPath.reduce(
        (path, { name }, at) => path.replace(`{${name}}`, encodeName(names[at] ?? "")),
        path,
      );
      const search = new URLSearchParams(
        Object.entries(query).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
      );
      const hasBody = body !== undefined && method !== "GET" && method !== "HEAD";
      return {
        ...{ method, scope, right },
        path: search.size === 0 ? filled : `${filled}?${search}`,
        request: { ...hasBody && { body }, ...key !== undefined && { headers: { "idempotency-key": key } } },
      };
    });
  });
  return fc.oneof(...one);
}

/** A segment that a URL parser leaves alone: dots alone would lead elsewhere. */
function encodeName(name: string): string {
  const encoded = encodeURIComponent(name.toWellFormed());
  return encoded === "" || /^\.+$/.test(encoded) ? "nothing" : encoded;
}

Deno.test(`${REQUESTS} random requests made from the document: no 5xx, nothing done without the right, every answer of its form`, async () => {
  await using api = await startApi({ people: [personOf("dai@baz.co.jp", PASSWORD)] });
  const seed = Number(Deno.env.get("API_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]) >>> 0;
  const operations = operationsOf(api.document);
  const all = await api.token(...SCOPES);
  const others = new Map<string, string>();
  for (const { scope } of operations) {
    if (!others.has(scope)) others.set(scope, await api.token(...scopesBut(scope)));
  }
  // One wrong token only, for each counts against the limit of the host.
  let wrong = 0;
  const counts = new Map<number, number>();
  const reached = new Set<string>();
  for (
    const [at, { method, path, scope, right, request }] of fc.sample(asked(api), { seed, numRuns: REQUESTS }).entries()
  ) {
    const where = `seed ${seed} (API_SEED), request ${at}: ${method} ${path} ${right} ${JSON.stringify(request)}`;
    const token = right === "none"
      ? null
      : right === "wrong"
      ? `dkd_${String(++wrong).padStart(43, "A")}`
      : right === "other"
      ? others.get(scope) ?? null
      : all;
    const { status, text } = await api.ask(method, path, right === "control" ? request : { ...request, token })
      .catch((cause) => {
        throw new Error(where, { cause });
      });
    counts.set(status, (counts.get(status) ?? 0) + 1);
    assert.ok(status < 500, `${where}: ${status} ${text}`);
    if (right === "none" || right === "wrong") assert.ok(status === 401 || status === 429, `${where}: ${status}`);
    const own = operations.find((each) => each.method === method && each.scope === scope) !== undefined;
    if (right === "other" && own) assert.ok(status === 403 || status === 405, `${where}: ${status} ${text}`);
    if (scope === "control-socket" && right !== "control") assert.ok(status >= 400, `${where}: ${status}`);
    if (status < 300) reached.add(`${method} ${path.split("?")[0]?.split("/")[1]}`);
  }
  // Else the requests were too random to say anything.
  const outcome = JSON.stringify([...counts].toSorted());
  assert.ok(
    (counts.get(200) ?? 0) > 20 && reached.size > 5,
    `seed ${seed}: too little was reached: ${outcome} ${[...reached]}`,
  );
  const everything = [...api.answers, ...api.program.process.lines];
  assert.ok(
    everything.every((line) => !line.includes(PASSWORD) && !/\$scrypt|\$dokodemo-app/.test(line)),
    `seed ${seed}`,
  );
  assert.deepEqual(api.program.log.filter(({ kind }) => kind === "bug"), [], `seed ${seed}`);
});
