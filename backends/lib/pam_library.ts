/**
 * The system's libpam (Linux-PAM) by FFI.
 *
 * Each call of it runs on a thread of its own, and the conversation is answered on the main thread: while that is busy, a login waits.
 *
 * @module
 */

import { utf8 } from "../../src/lib/octets.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { createTurns } from "../../src/lib/turns.ts";

/** A login to be checked. No text holds a NUL, which would end it in C. */
export interface PamLogin {
  readonly service: string;
  readonly user: string;
  readonly password: string;
  /** PAM_RHOST; `null` for a login on this machine. */
  readonly remote: string | null;
}

/** What PAM said, and when. */
export interface PamVerdict {
  readonly code: number;
  /** The library's words for the code. */
  readonly text: string;
  /** Which call said it: the last one that was made. */
  readonly call: "pam_start" | "pam_authenticate" | "pam_acct_mgmt";
  /** A module asked for something that is no password, and was told nothing. */
  readonly askedForMore: boolean;
  /** PAM_USER at the end: modules may write the name in another form. `null` where it cannot be read. */
  readonly user: string | null;
}

/** Checks a login and the account. An aborted signal rejects with its reason at once; what runs ends by itself, and holds its place until then. */
export type Pam = (login: PamLogin, signal: AbortSignal) => Promise<PamVerdict>;

/** Numbers of Linux-PAM (security/_pam_types.h); other systems have others. */
export const PAM_CODE = {
  success: 0,
  permDenied: 6,
  authErr: 7,
  userUnknown: 10,
  maxTries: 11,
  newAuthtokReqd: 12,
  acctExpired: 13,
  credExpired: 16,
  authtokExpired: 27,
} as const;

/** The longest password, in octets: modules keep answers in PAM_MAX_RESP_SIZE (512) octets with the NUL, and some cut what is longer. */
export const PASSWORD_LIMIT_OCTETS = 511;

const CONVERSATION_ERROR = 19;
const ITEM = { user: 2, tty: 3, remote: 4, failDelay: 10 } as const;
const ECHO_OFF = 1;
const SAID_ONLY: readonly number[] = [3, 4];
const MOST_MESSAGES = 32;
/** PAM_SILENT and PAM_DISALLOW_NULL_AUTHTOK. */
const FLAGS = 0x8001;
/** What pam_access and the log of a module show where a terminal would stand. */
const TERMINAL = "smtp";

const LIBRARY = {
  pam_start: { parameters: ["buffer", "buffer", "buffer", "buffer"], result: "i32", nonblocking: true },
  set_text: { name: "pam_set_item", parameters: ["pointer", "i32", "buffer"], result: "i32" },
  set_pointer: { name: "pam_set_item", parameters: ["pointer", "i32", "pointer"], result: "i32" },
  pam_get_item: { parameters: ["pointer", "i32", "buffer"], result: "i32" },
  pam_authenticate: { parameters: ["pointer", "i32"], result: "i32", nonblocking: true },
  pam_acct_mgmt: { parameters: ["pointer", "i32"], result: "i32", nonblocking: true },
  pam_end: { parameters: ["pointer", "i32"], result: "i32", nonblocking: true },
  pam_strerror: { parameters: ["pointer", "i32"], result: "pointer" },
} as const;
/** PAM frees answers by free(3). */
const LIBC = {
  calloc: { parameters: ["usize", "usize"], result: "pointer" },
  strdup: { parameters: ["buffer"], result: "pointer" },
  memcpy: { parameters: ["pointer", "buffer", "usize"], result: "pointer" },
} as const;
/** `int conv(int, const struct pam_message **, struct pam_response **, void *)`; the last is the number of the conversation. */
const CONVERSE = { parameters: ["i32", "pointer", "pointer", "usize"], result: "i32" } as const;
const DELAY = { parameters: ["i32", "u32", "pointer"], result: "void" } as const;
/** Two pointers each, on machines of 64 bits: `struct pam_conv`, `pam_message` and `pam_response`. */
const PAIR_OCTETS = 16;

interface Conversation {
  readonly password: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
  askedForMore: boolean;
}

interface Libraries {
  readonly pam: Deno.DynamicLibrary<typeof LIBRARY>["symbols"];
  readonly c: Deno.DynamicLibrary<typeof LIBC>["symbols"];
  /** For the life of the process: a thread that hangs in a module may come back at any time. */
  readonly conversations: Map<number, Conversation>;
  readonly converse: Deno.UnsafeCallback<typeof CONVERSE>;
  readonly delay: Deno.UnsafeCallback<typeof DELAY>;
}

/** Threads in PAM at a time, those included whose asker has gone. */
const TURNS = createTurns(16);

let loaded: Libraries | undefined;
let conversationsBegun = 0;

/** Gets hold of libpam, once for the process; the problem is a sentence for the administrator. */
export function openPam(): Result<Pam, string> {
  if (Deno.build.os !== "linux") return fail(`Cannot use PAM: that of ${Deno.build.os} is another one`);
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return fail("Cannot use PAM: the program may not call libraries, a restart is needed");
  }
  try {
    loaded ??= load();
  } catch (error) {
    return fail(`Cannot use PAM: ${error instanceof Error ? error.message : "libpam.so.0 cannot be loaded"}`);
  }
  const libraries = loaded;
  return succeed((login, signal) => TURNS(() => check(libraries, login, signal), signal));
}

