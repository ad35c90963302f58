/**
 * The backend `radius`: passwords that a RADIUS server checks (RFC 2865), by PAP or CHAP.
 *
 * @module
 */

import { randomBytes, randomInt } from "node:crypto";
import { resolve } from "node:path";
import { z } from "zod";
import type { Answer, Backend, Question, UserName } from "../src/backend.ts";
import { type BackendModule, defineBackend } from "../src/backend_module.ts";
import { utf8 } from "../src/lib/octets.ts";
import { type Result, succeed } from "../src/lib/result.ts";
import { hasControl } from "../src/lib/text.ts";
import { readSecretFile } from "./lib/secret_file.ts";
import { accountRealm, duration, hostPort, nameForm, path, servesRealm, writeName } from "./lib/values.ts";
import { createRadiusClient, type RadiusClient, type RadiusQuestion } from "./radius_client.ts";
import {
  ATTRIBUTE,
  AUTHENTICATOR_OCTETS,
  chapPassword,
  fitsAttribute,
  hidePassword,
  PASSWORD_LIMIT_OCTETS,
  type RadiusAttribute,
  type RadiusReply,
} from "./radius_packet.ts";

const DEFAULT_PORT = 1812;
/** Service-Type Authenticate-Only: what a server would authorize beside it does not matter here (RFC 2865 section 5.6). */
const AUTHENTICATE_ONLY = new Uint8Array([0, 0, 0, 8]);

const text = z.string({ error: "expected a text of 1 to 253 octets" })
  .refine((value) => fitsAttribute(value) && !hasControl(value), { error: "expected a text of 1 to 253 octets" });

const OPTIONS = z.strictObject({
  /** Asked in this order; each has the same secret. */
  servers: z.array(hostPort(DEFAULT_PORT), { error: "expected a list of servers" }).min(1, {
    error: "expected at least one server",
  }),
  /** One line. */
  secretFile: path,
  method: z.enum(["pap", "chap"], { error: 'expected "pap" or "chap"' }).default("pap"),
  /** False lets anyone between us and the server say yes for it (CVE-2024-3596). */
  requireMessageAuthenticator: z.boolean({ error: "expected true or false" }).default(true),
  userName: nameForm.default("{user}"),
  realm: accountRealm,
  /** Default: the name of this machine. */
  nasIdentifier: text.optional(),
  retry: duration.prefault("1s"),
  timeout: duration.prefault("9s"),
  holdDown: duration.prefault("1min"),
  /** For a server that does not know Status-Server: a name that `check --connect` asks for with a password that nobody has. */
  probeUser: text.optional(),
});

type Options = z.output<typeof OPTIONS>;
type PasswordQuestion = Extract<Question, { readonly kind: "password" }>;

interface Context {
  readonly name: string;
  readonly options: Options;
  readonly client: RadiusClient;
  readonly secret: Uint8Array;
  readonly nasIdentifier: Uint8Array;
  readonly serves: (user: UserName) => boolean;
}

/** The module of type `radius`. */
export const RADIUS: BackendModule<typeof OPTIONS> = defineBackend({
  type: "radius",
  schema: OPTIONS,
  deadlineMs: 10_000,
  // UDP has no queue that tells that it is full: what a server drops is repeated a second later.
  concurrency: 64,
  open: async (name, options, host) => {
    const secret = utf8(await readSecretFile(resolve(host.dataDir, options.secretFile)));
    const { servers, retry, timeout, holdDown } = options;
    const client = createRadiusClient({ servers, secret, retryMs: retry, timeoutMs: timeout, holdDownMs: holdDown });
    const nasIdentifier = utf8(options.nasIdentifier ?? (Deno.hostname() || "dokodemo"));
    return createBackend({
      ...{ name, options, client, secret, nasIdentifier },
      serves: servesRealm(options, host),
    });
  },
});

function createBackend(context: Context): Backend {
  const { name, client } = context;
  return {
    name,
    answers: { password: true, lookup: false, schemes: new Set(), tokens: new Set() },
    ask: async (question, signal) => {
      if (question.kind !== "password") return { kind: "rejected", why: "not-allowed" };
      return unsendable(question, context) ?? await check(question, { context, signal });
    },
    probe: (signal) => probe(context, signal),
    [Symbol.asyncDispose]: () => Promise.resolve(client[Symbol.dispose]()),
  };
}

