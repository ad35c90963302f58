/**
 * The command line of sendmail, as programs have called it for forty years: getopt's form, values glued or apart, and many options that
 * mean nothing any more.
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";

/** What is to be sent, and to whom. */
export interface SendRequest {
  readonly kind: "send";
  readonly recipients: readonly string[];
  /** `-t`: also those that the message names. */
  readonly fromMessage: boolean;
  /** `-f` or `-r`; the empty string is the null reverse-path. `null`: not given. */
  readonly reversePath: string | null;
  readonly fullName: string | null;
  /** `-i`: a line with a dot alone is a line like any. */
  readonly ignoreDots: boolean;
  readonly notify: readonly ("never" | "success" | "failure" | "delay")[] | null;
  readonly ret: "full" | "hdrs" | null;
  readonly envid: string | null;
  readonly verbose: boolean;
}

/** What a command line asks for. */
export type SendmailRequest =
  | SendRequest
  /** `-bs`: SMTP on standard input and output. */
  | { readonly kind: "session"; readonly reversePath: string | null }
  | { readonly kind: "list-queue" }
  /** `-q`: try what waits now; `-qI`, `-qR`: of one mail, of one domain. */
  | { readonly kind: "run-queue"; readonly only: { readonly by: "id" | "domain"; readonly text: string } | null }
  | { readonly kind: "check-addresses"; readonly addresses: readonly string[] }
  | { readonly kind: "check-aliases" };

const TAKES_VALUE = "ABCDFNLOXVRbefhoprM";
const MAY_TAKE_VALUE = "dq";
/** Options of sendmail that change nothing here: they are about its own daemon, its debugging, or what is done anyway. */
const FLAGS = "GUmnstivxcIJ";
const NOTIFY = ["success", "failure", "delay"] as const;

const INSTEAD_OF: ReadonlyMap<string, string> = new Map([
  ["d", "run the server with: dokodemo serve"],
  ["D", "run the server with: dokodemo serve"],
  ["t", "ask where an address goes with: dokodemo route test ADDRESS"],
  ["h", "there is no host status here; look at: dokodemo queue list"],
  ["H", "there is no host status here; look at: dokodemo queue list"],
  ["z", "there is no frozen configuration here; look at it with: dokodemo check"],
  ["P", "count the mails that wait with: dokodemo queue list"],
]);

/** Reads the arguments behind the name. The problem is a sentence for the caller, whose exit code is 64. */
export function parseSendmailArguments(args: readonly string[]): Result<SendmailRequest, string> {
  const split = splitOptions(args);
  if (!split.ok) return split;
  const { options, operands } = split.value;
  let request: SendRequest = { ...NOTHING, recipients: operands };
  let mode = "m";
  for (const [letter, value] of options) {
    if (letter === "b") mode = value;
    else if (letter === "I") mode = "i";
    else if (letter === "q") return readQueueRun(value);
    else if (letter === "A" && value !== "m") {
      return fail(`-A${value} starts a daemon of sendmail; run the server with: dokodemo serve`);
    } else {
      const next = applyOption(request, letter, value);
      if (!next.ok) return next;
      request = next.value;
    }
  }
  return inMode(mode, request);
}

const NOTHING: SendRequest = {
  ...{ kind: "send", recipients: [], fromMessage: false, reversePath: null, fullName: null, ignoreDots: false },
  ...{ notify: null, ret: null, envid: null, verbose: false },
};

function inMode(mode: string, request: SendRequest): Result<SendmailRequest, string> {
  switch (mode) {
    case "m":
    case "a":
      return checkSend(request);
    case "s":
      return succeed({ kind: "session", reversePath: request.reversePath });
    case "p":
      return succeed({ kind: "list-queue" });
    case "v":
      if (request.recipients.length === 0) return fail("-bv needs an address");
      return succeed({ kind: "check-addresses", addresses: request.recipients });
    case "i":
      return succeed({ kind: "check-aliases" });
    default: {
      const instead = INSTEAD_OF.get(mode);
      return fail(instead === undefined ? `There is no mode -b${mode}` : `-b${mode} is not done here: ${instead}`);
    }
  }
}

