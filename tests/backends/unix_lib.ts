/**
 * What the tests of `passwd` and `shadow` share.
 *
 * @module
 */

import { join } from "node:path";
import { cryptLibrary } from "../../backends/lib/crypt_library.ts";
import { PASSWD } from "../../backends/passwd.ts";
import { SHADOW } from "../../backends/shadow.ts";
import type { Answer, Backend } from "../../src/backend.ts";
import { utf8 } from "../../src/lib/octets.ts";
import { requireRoot } from "../lib/root.ts";
import { findProgram, makeFolder, type RegisterTest, requirePrograms } from "../servers/lib.ts";
import { makeSystemUser, SYSTEM_USER_PROGRAMS, systemUserName } from "../servers/system_users.ts";
import { backendContract, type OpenBackend } from "./contract.ts";
import { ORIGIN } from "./contract_lib.ts";

/** The kinds of backend. */
export type Form = "passwd" | "shadow";

/** The realm in which the tests ask. */
export const REALM = "baz.co.jp";
/** A password of the tests. */
export const PASSWORD = "correct horse 1";
/** One that is not ASCII. */
export const FOREIGN_PASSWORD = "正しい馬 ö 2";

/** Opens a backend named `mine`, as the program would. `keys` are those of its section, in camelCase. */
export async function openUnix(
  form: Form,
  keys: Readonly<Record<string, unknown>> = {},
  dataDir = "/nowhere",
): Promise<Backend> {
  const module = form === "passwd" ? PASSWD : SHADOW;
  const accounts = () => {
    throw new TypeError("Cannot open an account store: no backend of a Unix system has one");
  };
  return await module.open("mine", module.schema.parse(keys), { dataDir, defaultRealm: REALM, accounts });
}

/** Asks for a password. */
export function askPassword(backend: Backend, local: string, password = PASSWORD): Promise<Answer> {
  const question = { kind: "password", user: { local, realm: REALM }, password, origin: ORIGIN } as const;
  return backend.ask(question, new AbortController().signal);
}

/** Asks whether a name is there. */
export function askLookup(backend: Backend, local: string): Promise<Answer> {
  return backend.ask({ kind: "lookup", user: { local, realm: REALM } }, new AbortController().signal);
}

/** `accepted`, or the reason for a no, or the cause of an outage. */
export function inShort(answer: Answer): string {
  if (answer.kind === "rejected") return answer.why;
  return answer.kind === "unavailable" ? answer.cause : answer.kind;
}

/** A hash of few rounds. */
export async function hashOf(password: string, setting = "$6$rounds=1000$salt"): Promise<string> {
  const hash = await cryptLibrary()?.(utf8(password), setting);
  if (hash === undefined || hash === null) throw new Error(`Cannot hash with ${setting}`);
  return hash;
}

/** A line of a file of this form: name, password field, and in shadow what follows it. */
export function lineOf(form: Form, [name, field, ...rest]: readonly string[]): string {
  const fields = form === "passwd" ? [name, field, "1001", "100", "Somebody,,,", "/nonexistent", "/bin/sh"] : [
    ...[name, field, ...rest],
    ...["", "", "", "", "", "", ""].slice(rest.length),
  ];
  return `${fields.join(":")}\n`;
}

/** A backend with a file. */
export interface OpenFile extends OpenBackend {
  readonly folder: string;
  readonly file: string;
  /** Writes the file anew. */
  write(text: string): Promise<void>;
}

/** Opens a backend with a file of this text, `accounts` in its data_dir. */
export async function openFile(
  form: Form,
  text: string,
  keys: Readonly<Record<string, unknown>> = {},
): Promise<OpenFile> {
  await using made = new AsyncDisposableStack();
  const folder = made.use(await makeFolder());
  const file = join(folder.path, "accounts");
  const write = (lines: string) => Deno.writeTextFile(file, lines, { mode: 0o600 });
  await write(text);
  const backend = made.use(await openUnix(form, { file: "accounts", ...keys }, folder.path));
  const owned = made.move();
  return { backend, folder: folder.path, file, write, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** For tests that make accounts on this machine. */
export function requireSystemUsers(): RegisterTest {
  const programs = [...SYSTEM_USER_PROGRAMS, "unshare", "mount"];
  return programs.every((name) => findProgram(name) !== null) ? requireRoot() : requirePrograms(programs);
}

/** An /etc of its own for a program: for `under` of `startProgram`. Accounts in it are in no file of this machine. Needs root. */
export async function privateEtc(
  etc: string,
  { passwd, shadow }: { readonly passwd: readonly string[]; readonly shadow: readonly string[] },
): Promise<readonly string[]> {
  await Deno.mkdir(etc);
  await Deno.copyFile("/etc/ld.so.cache", `${etc}/ld.so.cache`);
  const files = {
    passwd: ["root:x:0:0::/root:/bin/sh\n", "nobody:x:65534:65534::/nonexistent:/bin/sh\n", ...passwd],
    shadow: ["root:*:19000::::::\n", ...shadow],
    group: ["root:x:0:\n", "nogroup:x:65534:\n"],
    "nsswitch.conf": ["passwd: files\n", "shadow: files systemd\n", "group: files\n"],
  };
  for (const [name, lines] of Object.entries(files)) await Deno.writeTextFile(`${etc}/${name}`, lines.join(""));
  return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc && exec "$@"', etc];
}

/** Two accounts of this machine for all tests of a file: made when they are first needed, removed when all tests are over. */
export interface SharedUsers {
  /** Its password is `PASSWORD`. */
  readonly right: string;
  /** Its password is `FOREIGN_PASSWORD`. */
  readonly foreign: string;
  make(): Promise<void>;
}

/** Registers the contract suite, on a file and on accounts of this machine. */
export function unixContracts(form: Form, users: SharedUsers): void {
  const rest = { deadlineMs: 10_000, peer: null } as const;
  backendContract(`${form} with a file`, {
    open: async () =>
      await openFile(
        form,
        lineOf(form, ["taro", await hashOf(PASSWORD)]) + lineOf(form, ["花子", await hashOf(FOREIGN_PASSWORD)]),
      ),
    right: { user: { local: "taro", realm: REALM }, password: PASSWORD },
    foreign: { user: { local: "花子", realm: REALM }, password: FOREIGN_PASSWORD },
    unknown: { local: "jiro", realm: REALM },
    ...rest,
  });
  backendContract(`${form} of the system`, {
    open: async () => {
      await users.make();
      const backend = await openUnix(form);
      return { backend, [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() };
    },
    right: { user: { local: users.right, realm: REALM }, password: PASSWORD },
    foreign: { user: { local: users.foreign, realm: REALM }, password: FOREIGN_PASSWORD },
    unknown: { local: `${users.right}x`, realm: REALM },
    ...rest,
    test: requireSystemUsers(),
  });
}

/** Chooses their names. */
export function sharedSystemUsers(): SharedUsers {
  const [right, foreign] = [systemUserName(), systemUserName()];
  const made = new AsyncDisposableStack();
  let making: Promise<void> | null = null;
  const make = async () => {
    made.use(await makeSystemUser({ name: right, password: PASSWORD }));
    made.use(await makeSystemUser({ name: foreign, password: FOREIGN_PASSWORD }));
  };
  Deno.test.afterAll(() => made.disposeAsync());
  return { right, foreign, make: () => making ??= make() };
}
