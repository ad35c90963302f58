/**
 * The OpenAPI document as people read it: operations by resource, fields as one list each, and a call of each with curl.
 *
 * @module
 */

import type { ApiDocument } from "./api.ts";
import { API_BASE, CONTROL_SOCKET } from "./frame.ts";

/** A parameter, or a field of a body or an answer. */
export interface FieldView {
  /** Fields of fields have a dot between; those of each item of a list have `[]`. */
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly text: string;
}

/** A body or an answer. */
export interface ContentView {
  readonly text: string;
  readonly fields: readonly FieldView[];
}

/** An answer. */
export interface AnswerView extends ContentView {
  readonly status: string;
}

/** One operation. */
export interface OperationView {
  readonly id: string;
  readonly method: string;
  /** With `/api/v1`. */
  readonly path: string;
  readonly summary: string;
  readonly text: string;
  /** `null`: over the control socket alone. */
  readonly scope: string | null;
  readonly parameters: readonly (FieldView & { readonly place: string })[];
  readonly body: ContentView | null;
  readonly answers: readonly AnswerView[];
  /** JSON; `null` without a body. */
  readonly example: string | null;
}

/** Operations of one resource. */
export interface ResourceView {
  readonly name: string;
  readonly operations: readonly OperationView[];
}

type SchemaOrReference = NonNullable<NonNullable<ApiDocument["components"]>["schemas"]>[string];
type Schema = Exclude<SchemaOrReference, { $ref: string }>;
type Operation = NonNullable<NonNullable<ApiDocument["paths"]>[string]["get"]>;
type Content = NonNullable<Extract<Operation["requestBody"], { content: unknown }>>["content"];

const METHODS = ["get", "post", "put", "patch", "delete"] as const;
const EXAMPLE_PATHS: ReadonlyMap<string, string> = new Map([["account", "taro@example.jp"]]);

/** Reads the document. */
export function viewDocument(document: ApiDocument): readonly ResourceView[] {
  const all = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ operation, view: viewOperation(document, { path, method, operation }) }];
    })
  );
  return (document.tags ?? []).map(({ name }) => ({
    name,
    operations: all.filter(({ operation }) => operation.tags?.includes(name) === true).map(({ view }) => view),
  }));
}

/** A call with curl, for a shell. `origin`: where the API is. */
export function curlOf({ method, path, scope, example }: OperationView, origin: string): string {
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => EXAMPLE_PATHS.get(name) ?? name.toUpperCase());
  const parts = [
    ...method === "GET" ? [] : [`-X ${method}`],
    scope === null ? "--unix-socket DATA_DIR/control.sock" : '-H "Authorization: Bearer $TOKEN"',
    ...example === null ? [] : ['-H "Content-Type: application/json"', `-d '${example.replaceAll("'", `'\\''`)}'`],
    scope === null ? `http://localhost${url}` : `${origin}${url}`,
  ];
  return `curl ${parts.join(" \\\n  ")}`;
}

function viewOperation(
  document: ApiDocument,
  { path, method, operation }: {
    readonly path: string;
    readonly method: typeof METHODS[number];
    readonly operation: Operation;
  },
): OperationView {
  const scope = operation.security?.[0]?.["bearer"]?.[0];
  const { requestBody } = operation;
  const body = requestBody === undefined || "$ref" in requestBody ? null : requestBody;
  const schema = body === null ? undefined : schemaIn(body.content);
  return {
    id: operation.operationId ?? `${method}-${path}`,
    method: method.toUpperCase(),
    path: `${API_BASE}${path}`,
    summary: operation.summary ?? "",
    text: operation.description ?? "",
    scope: scope === undefined || scope === CONTROL_SOCKET ? null : scope,
    parameters: (operation.parameters ?? []).flatMap((parameter) => {
      if ("$ref" in parameter) return [];
      const { name, in: place, required = false, description = "" } = parameter;
      const type = parameter.schema === undefined ? "string" : typeOf(document, parameter.schema);
      return [{ name, place, type, required, text: description }];
    }),
    body: body === null ? null : { text: body.description ?? "", fields: fieldsIn(document, schema) },
    answers: viewAnswers(document, operation),
    example: schema === undefined ? null : JSON.stringify(exampleOf(document, schema)),
  };
}

function viewAnswers(document: ApiDocument, { responses }: Operation): readonly AnswerView[] {
  return Object.entries(responses ?? {}).map(([status, response]) => {
    const found = "$ref" in response ? responseAt(document, response.$ref) : response;
    // That problems are all of one form is said once for all of them.
    const fields = "$ref" in response ? [] : fieldsIn(document, schemaIn(response.content ?? {}));
    return { status, text: found?.description ?? "", fields };
  });
}

function responseAt({ components }: ApiDocument, reference: string): { readonly description?: string } | undefined {
  return components?.responses?.[nameIn(reference)];
}

function schemaIn(content: Content): SchemaOrReference | undefined {
  return content["application/json"]?.schema;
}

function resolve({ components }: ApiDocument, schema: SchemaOrReference): Schema {
  if (!("$ref" in schema)) return schema;
  const found = components?.schemas?.[nameIn(schema.$ref)];
  return found === undefined || "$ref" in found ? {} : found;
}

function nameIn(reference: string): string {
  return reference.slice(reference.lastIndexOf("/") + 1);
}

function fieldsIn(document: ApiDocument, schema: SchemaOrReference | undefined, prefix = ""): readonly FieldView[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = resolve(document, schema);
  return Object.entries(properties).flatMap(([key, property]) => {
    const name = `${prefix}${key}`;
    const { description = "", items, ...rest } = resolve(document, property);
    const field = { name, type: typeOf(document, property), required: required.includes(key), text: description };
    const below = items === undefined ? fieldsIn(document, rest, `${name}.`) : fieldsIn(document, items, `${name}[].`);
    return [field, ...below];
  });
}

function typeOf(document: ApiDocument, schema: SchemaOrReference): string {
  const { type, format, enum: words, const: constant, items, minimum, maximum } = resolve(document, schema);
  if (words !== undefined) return words.map((word) => JSON.stringify(word)).join(", ");
  if (constant !== undefined) return JSON.stringify(constant);
  const types = (type === undefined ? ["object"] : [type].flat()).map((each) => {
    if (each === "array") return items === undefined ? "list" : `list of ${typeOf(document, items)}`;
    if (each === "string" && format !== undefined) return format;
    const bounded = each === "integer" && minimum !== undefined && maximum !== undefined &&
      maximum < Number.MAX_SAFE_INTEGER;
    return bounded ? `integer from ${minimum} to ${maximum}` : each;
  });
  return types.join(" or ");
}

function exampleOf(document: ApiDocument, schema: SchemaOrReference): unknown {
  const { example, enum: words, type, format, items, properties = {}, required = [] } = resolve(document, schema);
  if (example !== undefined) return example;
  if (words !== undefined) return words[0];
  const [first] = [type ?? "object"].flat();
  switch (first) {
    case "boolean":
      return true;
    case "integer":
    case "number":
      return 1;
    case "array":
      return items === undefined ? [] : [exampleOf(document, items)];
    case "string":
      if (format === "date-time") return "2027-01-31T00:00:00Z";
      return format === "password" ? "a long and new one" : "text";
    default:
      return Object.fromEntries(
        Object.entries(properties).filter(([key]) => required.includes(key))
          .map(([key, property]) => [key, exampleOf(document, property)]),
      );
  }
}
