/**
 * Who is measured: dokodemo, and Postfix with Cyrus SASL's sasldb, both with the same account and certificate, on loopback.
 *
 * @module
 */

import { openAccountStore } from "../src/accounts/sqlite_account_store.ts";
import type { Certificate } from "../tests/servers/certificate.ts";
import { makeSite } from "../tests/servers/dokodemo.ts";
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
}

/** The account that both have. */
export const USER = "shin@baz.co.jp";
export const PASSWORD = "correct-horse-battery";
/** The names of further accounts, a format for smtpload. All have the same password. */
export const MANY_USERS = "user%ld@baz.co.jp";

const MECHANISMS = ["SCRAM-SHA-256", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"];

/** Starts dokodemo: the tree, or the binary in `$DOKODEMO_BIN`. */
export async function startDokodemo({ next, accounts = 0, successCache = true }: SubjectOptions): Promise<Subject> {
  await using stack = new AsyncDisposableStack();
  // A next hop that accepts the connection and says nothing keeps the queue as it is.
  const silent = stack.use(startSilentHop());
  const port = next === "queue" ? silent.port : next.port;
  const site = stack.use(
    await makeSite({
      users: { [USER]: PASSWORD },
      listeners: LISTENERS,
      sasl: [
        `mech_list = ${JSON.stringify(MECHANISMS)}`,
        'cleartext_networks = ["127.0.0.0/8"]',
        `cleartext_mechs = ${JSON.stringify(MECHANISMS)}`,
        `success_cache = ${successCache}`,
      ],
      smarthost: [`address = "127.0.0.1:${port}"`, 'tls = "never"', `concurrency = ${next === "queue" ? 1 : 20}`],
      tables: ["[guessing]", "enabled = false"],
    }),
  );
  await addAccounts(`${site.folder}/data/sasldb`, accounts);
  const server = stack.use(await site.start());
  server.process.quiet();
  const owned = stack.move();
  return {
    name: "dokodemo",
    ports: { clear: server.port("clear"), starttls: server.port("starttls"), smtps: server.port("smtps") },
    memory: () => processTreeMemory(server.pid),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const LISTENERS: readonly string[] = [
  ...["[[listener]]", 'name = "clear"', 'address = "127.0.0.1:0"', 'tls = "none"', "require_tls = false"],
  ...["[[listener]]", 'name = "starttls"', 'address = "127.0.0.1:0"', 'tls = "starttls"'],
  ...["[[listener]]", 'name = "smtps"', 'address = "127.0.0.1:0"', 'tls = "implicit"'],
];

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
  { next, accounts = 0 }: SubjectOptions,
  certificate: Certificate,
): Promise<Subject> {
  const [, realm = ""] = USER.split("@");
  const names = ["shin", ...Array.from({ length: accounts }, (_, at) => `user${at}`)];
  const hold = next === "queue";
  const postfix = await startPostfix({
    services: [
      { name: "clear", mechanisms: MECHANISMS, tls: "none", hold },
      { name: "starttls", mechanisms: MECHANISMS, tls: "starttls", hold },
      { name: "smtps", mechanisms: MECHANISMS, tls: "implicit", hold },
    ],
    users: names.map((user) => ({ user, realm, password: PASSWORD })),
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
