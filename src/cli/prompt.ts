/**
 * Asking for passwords: hidden on a terminal, or from standard input in scripts.
 *
 * @module
 */

import { concat, decodeUtf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { EXIT } from "./exit.ts";
import { HiddenLine } from "./hidden_line.ts";
import { complain, writeErr } from "./output.ts";

/** Octets of standard input read at once, and the longest line taken from it. */
const LIMIT_OCTETS = 4096;

/** Octets of a line that came together with the one before, as when two are pasted. */
let typedAhead = new Uint8Array();

/** Asks on the terminal without showing what is typed. The problem is the exit code; its reason has been told. */
export function readHidden(prompt: string): Result<string, number> {
  if (!Deno.stdin.isTerminal()) {
    complain("Cannot ask for a password: standard input is no terminal (see --help for a way without)");
    return fail(EXIT.usage);
  }
  // Raw before the prompt: what a quick person or program types right after it must not be echoed.
  Deno.stdin.setRaw(true);
  try {
    writeErr(prompt);
    const line = new HiddenLine();
    const buffer = new Uint8Array(LIMIT_OCTETS);
    let octets = typedAhead;
    typedAhead = new Uint8Array();
    while (true) {
      const state = line.feed(octets);
      if (state.kind === "cancelled") return fail(EXIT.interrupted);
      if (state.kind === "done") {
        typedAhead = Uint8Array.from(state.rest);
        return asText(state.text);
      }
      const count = Deno.stdin.readSync(buffer);
      if (count === null) return fail(EXIT.interrupted);
      octets = buffer.slice(0, count);
    }
  } finally {
    Deno.stdin.setRaw(false);
    writeErr("\n");
  }
}

/** Asks twice, so that a typing error cannot become a password. */
export function readNewPassword(prompts: { readonly first: string; readonly again: string }): Result<string, number> {
  const first = readHidden(prompts.first);
  if (!first.ok) return first;
  const again = readHidden(prompts.again);
  if (!again.ok || again.value === first.value) return again;
  complain("The passwords are not the same, nothing was changed");
  return fail(EXIT.data);
}

/** Reads standard input up to its first line end (which may be CR LF) or its end. */
export function readPasswordFromStdin(): Result<string, number> {
  const buffer = new Uint8Array(LIMIT_OCTETS);
  let octets = new Uint8Array();
  let end = -1;
  while (end < 0) {
    const count = Deno.stdin.readSync(buffer);
    if (count === null) break;
    octets = concat(octets, buffer.subarray(0, count));
    end = octets.indexOf(0x0a);
    if (end < 0 && octets.length > LIMIT_OCTETS) {
      complain(`Cannot take the password: it has more than ${LIMIT_OCTETS} octets`);
      return fail(EXIT.data);
    }
  }
  const line = end < 0 ? octets : octets.subarray(0, end);
  return asText(decodeUtf8(line.at(-1) === 0x0d ? line.subarray(0, -1) : line));
}

/** A new password, in the way that the options say. */
export function obtainNewPassword(options: { readonly passwordStdin?: boolean }): Result<string, number> {
  if (options.passwordStdin === true) return readPasswordFromStdin();
  return readNewPassword({ first: "Password: ", again: "Again (for verification): " });
}

function asText(text: string | null): Result<string, number> {
  if (text !== null && text !== "") return succeed(text);
  complain(text === null ? "Cannot take the password: it is not UTF-8" : "Cannot take the password: it is empty");
  return fail(EXIT.data);
}
