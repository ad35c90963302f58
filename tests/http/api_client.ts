/**
 * The API of a running program, over both of its doors. Every answer is compared with the OpenAPI document, and kept so that a test can
 * look for secrets in all of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { SCOPES } from "../../src/records/records.ts";
import { makeSite, type RunningProgram, type Site, type SiteOptions, startProgram } from "../lib/program.ts";

/** An answer. `body` is its JSON, or `null` when it has none. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: unknown;
}

/** A request. `path` is that behind `/api/v1`. */
export interface ApiRequest {
  /** At [http] with this token, or `null` for none; absent: over the control socket. */
  readonly token?: string | null;
  /** JSON. */
  readonly body?: unknown;
  /** A body that is sent as it is. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The program, and how it is asked. */
export interface ApiSite extends AsyncDisposable {
  readonly site: Site;
  readonly program: RunningProgram;
  readonly document: OpenApi;
  /** All answers so far, with their header fields. */
  readonly answers: readonly string[];
  ask(method: string, path: string, request?: ApiRequest): Promise<ApiAnswer>;
  /** The secret of a fresh token. */
  token(...scopes: readonly string[]): Promise<string>;
}

/** What the tests read of the document. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
}

/** An operation of it. */
export interface OpenApiOperation {
  readonly operationId: string;
  readonly security: readonly { readonly bearer: readonly string[] }[];
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: object } } };
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: object }>>;
}

/** A parameter of an operation. */
export interface OpenApiParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly schema: object;
}

/** The scope of what no token may do. */
export const CONTROL = "control-socket";

/** Starts the program with [http]. */
export async function startApi(options: SiteOptions = {}): Promise<ApiSite> {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-api-" });
  const site = await makeSite(folder, { ...options, more: `${options.more ?? ""}\n[http]\naddress = "127.0.0.1:0"\n` });
  const program = await startProgram(site);
  const socket = Deno.createHttpClient({ proxy: { transport: "unix", path: `${site.dataDir}/control.sock` } });
  const answers: string[] = [];
  const send = async (method: string, path: string, request: ApiRequest): Promise<ApiAnswer> => {
    const { token, body, raw, headers = {} } = request;
    const origin = token === undefined ? "http://localhost" : `http://127.0.0.1:${program.port("http")}`;
    const octets = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: {
        ...body !== undefined && { "content-type": "application/json" },
        ...token != null && { authorization: `Bearer ${token}` },
        ...headers,
      },
      ...octets !== undefined && { body: octets },
      ...token === undefined && { client: socket },
    });
    const text = await response.text();
    answers.push(`${method} ${path} ${response.status} ${JSON.stringify([...response.headers])} ${text}`);
    return { status: response.status, headers: response.headers, text, body: text === "" ? null : JSON.parse(text) };
  };
  const document = (await send("GET", "/openapi.json", {})).body;
  assert.ok(isOpenApi(document));
  const check = answerCheck(document);
  const ask: ApiSite["ask"] = async (method, path, request = {}) => {
    const answer = await send(method, path, request);
    check(method, path, answer);
    return answer;
  };
  return {
    ...{ site, program, document, answers, ask },
    token: async (...scopes) => {
      const { body } = await send("POST", "/tokens", {
        body: { label: scopes.join("+").slice(0, 60), scopes, expires: null },
      });
      // The one place where a secret belongs.
      answers.pop();
      return String(Reflect.get(Object(body), "secret"));
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await program[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** All scopes but these. */
export function scopesBut(...without: readonly string[]): readonly string[] {
  return SCOPES.filter((scope) => !without.includes(scope));
}

/** Fails unless it is a problem document of this status whose detail matches. */
export function isProblem(answer: ApiAnswer, status: number, detail: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  assert.equal(Reflect.get(Object(answer.body), "status"), status);
  assert.match(String(Reflect.get(Object(answer.body), "detail")), detail);
}

/** One member of a JSON object. */
export function member(answer: ApiAnswer, ...names: readonly string[]): unknown {
  return names.reduce<unknown>((value, name) => Reflect.get(Object(value), name), answer.body);
}

/** The operations of the document, with where they are. */
export function operationsOf(
  { paths }: OpenApi,
): readonly {
  readonly path: string;
  readonly method: string;
  readonly scope: string;
  readonly operation: OpenApiOperation;
}[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => {
      return { path, method: method.toUpperCase(), scope: operation.security[0]?.bearer[0] ?? "", operation };
    })
  );
}

/** Fails on an answer that the document does not foresee, in status or form. */
function answerCheck(document: OpenApi): (method: string, path: string, answer: ApiAnswer) => void {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  // A CommonJS module: its default export is the function in one reading, and has it in the other.
  const add: unknown = Reflect.get(formats, "default") ?? formats;
  assert.ok(typeof add === "function");
  add(ajv);
  ajv.addSchema({ $id: "api", ...document });
  const found = operationsOf(document).map((each) => ({
    ...each,
    regexp: new RegExp(`^${each.path.replaceAll(/\{\w+\}/g, "[^/?]+")}(?:\\?|$)`),
  }));
  return (method, path, { status, body, text, headers }) => {
    const of = found.find((each) => each.method === (method === "HEAD" ? "GET" : method) && each.regexp.test(path));
    if (of === undefined) return assert.ok([401, 403, 404, 405, 429].includes(status), `${method} ${path}: ${status}`);
    const where = `${method} ${path} ${status} ${text}`;
    const response = of.operation.responses[status];
    assert.ok(response !== undefined, `${where}: the document does not foresee this status`);
    if (method === "HEAD") return;
    const type = headers.get("content-type");
    if (response.$ref !== undefined) assert.equal(type, "application/problem+json", where);
    else if (response.content === undefined) return assert.equal(text, "", where);
    else assert.equal(type, "application/json", where);
    const pointer = response.$ref !== undefined
      ? "#/components/schemas/Problem"
      : `#/paths/${
        of.path.replaceAll("/", "~1").replaceAll("{", "%7B").replaceAll("}", "%7D")
      }/${of.method.toLowerCase()}/responses/${status}/content/application~1json/schema`;
    const validate = ajv.getSchema(`api${pointer}`);
    assert.ok(validate !== undefined, pointer);
    assert.ok(validate(body), `${where}: ${JSON.stringify(validate.errors)}`);
  };
}

function isOpenApi(value: unknown): value is OpenApi {
  return typeof value === "object" && value !== null && "paths" in value;
}