function checkSend(request: SendRequest): Result<SendRequest, string> {
  if (!request.fromMessage && request.recipients.length === 0) {
    return fail("There are no recipients: name them behind the options, or give -t to take them from the message");
  }
  const odd = request.recipients.find((recipient) => recipient.startsWith("-") && !recipient.includes("@"));
  if (odd !== undefined) return fail(`${odd} stands behind a recipient: options come first`);
  return succeed(request);
}

function readQueueRun(value: string): Result<SendmailRequest, string> {
  if (value === "" || value === "f") return succeed({ kind: "run-queue", only: null });
  const by = value[0] === "I" ? "id" : value[0] === "R" ? "domain" : null;
  const text = value.slice(1).replace(/^@/, "");
  if (by !== null && text !== "") return succeed({ kind: "run-queue", only: { by, text } });
  const regular = /^(?:p|\d)/.test(value);
  return fail(
    regular
      ? `-q${value} runs the queue again and again, which the server does by itself: dokodemo serve`
      : `-q${value} is not done here: see dokodemo queue retry --help`,
  );
}

function applyOption(request: SendRequest, letter: string, value: string): Result<SendRequest, string> {
  switch (letter) {
    case "t":
      return succeed({ ...request, fromMessage: true });
    case "i":
      return succeed({ ...request, ignoreDots: true });
    case "v":
      return succeed({ ...request, verbose: true });
    case "f":
    case "r":
      return succeed({
        ...request,
        reversePath: /^<.*>$/.test(value.trim()) ? value.trim().slice(1, -1) : value.trim(),
      });
    case "F":
      return succeed({ ...request, fullName: value });
    case "o":
      // -oi; the others (-oem, -odb, -oQ...) set what sendmail does with errors and its queue.
      return succeed(value === "i" ? { ...request, ignoreDots: true } : request);
    case "O":
      return succeed(/^IgnoreDots(?:=(?:true|yes|t|y|1))?$/i.test(value) ? { ...request, ignoreDots: true } : request);
    case "N":
      return readNotify(request, value);
    case "R": {
      const ret = value.toLowerCase();
      return ret === "full" || ret === "hdrs"
        ? succeed({ ...request, ret })
        : fail(`-R takes full or hdrs, and not ${value}`);
    }
    case "V":
      return /^[\x20-\x7e]{1,100}$/.test(value)
        ? succeed({ ...request, envid: value })
        : fail("-V takes an envelope id of 100 printable characters at most");
    default:
      return succeed(request);
  }
}

function readNotify(request: SendRequest, value: string): Result<SendRequest, string> {
  const words = value.toLowerCase().split(",").map((word) => word.trim());
  if (words.length === 1 && words[0] === "never") return succeed({ ...request, notify: ["never"] });
  const known = NOTIFY.filter((word) => words.includes(word));
  if (known.length === new Set(words).size) return succeed({ ...request, notify: known });
  return fail(`-N takes never, or some of success,failure,delay, and not ${value}`);
}

interface Split {
  /** A value that was not given is empty. */
  readonly options: readonly (readonly [letter: string, value: string])[];
  readonly operands: readonly string[];
}

/** As getopt(3) of POSIX does: flags may be joined, options end at the first operand or at `--`. */
function splitOptions(args: readonly string[]): Result<Split, string> {
  const options: (readonly [string, string])[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (word === "--") return succeed({ options, operands: args.slice(at + 1) });
    if (!word.startsWith("-") || word === "-") return succeed({ options, operands: args.slice(at) });
    for (let place = 1; place < word.length; place++) {
      const letter = word[place] ?? "";
      const glued = word.slice(place + 1);
      if (FLAGS.includes(letter)) {
        options.push([letter, ""]);
        continue;
      }
      if (MAY_TAKE_VALUE.includes(letter)) options.push([letter, glued]);
      else if (!TAKES_VALUE.includes(letter)) return fail(`There is no option -${letter}`);
      else if (glued !== "") options.push([letter, glued]);
      else {
        const next = args[++at];
        if (next === undefined) return fail(`-${letter} needs a value`);
        options.push([letter, next]);
      }
      break;
    }
  }
  return succeed({ options, operands: [] });
}
