/**
 * The beginning of a conversation as a client: greeting, EHLO, STARTTLS (RFC 3207) and AUTH (RFC 4954). Whatever goes wrong here
 * is no mail's fault: it defers, and a 5xx raises an alarm.
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from "../lib/octets.ts";
import { CLIENT_MECHANISMS, startClient } from "../sasl/client.ts";
import type { ClientExchange, ClientTurn } from "../sasl/client_exchange.ts";
import { BEARER_MECHANISMS, startBearer } from "../sasl/client_oauth.ts";
import type { PeerReply } from "./client_reply.ts";
import {
  type AuthPhase,
  type ClientPhase,
  type ClientState,
  type ClientStep,
  end,
  endByReply,
  type PasswordLogin,
  type TokenLogin,
} from "./client_state.ts";

/** RFC 5321 section 4.5.3.1.4, with CRLF; a longer initial response has to wait for a challenge (RFC 4954 section 4). */
const COMMAND_LIMIT_OCTETS = 512;
const CLEAR_TEXT: ReadonlySet<string> = new Set(["PLAIN", "LOGIN"]);

/** A reply before the conversation is ready for mail, or while it stands idle. */
export function onOpenReply(state: ClientState, reply: PeerReply): ClientStep {
  const { phase } = state;
  const positive = reply.code >= 200 && reply.code < 300;
  if (reply.code === 421) return endByReply(state, reply, { command: "to go on", cause: "refused" });
  switch (phase.at) {
    case "greeting":
      return reply.code === 220
        ? write(state, { at: "ehlo" }, hello(state))
        : endByReply(state, reply, { command: "the connection", cause: "refused" });
    case "ehlo":
      if (positive) return afterHello({ ...state, offers: parseOffers(reply) });
      // RFC 5321 section 3.2: a server that does not know EHLO knows HELO. There is none in LMTP.
      return reply.code >= 500 && state.settings.protocol !== "lmtp"
        ? write(state, { at: "helo" }, `HELO ${state.settings.hostname}`)
        : endByReply(state, reply, { command: "EHLO", cause: "refused" });
    case "helo":
      return positive
        ? afterHello({ ...state, offers: new Map() })
        : endByReply(state, reply, { command: "HELO", cause: "refused" });
    case "starttls":
      if (reply.code === 220) return { state: { ...state, phase: { at: "tls" } }, effects: [{ kind: "start-tls" }] };
      return state.settings.tls === "opportunistic"
        ? authenticate(state)
        : endByReply(state, reply, { command: "STARTTLS", cause: "tls" });
    case "auth":
      return onAuthReply(state, phase, reply);
    default:
      return endByReply(state, reply, { command: "nothing that was sent", cause: "network" });
  }
}

/** RFC 3207 section 4.2: what was known of the other side before TLS is forgotten. */
export function onTlsEstablished(state: ClientState, checked: boolean): ClientStep {
  const secured: ClientState = { ...state, secure: { checked }, offers: new Map() };
  return write(secured, { at: "ehlo" }, hello(state));
}

function hello({ settings: { protocol, hostname } }: ClientState): string {
  return `${protocol === "lmtp" ? "LHLO" : "EHLO"} ${hostname}`;
}

function afterHello(state: ClientState): ClientStep {
  const { tls } = state.settings;
  if (state.secure !== null || tls === "never") return authenticate(state);
  if (state.offers.has("STARTTLS")) return write(state, { at: "starttls" }, "STARTTLS");
  if (tls === "opportunistic") return authenticate(state);
  const text = "does not offer STARTTLS, which is required here";
  return end(state, { kind: "deferred", cause: "tls", reply: `454 4.7.0 ${state.settings.host} ${text}` }, text);
}

function authenticate(state: ClientState): ClientStep {
  const { auth } = state.settings;
  if (auth === null) return ready(state);
  const offered = (state.offers.get("AUTH") ?? "").toUpperCase().split(/\s+/);
  const chosen = "token" in auth ? startWithToken(state, auth, offered) : startWithPassword(state, auth, offered);
  if (chosen === null) {
    return endAuth(state, `offers no mechanism that may be used here (it offers: ${offered.join(" ") || "none"})`);
  }
  const { mechanism, exchange } = chosen;
  const { initial } = exchange;
  const response = initial === null ? "" : ` ${initial.length === 0 ? "=" : encodeBase64(initial)}`;
  const command = `AUTH ${mechanism}${response}`;
  if (command.length + 2 <= COMMAND_LIMIT_OCTETS) {
    return write(state, { at: "auth", exchange, withheld: null }, command);
  }
  return write(state, { at: "auth", exchange, withheld: initial }, `AUTH ${mechanism}`);
}

