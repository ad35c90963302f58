/**
 * Parameters of MAIL and RCPT (RFC 5321 section 4.1.2, RFC 1870, 3461, 4954, 6152, 6531).
 *
 * @module
 */

import { type EnhancedCode, type Reply, reply } from "./reply.ts";
import { REPLIES } from "./replies.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { hasControl } from "../lib/text.ts";
import type { Envelope, Recipient } from "./envelope.ts";

/** What MAIL may say behind the reverse-path. */
export type MailParameters = Pick<Envelope, "body" | "smtputf8" | "declaredSizeOctets" | "ret" | "envid">;

/** What RCPT may say behind the forward-path. */
export type RcptParameters = Pick<Recipient, "notify" | "orcpt">;

const ENVID_LIMIT = 100;
const ORCPT_LIMIT = 500;

/** Reads the parameters of MAIL; the problem is the reply. `AUTH=` is checked and then ignored: nobody here is trusted to vouch (RFC 4954 section 5). */
export function parseMailParameters(text: string): Result<MailParameters, Reply> {
  const split = splitParameters(text);
  if (split === null) return fail(REPLIES.parameterSyntax);
  let parameters: MailParameters = { body: "7bit", smtputf8: false, declaredSizeOctets: null, ret: null, envid: null };
  for (const [key, value] of split) {
    const change = mailParameter(key, value);
    if (!change.ok) return change;
    parameters = { ...parameters, ...change.value };
  }
  return succeed(parameters);
}

/** Reads the parameters of RCPT; the problem is the reply. */
export function parseRcptParameters(text: string): Result<RcptParameters, Reply> {
  const split = splitParameters(text);
  if (split === null) return fail(REPLIES.parameterSyntax);
  let parameters: RcptParameters = { notify: null, orcpt: null };
  for (const [key, value] of split) {
    const change = rcptParameter(key, value);
    if (!change.ok) return change;
    parameters = { ...parameters, ...change.value };
  }
  return succeed(parameters);
}

/** Decodes xtext (RFC 3461 section 4), or gives `null`. */
export function decodeXtext(text: string): string | null {
  if (!/^(?:[!-*,-<>-~\u0080-\u{10ffff}]|\+[0-9A-F]{2})*$/u.test(text)) return null;
  return text.replace(/\+([0-9A-F]{2})/g, (_all, code: string) => String.fromCharCode(parseInt(code, 16)));
}

/** Encodes xtext; characters beyond ASCII stand as they are (`utf-8-address-unitext` of RFC 6533 is the caller's matter). */
export function encodeXtext(text: string): string {
  return text.replace(/[^!-*,-<>-~\u0080-\u{10ffff}]/gu, (character) => {
    return `+${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
}

/** Each parameter once, keys in upper case, or `null` when one is malformed or given twice. */
function splitParameters(text: string): ReadonlyMap<string, string | null> | null {
  const found = new Map<string, string | null>();
  for (const word of text.split(" ")) {
    if (word === "") continue;
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=]+))?$/.exec(word);
    if (match === null || hasControl(word)) return null;
    const key = (match[1] ?? "").toUpperCase();
    if (found.has(key)) return null;
    found.set(key, match[2] ?? null);
  }
  return found;
}

function mailParameter(key: string, value: string | null): Result<Partial<MailParameters>, Reply> {
  switch (key) {
    case "SIZE":
      if (value === null || !/^\d{1,20}$/.test(value)) return fail(REPLIES.parameterSyntax);
      return succeed({ declaredSizeOctets: Number(value) });
    case "BODY":
      if (value?.toUpperCase() === "7BIT") return succeed({ body: "7bit" });
      if (value?.toUpperCase() === "8BITMIME") return succeed({ body: "8bitmime" });
      return fail(REPLIES.bodyNotOffered);
    case "SMTPUTF8":
      return value === null ? succeed({ smtputf8: true }) : fail(REPLIES.parameterSyntax);
    case "AUTH":
      return value !== null && decodeXtext(value) !== null ? succeed({}) : fail(REPLIES.parameterSyntax);
    case "RET":
      if (value?.toUpperCase() === "FULL") return succeed({ ret: "full" });
      if (value?.toUpperCase() === "HDRS") return succeed({ ret: "hdrs" });
      return fail(REPLIES.parameterSyntax);
    case "ENVID": {
      const envid = value === null || value.length > ENVID_LIMIT ? null : decodeXtext(value);
      // Printable ASCII, with SMTPUTF8 too (RFC 3461 section 4.4): it comes back in a header field.
      return envid === null || !/^[ -~]*$/.test(envid) ? fail(REPLIES.parameterSyntax) : succeed({ envid });
    }
    default:
      return fail(unknownParameter(key));
  }
}

function rcptParameter(key: string, value: string | null): Result<Partial<RcptParameters>, Reply> {
  switch (key) {
    case "NOTIFY": {
      const notify = value === null ? null : parseNotify(value);
      return notify === null ? fail(REPLIES.parameterSyntax) : succeed({ notify });
    }
    case "ORCPT": {
      if (value === null || value.length > ORCPT_LIMIT) return fail(REPLIES.parameterSyntax);
      const match = /^([A-Za-z0-9-]+);(.+)$/.exec(value);
      const address = decodeXtext(match?.[2] ?? "+");
      if (match === null || address === null || hasControl(address)) return fail(REPLIES.parameterSyntax);
      // RFC 6533 section 3: beyond ASCII there is the type utf-8 alone.
      if (match[1]?.toLowerCase() !== "utf-8" && !/^[ -~]*$/.test(address)) return fail(REPLIES.parameterSyntax);
      return succeed({ orcpt: `${match[1]};${address}` });
    }
    default:
      return fail(unknownParameter(key));
  }
}

/** NEVER stands alone; each of the others once (RFC 3461 section 4.1). */
function parseNotify(value: string): Recipient["notify"] {
  const words = value.toLowerCase().split(",");
  const known = words.filter((word) =>
    word === "never" || word === "success" || word === "failure" || word === "delay"
  );
  if (known.length !== words.length || new Set(known).size !== known.length) return null;
  return known.includes("never") && known.length > 1 ? null : known;
}

function unknownParameter(key: string): Reply {
  const enhanced: EnhancedCode = "5.5.4";
  return key.length > 40 ? REPLIES.parameterUnknown : reply(555, enhanced, `Parameter ${key} is not recognized`);
}
