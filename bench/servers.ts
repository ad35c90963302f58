/**
 * Who is measured: dokodemo, and Postfix with Cyrus SASL's sasldb, both with the same account and certificate, on loopback.
 *
 * @module
 */

import { openAccountStore } from "../src/accounts/sqlite_account_store.ts";
import { makeSite, personOf, startProgram } from "../tests/lib/program.ts";
import type { Certificate } from "../tests/servers/certificate.ts";
import { makeFolder } from "../tests/servers/lib.ts";
import { startPostfix } from "../tests/servers/postfix.ts";
import { processTreeMemory } from "./process_memory.ts";

/** A server under test. */
export interface Subject extends AsyncDisposable {
  readonly name: string;
  /** `clear`: AUTH without TLS; mail that any of them takes is not delivered, but for `relay`. */
  readonly ports: Readonly<Record<"clear" | "starttls" | "smtps", number>>;
  /** Proportional set size of all its processes, in KiB. */
  memory(): Promise<number>;
}

/** How to start one. */
export interface SubjectOptions {
  /** Where its mail goes: nowhere (it stays in the queue), or to a next hop on this port. */
  readonly next: "queue" | { readonly port: number };
  /** How many accounts `manyUsers` names. */
  readonly accounts?: number;
  /** Whether dokodemo remembers right passwords. Default true. */
  readonly successCache?: boolean;
  /** Who checks passwords instead of each one's sasldb: only PLAIN and LOGIN are left then. */
  readonly passwords?: {
    /** The lines of [backend.ldap]. */
    readonly section: string;
    /** The socket of the saslauthd that asks the same directory. */
    readonly saslauthd: string;
  };
}

/** The account that both have. */
export const USER = "shin@baz.co.jp";
export const PASSWORD = "correct-horse-battery";
/** The names of further accounts, a format for smtpload. All have the same password. */
export const MANY_USERS = "user%ld@baz.co.jp";

const MECHANISMS = ["SCRAM-SHA-256", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"];

/** Starts dokodemo: the tree, or the binary in `$DOKODEMO_BIN`. */
export async function startDokodemo(options: SubjectOptions): Promise<Subject> {
  const { next, accounts = 0, successCache = true, passwords } = options;
  await using stack = new AsyncDisposableStack();
  // A next hop that accepts the connection and says nothing keeps the queue as it is.
  const silent = stack.use(startSilentHop());
  const port = next === "queue" ? silent.port : next.port;
  const folder = stack.use(await makeFolder());
  const site = await makeSite(folder.path, {
    people: passwords === undefined ? [personOf(USER, PASSWORD)] : [],
    listeners: LISTENERS,
    sasl: saslKeys({
      "success_cache": successCache,
      ...passwords !== undefined && { "pwcheck_method": ["ldap"] },
    }),
    ...passwords !== undefined && { more: `[backend.ldap]\n${passwords.section}` },
    smarthost: `address = "127.0.0.1:${port}"\ntls = "never"\nconcurrency = ${next === "queue" ? 1 : 20}`,
  });
  if (passwords === undefined) await addAccounts(`${site.dataDir}/sasldb`, accounts);
  const server = stack.use(await startProgram(site));
  server.process.quiet();
  const owned = stack.move();
  return {
    name: "dokodemo",
    ports: { clear: server.port("clear"), starttls: server.port("starttls"), smtps: server.port("smtps") },
    memory: () => processTreeMemory(server.process.pid),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Lines of [sasl]: each mechanism, without TLS too. */
function saslKeys(more: Readonly<Record<string, unknown>>): string {
  const mechanisms = { "mech_list": MECHANISMS, "cleartext_mechs": MECHANISMS };
  const keys = { "cleartext_networks": ["127.0.0.0/8"], ...mechanisms, ...more };
  return Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join("\n");
}

const LISTENERS = `[[listener]]
name = "clear"
address = "127.0.0.1:0"
tls = "none"
require_tls = false
[[listener]]
name = "starttls"
address = "127.0.0.1:0"
tls = "starttls"
[[listener]]
name = "smtps"
address = "127.0.0.1:0"
tls = "implicit"`;

/** Straight into the store: a process for each of a thousand accounts would take most of the time of the bench. */
async function addAccounts(file: string, count: number): Promise<void> {
  if (count === 0) return;
  const settings = { defaultRealm: "baz.co.jp", realms: [], legacyVerifiers: true, userCaseSensitive: true };
  const opened = openAccountStore(file, { ...settings, now: Date.now });
  if (!opened.ok) throw new Error(opened.problem.message);
  await using store = opened.value;
  const names = Array.from({ length: count }, (_, at) => ({ local: `user${at}`, realm: "baz.co.jp" }));
  await Promise.all(names.map((name) => store.add(name, PASSWORD)));
}

function startSilentHop(): Disposable & { readonly port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return { port: listener.addr.port, [Symbol.dispose]: () => listener.close() };
}

/** Starts Postfix. With `next: "queue"` mail is held. */
export async function startPeer(
  { next, accounts = 0, passwords }: SubjectOptions,
  certificate: Certificate,
): Promise<Subject> {
  const [, realm = ""] = USER.split("@");
  const mechanisms = passwords === undefined ? MECHANISMS : ["PLAIN", "LOGIN"];
  const names = ["shin", ...Array.from({ length: accounts }, (_, at) => `user${at}`)];
  const hold = next === "queue";
  const postfix = await startPostfix({
    services: [
      { name: "clear", mechanisms, tls: "none", hold },
      { name: "starttls", mechanisms, tls: "starttls", hold },
      { name: "smtps", mechanisms, tls: "implicit", hold },
    ],
    ...(passwords === undefined
      ? { users: names.map((user) => ({ user, realm, password: PASSWORD })) }
      : { saslauthd: passwords.saslauthd }),
    certificate,
    realm,
    ...(next === "queue" ? {} : { next }),
  });
  postfix.quiet();
  return {
    name: "postfix",
    ports: { clear: postfix.port("clear"), starttls: postfix.port("starttls"), smtps: postfix.port("smtps") },
    memory: async () => await processTreeMemory(await postfix.pid()),
    [Symbol.asyncDispose]: () => postfix[Symbol.asyncDispose](),
  };
}