/** The answer to what no packet can carry: nobody can have such a name or password there. */
function unsendable({ user, password }: PasswordQuestion, { options, serves }: Context): Answer | null {
  const name = writeName(options.userName, user);
  if (!serves(user) || user.local === "" || hasControl(name) || !fitsAttribute(name)) {
    return { kind: "rejected", why: "unknown-user" };
  }
  const tooLong = options.method === "pap" && utf8(password).length > PASSWORD_LIMIT_OCTETS;
  // A server takes NULs at the end for what fills a password up.
  return password === "" || tooLong || hasControl(password) ? { kind: "rejected", why: "wrong-secret" } : null;
}

async function check(
  { user, password, origin }: PasswordQuestion,
  { context, signal }: { readonly context: Context; readonly signal: AbortSignal },
): Promise<Answer> {
  const { name, client, options } = context;
  const caller = { type: ATTRIBUTE.callingStationId, value: utf8(origin.remote) };
  const attributes = accessAttributes(context, { name: writeName(options.userName, user), password: utf8(password) });
  const asked = await client.ask({
    kind: "access",
    attributes: (authenticator) => [...attributes(authenticator), caller],
    signed: options.requireMessageAuthenticator,
  }, signal);
  return asked.ok ? answerOf(asked.value, { name, user }) : { kind: "unavailable", cause: asked.problem };
}

function answerOf({ kind }: RadiusReply, { name, user }: { readonly name: string; readonly user: UserName }): Answer {
  switch (kind) {
    case "accept": {
      const account = {
        ...{ name: `${user.local}@${user.realm}`, backend: name },
        ...{ addresses: [], groups: [], attributes: {} },
      };
      return { kind: "accepted", account, credential: "password", version: "1" };
    }
    case "reject":
      // RADIUS has one no for everything, unknown names among it.
      return { kind: "rejected", why: "wrong-secret" };
    case "challenge":
      // A second factor: a mail client has nothing to answer it with.
      return {
        kind: "rejected",
        why: "not-allowed",
        note: "the server asks for more than a password (Access-Challenge)",
      };
  }
}

function accessAttributes(
  { options, secret, nasIdentifier }: Context,
  { name, password }: { readonly name: string; readonly password: Uint8Array },
): RadiusQuestion["attributes"] {
  const common = [
    { type: ATTRIBUTE.userName, value: utf8(name) },
    { type: ATTRIBUTE.serviceType, value: AUTHENTICATE_ONLY },
    { type: ATTRIBUTE.nasIdentifier, value: nasIdentifier },
  ];
  return options.method === "pap"
    ? (authenticator) => [
      ...common,
      { type: ATTRIBUTE.userPassword, value: hidePassword(password, { secret, authenticator }) },
    ]
    : () => [...common, ...chapAttributes(password)];
}

function chapAttributes(password: Uint8Array): readonly RadiusAttribute[] {
  const challenge = randomBytes(AUTHENTICATOR_OCTETS);
  return [
    { type: ATTRIBUTE.chapPassword, value: chapPassword(password, { identifier: randomInt(256), challenge }) },
    { type: ATTRIBUTE.chapChallenge, value: challenge },
  ];
}

async function probe(context: Context, signal: AbortSignal): Promise<Result<void, string>> {
  const { client, options, nasIdentifier } = context;
  // A reply to Status-Server opens nothing, and servers that sign the others leave that one unsigned.
  const question: RadiusQuestion = options.probeUser === undefined
    ? { kind: "status", attributes: () => [{ type: ATTRIBUTE.nasIdentifier, value: nasIdentifier }], signed: false }
    : {
      kind: "access",
      attributes: accessAttributes(context, { name: options.probeUser, password: randomBytes(16) }),
      signed: options.requireMessageAuthenticator,
    };
  const asked = await client.ask(question, signal);
  return asked.ok ? succeed(undefined) : asked;
}