function load(): Libraries {
  const pam = Deno.dlopen("libpam.so.0", LIBRARY).symbols;
  const c = Deno.dlopen("libc.so.6", LIBC).symbols;
  const conversations = new Map<number, Conversation>();
  const converse = Deno.UnsafeCallback.threadSafe(CONVERSE, (count, messages, responses, id) => {
    const conversation = conversations.get(Number(id));
    if (conversation === undefined || messages === null || responses === null) return CONVERSATION_ERROR;
    return answer(c, conversation, { count, messages, responses });
  });
  // PAM calls it in the place of sleeping for seconds after a failure. Failures are slowed down in one place for all backends.
  const delay = Deno.UnsafeCallback.threadSafe(DELAY, () => {});
  // They are there for the calls, and the calls keep the process alive.
  converse.unref();
  delay.unref();
  return { pam, c, conversations, converse, delay };
}

interface Asked {
  readonly count: number;
  readonly messages: Deno.PointerObject;
  readonly responses: Deno.PointerObject;
}

/** Answers by the style alone: what a module writes beside it is for people, in any language. */
function answer(c: Libraries["c"], conversation: Conversation, { count, messages, responses }: Asked): number {
  if (conversation.signal.aborted || count < 1 || count > MOST_MESSAGES) return CONVERSATION_ERROR;
  const list = new Deno.UnsafePointerView(messages);
  const styles = Array.from({ length: count }, (_, at) => {
    const message = list.getPointer(at * BigUint64Array.BYTES_PER_ELEMENT);
    return message === null ? 0 : new Deno.UnsafePointerView(message).getInt32();
  });
  if (!styles.every((style) => style === ECHO_OFF || SAID_ONLY.includes(style))) {
    conversation.askedForMore = true;
    return CONVERSATION_ERROR;
  }
  const array = c.calloc(BigInt(count), BigInt(PAIR_OCTETS));
  if (array === null) return CONVERSATION_ERROR;
  const texts = styles.flatMap((style) => [
    style === ECHO_OFF ? Deno.UnsafePointer.value(c.strdup(conversation.password)) : 0n,
    0n,
  ]);
  c.memcpy(array, BigUint64Array.from(texts, BigInt), BigInt(count * PAIR_OCTETS));
  c.memcpy(responses, BigUint64Array.of(BigInt(Deno.UnsafePointer.value(array))), 8n);
  return PAM_CODE.success;
}

async function check(libraries: Libraries, login: PamLogin, signal: AbortSignal): Promise<PamVerdict> {
  const { pam, conversations, converse, delay } = libraries;
  const conversation: Conversation = { password: text(login.password), signal, askedForMore: false };
  const id = ++conversationsBegun;
  conversations.set(id, conversation);
  const [service, user] = [text(login.service), text(login.user)];
  const pair = BigUint64Array.of(BigInt(Deno.UnsafePointer.value(converse.pointer)), BigInt(id));
  const started = new BigUint64Array(1);
  let handle: Deno.PointerValue = null;
  let [code, call]: [number, PamVerdict["call"]] = [PAM_CODE.success, "pam_start"];
  try {
    code = await pam.pam_start(service, user, pair, started);
    handle = Deno.UnsafePointer.create(started[0] ?? 0n);
    if (code === PAM_CODE.success) {
      pam.set_pointer(handle, ITEM.failDelay, delay.pointer);
      code = pam.set_text(handle, ITEM.tty, text(TERMINAL));
    }
    if (code === PAM_CODE.success && login.remote !== null) {
      code = pam.set_text(handle, ITEM.remote, text(login.remote));
    }
    for (const next of ["pam_authenticate", "pam_acct_mgmt"] as const) {
      if (code !== PAM_CODE.success) break;
      signal.throwIfAborted();
      call = next;
      code = await pam[next](handle, FLAGS);
    }
    const name = handle === null ? null : itemOf(pam, handle);
    return { code, text: wordsFor(pam, code), call, askedForMore: conversation.askedForMore, user: name };
  } finally {
    if (handle !== null) await pam.pam_end(handle, code);
    conversations.delete(id);
    // Wiped, and so not given back to the collector while the calls still had them.
    for (const used of [conversation.password, service, user]) used.fill(0);
    pair.fill(0n);
  }
}

function itemOf(pam: Libraries["pam"], handle: Deno.PointerObject): string | null {
  const item = new BigUint64Array(1);
  const code = pam.pam_get_item(handle, ITEM.user, item);
  const pointer = Deno.UnsafePointer.create(item[0] ?? 0n);
  return code === PAM_CODE.success && pointer !== null ? new Deno.UnsafePointerView(pointer).getCString() : null;
}

function wordsFor(pam: Libraries["pam"], code: number): string {
  const words = pam.pam_strerror(null, code);
  return words === null ? `error ${code}` : new Deno.UnsafePointerView(words).getCString();
}

/** A string of C. */
function text(value: string): Uint8Array<ArrayBuffer> {
  return utf8(`${value}\0`);
}
