/**
 * The backend `kerberos`: passwords that a Kerberos KDC checks, and that is believed only where it proves to know a key of ours.
 *
 * @module
 */

import { resolve } from "node:path";
import { z } from "zod";
import type { Answer, Backend, Question, UserName } from "../src/backend.ts";
import { type BackendHost, type BackendModule, BackendProblem, defineBackend } from "../src/backend_module.ts";
import { whyUnreadable } from "../src/lib/file_error.ts";
import { utf8 } from "../src/lib/octets.ts";
import { asciiLower, hasControl } from "../src/lib/text.ts";
import { type Kerberos, type KerberosPlace, openKerberos } from "./lib/kerberos_library.ts";
import { answerOf, reachOf } from "./lib/kerberos_verdict.ts";
import { checkSecretFile } from "./lib/secret_file.ts";
import { path } from "./lib/values.ts";

const REALM_ERROR = "expected a Kerberos realm such as EXAMPLE.ORG";
const kerberosRealm = z.string({ error: REALM_ERROR }).regex(/^[\x21-\x7e]+$/, { error: REALM_ERROR })
  .refine((text) => !/[@/\\:]/.test(text), { error: REALM_ERROR });

const TEMPLATE_ERROR =
  'expected a principal such as "{user}@{REALM}" or "{user}/mail@{REALM}"; {realm} is the realm of the name';
const template = z.string({ error: TEMPLATE_ERROR }).refine(isTemplate, { error: TEMPLATE_ERROR });

const OPTIONS = z.strictObject({
  /** Our own keys, in a file that nobody else may read. */
  keytab: path.default("/etc/krb5.keytab"),
  /** Whose key in it is used. Default: the only principal that it holds. */
  service: z.string({ error: "expected a principal such as smtp/mail.example.org" })
    .refine((text) => text !== "" && !hasControl(text), { error: "expected a principal such as smtp/mail.example.org" })
    .optional(),
  /** The Kerberos realm of each realm; names in other realms are unknown. Default: the same in upper case, of `realms`, or else of `default_realm`. */
  kerberosRealms: z.record(z.string(), kerberosRealm, { error: "expected a table of realm = Kerberos realm" })
    .refine((table) => Object.keys(table).length > 0, { error: "expected at least one realm" }).optional(),
  principal: template.default("{user}@{REALM}"),
  /** A file of the form of krb5.conf(5). Default: the system's. */
  krb5Config: path.optional(),
});

type Options = z.output<typeof OPTIONS>;
type PasswordQuestion = Extract<Question, { readonly kind: "password" }>;

const NAME_LIMIT_OCTETS = 255;
/** As kadmin takes them. */
const PASSWORD_LIMIT_OCTETS = 1023;

/** The module of type `kerberos`. */
export const KERBEROS: BackendModule<typeof OPTIONS> = defineBackend({
  type: "kerberos",
  aliases: ["kerberos_v4"],
  schema: OPTIONS,
  // libkrb5 goes on for half a minute where a KDC does not answer.
  deadlineMs: 15_000,
  // As many threads are there for it.
  concurrency: 16,
  needs: ["ffi"],
  open: async (name, options, host) => {
    const keytab = resolve(host.dataDir, options.keytab);
    const config = options.krb5Config === undefined ? null : resolve(host.dataDir, options.krb5Config);
    await checkSecretFile(keytab);
    if (config !== null) await checkReadable(config);
    const kerberos = openKerberos();
    if (!kerberos.ok) throw new BackendProblem(kerberos.problem);
    const service = chooseService(kerberos.value, { ...options, keytab, config });
    return createBackend({ name, options, host, kerberos: kerberos.value, place: { keytab, config, service } });
  },
});

async function checkReadable(file: string): Promise<void> {
  try {
    await Deno.readTextFile(file);
  } catch (error) {
    throw new BackendProblem(`Cannot read ${file}: ${whyUnreadable(error)}`);
  }
}

