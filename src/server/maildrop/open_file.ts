/**
 * Opens a file of the maildrop. Any user of this machine may have put anything there under any name: a link to a file that only the service
 * may read, a pipe that nobody writes to, a file of somebody else.
 *
 * @module
 */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { concat, decodeUtf8 } from "../../lib/octets.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import { ENVELOPE_LIMIT_OCTETS, type MaildropEnvelope, parseMaildropEnvelope } from "./format.ts";

const PIECE_OCTETS = 64 * 1024;
const LF = 0x0a;
const WRITABLE_BY_OTHERS = 0o022;

/** A file that is what it should be, until it is disposed. */
export interface OpenedMail extends AsyncDisposable {
  readonly uid: number;
  readonly envelope: MaildropEnvelope;
  /** The message as it was given, piece by piece. Rejects when it is longer than it may be. */
  content(): AsyncGenerator<Uint8Array<ArrayBuffer>>;
}

/** Why a file is not taken. `gone`: somebody was faster. `owner` is known where it is a file of its own. */
export type OpenMailProblem =
  | { readonly kind: "gone" }
  | { readonly kind: "refused"; readonly why: string; readonly owner: number | null };

/** Opens a file for reading, and its first line. `gid` is that of the folder, which every file made in it has. */
export async function openMail(
  path: string,
  { gid, limitOctets }: { readonly gid: number | null; readonly limitOctets: number },
): Promise<Result<OpenedMail, OpenMailProblem>> {
  await using opened = new AsyncDisposableStack();
  let handle: FileHandle;
  let named: Deno.FileInfo;
  try {
    named = await Deno.lstat(path);
    if (!named.isFile) return refuse("it is no regular file");
    // Not to be kept waiting, should it be a pipe by now. Deno 2.9 follows a link in spite of O_NOFOLLOW: the second look finds that.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    opened.defer(() => handle.close());
  } catch (error) {
    if (codeOf(error) === "ENOENT" || error instanceof Deno.errors.NotFound) return fail({ kind: "gone" });
    return refuse(`it cannot be opened: ${error instanceof Error ? error.message : "unknown reason"}`);
  }
  const info = await handle.stat();
  // Between the two looks the name may have got another file.
  if (!info.isFile() || info.ino !== named.ino || info.dev !== named.dev) {
    return refuse("it is not the file that it was");
  }
  if (info.nlink !== 1) return refuse("it has other names");
  if (gid !== null && info.gid !== gid) return refuse("it was not made in this folder");
  if ((info.mode & WRITABLE_BY_OTHERS) !== 0) return refuse("others may write to it");
  if (info.size > limitOctets + ENVELOPE_LIMIT_OCTETS) return refuse("it is larger than limits.message_size", info.uid);
  const first = await readFirstLine(handle);
  const envelope = first === null ? fail("it has no first line") : parseMaildropEnvelope(first.line);
  if (first === null || !envelope.ok) return refuse(envelope.ok ? "" : envelope.problem, info.uid);
  const held = opened.move();
  return succeed({
    uid: info.uid,
    envelope: envelope.value,
    content: () => readRest(handle, { rest: first.rest, limitOctets }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  });
}

/** The content of a file has grown beyond the limit while it was read. */
export class ContentTooLarge extends Error {
  override readonly name = "ContentTooLarge";
}

function refuse(why: string, owner: number | null = null): Result<never, OpenMailProblem> {
  return fail({ kind: "refused", why, owner });
}

async function readFirstLine(
  handle: FileHandle,
): Promise<{ readonly line: string; readonly rest: Uint8Array<ArrayBuffer> } | null> {
  let octets: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  while (octets.length <= ENVELOPE_LIMIT_OCTETS) {
    const piece = await readPiece(handle);
    if (piece === null) return null;
    const from = octets.length;
    octets = concat(octets, piece);
    const end = octets.indexOf(LF, from);
    if (end < 0) continue;
    const line = decodeUtf8(octets.subarray(0, end));
    return line === null ? null : { line, rest: octets.slice(end + 1) };
  }
  return null;
}

async function* readRest(
  handle: FileHandle,
  { rest, limitOctets }: { readonly rest: Uint8Array<ArrayBuffer>; readonly limitOctets: number },
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let count = 0;
  for (let piece: Uint8Array<ArrayBuffer> | null = rest; piece !== null; piece = await readPiece(handle)) {
    count += piece.length;
    if (count > limitOctets) throw new ContentTooLarge("content is larger than limits.message_size");
    yield piece;
  }
}

async function readPiece(handle: FileHandle): Promise<Uint8Array<ArrayBuffer> | null> {
  const buffer = new Uint8Array(PIECE_OCTETS);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
  return bytesRead === 0 ? null : buffer.subarray(0, bytesRead);
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}
