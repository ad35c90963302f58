/**
 * What strace saw, and whether a server synced what it acknowledged.
 *
 * @module
 */

/** One system call. `began` and `ended` are places in the trace: what ended before another began happened before it. */
export interface TracedCall {
  readonly name: string;
  /** The file or socket behind the first argument, or the path that was opened. */
  readonly target: string;
  /** The arguments as strace wrote them. */
  readonly text: string;
  readonly result: number;
  readonly began: number;
  readonly ended: number;
}

/** The arguments of strace that `readTrace` wants; the program follows. strace runs beside the program, so that signals reach that. */
export function straceCommand(file: string): readonly string[] {
  const calls = "fsync,fdatasync,write,writev,pwrite64,pwritev,sendto,sendmsg,read,readv,recvfrom,recvmsg,openat";
  return ["strace", "-D", "-f", "-y", "-s", "80", "--seccomp-bpf", "-e", `trace=${calls}`, "-o", file];
}

/** Reads a trace; calls that did not end are left out. */
export function readTrace(text: string): readonly TracedCall[] {
  const calls: TracedCall[] = [];
  const open = new Map<string, { readonly text: string; readonly began: number }>();
  text.split("\n").forEach((line, at) => {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const unfinished = /^(.*?)\s*<unfinished \.\.\.>$/.exec(rest)?.[1];
    if (unfinished !== undefined) return void open.set(thread, { text: unfinished, began: at });
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    const first = resumed === undefined ? null : open.get(thread);
    if (first === undefined) return;
    if (resumed !== undefined) open.delete(thread);
    const call = parseCall((first?.text ?? "") + (resumed ?? rest), { began: first?.began ?? at, ended: at });
    if (call !== null) calls.push(call);
  });
  return calls;
}

/** The mails that were acknowledged with a 250, and what was missing before it. */
export interface SyncReport {
  /** Their ids. */
  readonly acknowledged: readonly string[];
  /** How many of them had their content in a file. */
  readonly filed: number;
  /** One sentence each; empty: every promise was kept. */
  readonly violations: readonly string[];
}

/**
 * Checks each "250 2.0.0 Queued": after the last octet of the mail was received the log of the database was written and synced, and before that
 * a content file and its folder. Conversations must be in the clear, one mail after the other.
 */
export function checkSyncs(calls: readonly TracedCall[]): SyncReport {
  const acknowledged: string[] = [];
  const violations: string[] = [];
  let filed = 0;
  for (const reply of calls) {
    const id = isWrite(reply) ? /250 2\.0\.0 Queued as (\w+)/.exec(reply.text)?.[1] : undefined;
    if (id === undefined) continue;
    acknowledged.push(id);
    const isFiled = calls.some(({ name, target }) => name === "openat" && target.endsWith(`/content/${id}`));
    if (isFiled) filed++;
    const why = whyNotSynced(calls.filter(({ ended }) => ended < reply.began), { reply, id, isFiled });
    if (why !== null) violations.push(`${id}: ${why}`);
  }
  return { acknowledged, filed, violations };
}

/** `calls` are those that ended before the reply began. */
function whyNotSynced(
  calls: readonly TracedCall[],
  { reply, id, isFiled }: { readonly reply: TracedCall; readonly id: string; readonly isFiled: boolean },
): string | null {
  const received = calls.findLast((call) => isRead(call) && call.target === reply.target && call.result > 0);
  if (received === undefined) return "the client had sent nothing";
  let before = received.ended;
  if (isFiled) {
    const isContent = ({ target }: TracedCall) => target.endsWith(`/content/${id}`);
    const written = calls.findLast((call) => isWrite(call) && isContent(call));
    if (written === undefined) return "its file was not written";
    const file = calls.find((call) => isSync(call) && isContent(call) && call.began > written.ended);
    if (file === undefined) return "its file was not synced";
    const folder = calls.find((call) => isSync(call) && call.target.endsWith("/content") && call.began > written.ended);
    if (folder === undefined) return "the folder of its file was not synced";
    before = Math.max(file.ended, folder.ended);
  }
  const isLog = ({ target }: TracedCall) => target.endsWith("/spool.sqlite-wal");
  const logged = calls.find((call) => isWrite(call) && isLog(call) && call.began > before);
  if (logged === undefined) return "the log was not written";
  const synced = calls.some((call) => isSync(call) && isLog(call) && call.began > logged.ended);
  return synced ? null : "the log was not synced";
}

function parseCall(text: string, at: { readonly began: number; readonly ended: number }): TracedCall | null {
  const match = /^(\w+)\((.*)\)\s+= (-?\d+)/.exec(text);
  if (match === null) return null;
  const [, name = "", args = "", result = ""] = match;
  const target = name === "openat" ? /"(.*?)"/.exec(args)?.[1] : /^\d+<(.*?)>/.exec(args)?.[1];
  return { name, target: target ?? "", text: args, result: Number(result), ...at };
}

function isSync({ name, result }: TracedCall): boolean {
  return (name === "fsync" || name === "fdatasync") && result === 0;
}

function isRead({ name }: TracedCall): boolean {
  return ["read", "readv", "recvfrom", "recvmsg"].includes(name);
}

function isWrite({ name }: TracedCall): boolean {
  return ["write", "writev", "pwrite64", "pwritev", "sendto", "sendmsg"].includes(name);
}
