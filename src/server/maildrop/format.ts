/**
 * The files in `data_dir/maildrop`: a line of JSON, and behind it the message as it was given to the sendmail command. Whoever may log in
 * to this machine may write one, so that nothing in it is taken on trust.
 *
 * @module
 */

import { fail, type Result, succeed } from "../../lib/result.ts";
import { hasControl } from "../../lib/text.ts";

/** The folder in `data_dir`. */
export const MAILDROP_FOLDER = "maildrop";

/** Anybody may put files in, only the service sees which there are; they get its group. */
export const MAILDROP_MODE = 0o3733;

/** Of a file: its owner and the service read it, and nobody else. */
export const MAILDROP_FILE_MODE = 0o640;

/** What stands behind the random name of a file that is whole. */
export const READY_SUFFIX = ".ready";

/** The longest first line. */
export const ENVELOPE_LIMIT_OCTETS = 4 * 1024 * 1024;

/** The first line of a file. */
export interface MaildropEnvelope {
  readonly version: 1;
  /** Asked for by `-f`; the empty string is the null reverse-path, `null` means that of the file's owner. */
  readonly reversePath: string | null;
  readonly recipients: readonly MaildropRecipient[];
  /** For a From field that is missing. */
  readonly fullName: string | null;
  /** The recipients were taken from the message: Bcc and Resent-Bcc go. */
  readonly removeBcc: boolean;
  /** Addresses or fields are not ASCII, and a next hop has to take that (RFC 6531). An address that is not ASCII has the same effect. */
  readonly smtputf8: boolean;
  readonly ret: "full" | "hdrs" | null;
  readonly envid: string | null;
}

/** One of those who get the mail. */
export interface MaildropRecipient {
  /** A local part alone is meant for this server. */
  readonly address: string;
  readonly notify: readonly ("never" | "success" | "failure" | "delay")[] | null;
  /** `type;address`. */
  readonly orcpt: string | null;
}

/** A random name, without what stands behind it. */
export function maildropName(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}

/** Whether a file of this name waits to be taken. */
export function isReadyName(name: string): boolean {
  return /^[0-9a-f]{32}\.ready$/.test(name);
}

/** Whether a file of this name is being written, or was when its program died. */
export function isUnfinishedName(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name);
}

/** Reads the first line. The problem says what is wrong with it. */
export function parseMaildropEnvelope(text: string): Result<MaildropEnvelope, string> {
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch {
    return fail("its first line is no JSON");
  }
  if (partOf(tree, "version") !== 1) return fail("its first line is none that this version knows");
  const [reversePath, fullName] = [partOf(tree, "reversePath"), partOf(tree, "fullName")];
  const [removeBcc, smtputf8] = [partOf(tree, "removeBcc"), partOf(tree, "smtputf8")];
  const [ret, envid, list] = [partOf(tree, "ret"), partOf(tree, "envid"), partOf(tree, "recipients")];
  if (!isTextOrNull(reversePath)) return fail("reversePath is wrong");
  if (!isTextOrNull(fullName)) return fail("fullName is wrong");
  if (typeof removeBcc !== "boolean" || typeof smtputf8 !== "boolean") return fail("removeBcc or smtputf8 is wrong");
  if (ret !== null && ret !== "full" && ret !== "hdrs") return fail("ret is wrong");
  if (!isTextOrNull(envid) || (envid !== null && !/^[\x20-\x7e]{1,100}$/.test(envid))) return fail("envid is wrong");
  if (!Array.isArray(list) || list.length === 0) return fail("it has no recipients");
  const recipients = list.map(recipientOf);
  const known = recipients.filter((recipient) => recipient !== null);
  if (known.length < recipients.length) return fail("a recipient is wrong");
  return succeed({ version: 1, reversePath, recipients: known, fullName, removeBcc, smtputf8, ret, envid });
}

function recipientOf(tree: unknown): MaildropRecipient | null {
  const [address, notify, orcpt] = [partOf(tree, "address"), partOf(tree, "notify"), partOf(tree, "orcpt")];
  if (typeof address !== "string" || !isTextOrNull(orcpt)) return null;
  if (orcpt !== null && (orcpt.length > 500 || hasControl(orcpt))) return null;
  if (notify !== null && !(Array.isArray(notify) && notify.every(isNotify))) return null;
  return { address, notify, orcpt };
}

function partOf(tree: unknown, key: string): unknown {
  return typeof tree === "object" && tree !== null ? Reflect.get(tree, key) : undefined;
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function isNotify(value: unknown): value is NonNullable<MaildropRecipient["notify"]>[number] {
  return value === "never" || value === "success" || value === "failure" || value === "delay";
}