interface StartedExchange {
  readonly mechanism: string;
  readonly exchange: ClientExchange;
}

/** By the strongest mechanism that is offered. The password itself is shown only to a server that proved who it is, or where that was allowed. */
function startWithPassword(
  state: ClientState,
  auth: PasswordLogin,
  offered: readonly string[],
): StartedExchange | null {
  const { host, nonce, allowClearTextPassword } = state.settings;
  const clearText = isTrusted(state) || allowClearTextPassword;
  const mechanism = CLIENT_MECHANISMS.find((name) => offered.includes(name) && (clearText || !CLEAR_TEXT.has(name)));
  return mechanism === undefined ? null : { mechanism, exchange: startClient(mechanism, { ...auth, host, nonce }) };
}

/** A token opens the mailbox to whoever reads it: there is no setting that lets others see it. */
function startWithToken(state: ClientState, auth: TokenLogin, offered: readonly string[]): StartedExchange | null {
  const mechanism = isTrusted(state) ? BEARER_MECHANISMS.find((name) => offered.includes(name)) : undefined;
  if (mechanism === undefined) return null;
  return { mechanism, exchange: startBearer(mechanism, { ...auth, host: state.settings.host }) };
}

function isTrusted({ settings: { tls, loopback }, secure }: ClientState): boolean {
  return secure?.checked === true || (tls === "never" && loopback);
}

function onAuthReply(state: ClientState, phase: AuthPhase, reply: PeerReply): ClientStep {
  if (reply.code === 334) return onChallenge(state, phase, reply);
  const { refusal } = phase.exchange;
  if (reply.code !== 235) {
    const command = refusal === undefined ? "AUTH" : `AUTH (${refusal})`;
    return endByReply(state, reply, { command, cause: "auth" });
  }
  if (phase.exchange.complete && phase.withheld === null) return ready(state);
  if (refusal !== undefined) return endAuth(state, `accepted AUTH after it had refused it (${refusal})`);
  // With SCRAM and DIGEST-MD5 the server has to prove that it knows the password as well.
  return endAuth(state, "accepted AUTH without the proof that it knows the password");
}

function onChallenge(state: ClientState, { exchange, withheld }: AuthPhase, reply: PeerReply): ClientStep {
  const challenge = decodeBase64(reply.lines[0]);
  if (withheld !== null && challenge?.length === 0) return respond(state, withheld, exchange);
  if (challenge === null) return endAuth(state, "sent a challenge that is not base64");
  if (withheld !== null) return endAuth(state, "sent a challenge where an empty one was due");
  const step = exchange.respond(challenge);
  if (step.kind === "response") return respond(state, step.octets, step.next);
  return endAuth(state, `sent a challenge that ends the exchange: ${step.why}`);
}

function respond(state: ClientState, octets: Uint8Array, exchange: ClientTurn): ClientStep {
  return write(state, { at: "auth", exchange, withheld: null }, encodeBase64(octets));
}

function endAuth(state: ClientState, why: string): ClientStep {
  const reply = `454 4.7.0 Authentication at ${state.settings.host} is not possible now`;
  return end(state, { kind: "deferred", cause: "auth", reply }, why);
}

function ready(state: ClientState): ClientStep {
  return { state: { ...state, phase: { at: "ready" } }, effects: [] };
}

function write(state: ClientState, phase: ClientPhase, line: string): ClientStep {
  return { state: { ...state, phase }, effects: [{ kind: "write", text: `${line}\r\n` }] };
}

/** The lines of an EHLO reply behind the first. `AUTH=LOGIN`, from before RFC 2554, counts as AUTH. */
function parseOffers({ lines }: PeerReply): ReadonlyMap<string, string> {
  const offers = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const match = /^([A-Za-z0-9-]+)(?:[ =](.*))?$/.exec(line.trim());
    if (match === null) continue;
    const keyword = (match[1] ?? "").toUpperCase();
    offers.set(keyword, [offers.get(keyword), match[2]].filter((text) => text !== undefined).join(" "));
  }
  return offers;
}