/** The principal of the keytab that is meant; throws `BackendProblem` where none is, or it is not clear which. */
function chooseService(
  kerberos: Kerberos,
  { keytab, config, service }: Pick<KerberosPlace, "keytab" | "config"> & { readonly service?: string | undefined },
): string {
  const listed = kerberos.principals({ keytab, config });
  if (!listed.ok) throw new BackendProblem(`Cannot read ${keytab}: ${listed.problem}`);
  const held = listed.value.length === 0 ? "no key" : listed.value.join(", ");
  const [first, ...others] = service === undefined
    ? listed.value
    : listed.value.filter((each) => each === service || each.startsWith(`${service}@`));
  if (first === undefined) {
    throw new BackendProblem(
      `Cannot use ${keytab}: it holds ${held}${service === undefined ? "" : `, not ${service}`}`,
    );
  }
  if (others.length === 0) return first;
  throw new BackendProblem(`Cannot choose from ${keytab}: it holds ${held}; name one as service`);
}

interface Parts {
  readonly name: string;
  readonly options: Options;
  readonly host: BackendHost;
  readonly kerberos: Kerberos;
  readonly place: KerberosPlace;
}

function createBackend({ name, options, host, kerberos, place }: Parts): Backend {
  const realms = kerberosRealms(options, host);
  const closed = new AbortController();

  const check = async ({ user, password }: PasswordQuestion, signal: AbortSignal): Promise<Answer> => {
    const realm = realms.get(user.realm);
    if (realm === undefined || !isName(user.local)) return { kind: "rejected", why: "unknown-user" };
    if (!isPassword(password)) return { kind: "rejected", why: "wrong-secret" };
    const principal = principalOf(options.principal, user, realm);
    const verdict = await kerberos.checkPassword({ ...place, principal, password }, signal);
    return answerOf(verdict, { place, user, backend: name });
  };

  return {
    name,
    answers: { password: true, lookup: false, schemes: new Set(), tokens: new Set() },
    ask: async (question, signal): Promise<Answer> => {
      if (question.kind !== "password") return { kind: "rejected", why: "not-allowed" };
      try {
        return await check(question, AbortSignal.any([signal, closed.signal]));
      } catch (error) {
        if (signal.aborted || !closed.signal.aborted) throw error;
        return { kind: "unavailable", cause: "the backend is closed" };
      }
    },
    probe: async (signal) => reachOf(await kerberos.checkKey(place, signal), place),
    [Symbol.asyncDispose]: () => Promise.resolve(closed.abort()),
  };
}

/** The Kerberos realm of each realm, by its name in lower case. */
function kerberosRealms(
  { kerberosRealms: given }: Options,
  { defaultRealm, realms = [] }: BackendHost,
): ReadonlyMap<string, string> {
  if (given !== undefined) return new Map(Object.entries(given).map(([realm, name]) => [asciiLower(realm), name]));
  const served = realms.length === 0 ? [defaultRealm] : realms;
  return new Map(served.map((realm) => [realm, realm.toUpperCase()]));
}

/** Whether there are its placeholders and no others, and one realm at its end. */
function isTemplate(text: string): boolean {
  const parts = text.split(/(?<!\\)@/);
  return text.includes("{user}") && parts.length === 2 && parts.every((part) => part !== "") && !hasControl(text) &&
    !/[{}]/.test(text.replace(/\{(?:user|realm|REALM)\}/g, ""));
}

function principalOf(form: string, { local, realm }: UserName, kerberosRealm: string): string {
  const values = new Map([["{user}", escaped(local)], ["{realm}", escaped(realm)], ["{REALM}", kerberosRealm]]);
  return form.replace(/\{(?:user|realm|REALM)\}/g, (placeholder) => values.get(placeholder) ?? "");
}

/** So that a name stays one component, and in the realm that it is meant for (krb5_parse_name(3)). */
function escaped(text: string): string {
  return text.replace(/[\\/@]/g, (character) => `\\${character}`);
}

function isName(local: string): boolean {
  return local !== "" && !hasControl(local) && utf8(local).length <= NAME_LIMIT_OCTETS;
}

/** What can be handed over whole: in C a NUL would be its end. */
function isPassword(password: string): boolean {
  return password !== "" && !password.includes("\0") && utf8(password).length <= PASSWORD_LIMIT_OCTETS;
}
