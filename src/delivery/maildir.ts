/**
 * Delivery into Maildir folders. The file is `Return-Path`, `Delivered-To` and then the content octet for octet: its line ends stay
 * CRLF as they were received, which every reader of Maildir takes.
 *
 * @module
 */

import { utf8 } from "../lib/octets.ts";
import { succeed } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import type { Log } from "../log/event.ts";
import { isSafeInPath } from "../policy/local_recipients.ts";
import type { DeliveryOutcome } from "../spool/spool.ts";
import type { Deliverer, DeliverySession, DeliveryTask, RoutedRecipient } from "./deliverer.ts";

/** How to deliver into Maildir folders. */
export interface MaildirSettings {
  /** An absolute path with `{user}`, `{realm}` or `{account}` in it; without them one folder for everybody, whoever they are. */
  readonly template: string;
  /** Part of the names of files. */
  readonly hostname: string;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const CONCURRENCY = 8;
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

/** Files written by this process, so that two of one microsecond have two names. */
let written = 0;

/** Makes the deliverer; nothing on disk is touched before the first mail. */
export function openMaildir(settings: MaildirSettings): Deliverer {
  const session: DeliverySession = {
    usable: true,
    deliver: (task, signal) => deliver(task, settings, signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return {
    name: "maildir",
    concurrency: CONCURRENCY,
    open: () => Promise.resolve(succeed(session)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * The folder of an account, from its name as stored; `null` when a part of that could leave its place in the path: empty, with a
 * slash, a control character or a leading dot.
 */
export function maildirOf(template: string, account: string): string | null {
  const at = account.lastIndexOf("@");
  const values = new Map([
    ["user", at === -1 ? account : account.slice(0, at)],
    ["realm", at === -1 ? "" : account.slice(at + 1)],
    ["account", account],
  ]);
  let safe = true;
  const path = template.replace(/\{(user|realm|account)\}/g, (_all, name: string) => {
    const value = values.get(name) ?? "";
    safe &&= isSafeInPath(value);
    return value;
  });
  return safe ? path : null;
}

async function deliver(task: DeliveryTask, settings: MaildirSettings, signal: AbortSignal): Promise<void> {
  for (const recipient of task.recipients) {
    await task.settle(recipient.id, signal.aborted ? SHUTTING_DOWN : await deliverTo(recipient, task, settings));
  }
}

const SHUTTING_DOWN: DeliveryOutcome = { kind: "deferred", cause: "local", reply: "451 4.3.2 The server is stopping" };

async function deliverTo(
  recipient: RoutedRecipient,
  task: DeliveryTask,
  settings: MaildirSettings,
): Promise<DeliveryOutcome> {
  const { account } = recipient;
  const { template } = settings;
  const shared = /\{(?:user|realm|account)\}/.test(template) ? null : template;
  const maildir = account === null ? shared : maildirOf(template, account.name);
  if (maildir === null) {
    return { kind: "failed", enhanced: "5.1.1", reply: "550 5.1.1 The account cannot have a mailbox here" };
  }
  await task.attempting([recipient.id]);
  try {
    const content = await task.content();
    const name = await store(maildir, headOf(task, account?.name ?? recipient.forwardPath), { content, settings });
    return { kind: "delivered", reply: `250 2.0.0 Stored as ${name}` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    const text = `Cannot deliver mail ${task.mail.id} to ${printable(maildir, 500)}: ${reason}`;
    settings.log({ kind: "alarm", about: "maildir", text });
    return deferredFor(error);
  }
}

/** The reason stands in the log; a reply, which may end in a bounce, names no path. */
function deferredFor(error: unknown): DeliveryOutcome {
  const full = error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
  const reply = full
    ? "452 4.2.2 There is no space left for the mailbox"
    : "451 4.2.0 The mailbox cannot be written now";
  return { kind: "deferred", cause: "local", reply };
}

/** RFC 5321 section 4.4: final delivery adds Return-Path, on top. */
function headOf({ mail }: DeliveryTask, to: string): Uint8Array<ArrayBuffer> {
  return utf8(`Return-Path: <${mail.envelope.reversePath ?? ""}>\r\nDelivered-To: ${to}\r\n`);
}

/** The name in `new` once the file and its directory entry are durable. */
async function store(
  maildir: string,
  head: Uint8Array<ArrayBuffer>,
  { content, settings }: {
    readonly content: ReadableStream<Uint8Array<ArrayBuffer>>;
    readonly settings: MaildirSettings;
  },
): Promise<string> {
  const unique = uniqueName(settings);
  // Where it is: what is not surely delivered is tried again, and must not be found twice.
  let path = `${maildir}/tmp/${unique}`;
  let size = 0;
  try {
    await makeMaildir(maildir);
    {
      using file = await Deno.open(path, { write: true, createNew: true, mode: FILE_MODE });
      const write = async (octets: Uint8Array) => {
        size += octets.length;
        for (let at = 0; at < octets.length;) at += await file.write(octets.subarray(at));
      };
      await write(head);
      for await (const chunk of content) await write(chunk);
      await file.sync();
    }
    const name = `${unique},S=${size}`;
    await Deno.rename(path, `${maildir}/new/${name}`);
    path = `${maildir}/new/${name}`;
    await syncDirectory(`${maildir}/new`);
    return name;
  } catch (error) {
    await content.cancel().catch(() => {});
    await Deno.remove(path).catch(() => {});
    throw error;
  }
}

function uniqueName({ hostname, now }: MaildirSettings): string {
  const ms = now();
  const seconds = Math.floor(ms / 1000);
  const micros = String((ms % 1000) * 1000).padStart(6, "0");
  // The escapes that the Maildir specification gives for a host name.
  const host = hostname.replaceAll("/", "\\057").replaceAll(":", "\\072");
  return `${seconds}.M${micros}P${Deno.pid}Q${++written}.${host}`;
}

/** Makes what is missing of the path, and makes that durable: a synced file in a lost directory is lost. */
async function makeMaildir(maildir: string): Promise<void> {
  for (const directory of ["cur", "new", "tmp"]) await makeDirectory(`${maildir}/${directory}`);
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await makeDirectory(parentOf(path));
    return await makeDirectory(path);
  }
  await syncDirectory(parentOf(path));
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 1));
}

async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}
