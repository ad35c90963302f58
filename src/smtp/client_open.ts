/**
 * The beginning of a conversation as a client: greeting, EHLO, STARTTLS (RFC 3207) and AUTH (RFC 4954). Whatever goes wrong here
 * is no mail's fault: it defers, and a 5xx raises an alarm.
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from "../lib/octets.ts";
import { CLIENT_MECHANISMS, type ClientMechanismName, startClient } from "../sasl/client.ts";
import type { ClientTurn } from "../sasl/client_exchange.ts";
import type { PeerReply } from "./client_reply.ts";
import {
  type AuthPhase,
  type ClientPhase,
  type ClientState,
  type ClientStep,
  end,
  endByReply,
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
        ? write(state, { at: "ehlo" }, `EHLO ${state.settings.hostname}`)
        : endByReply(state, reply, { command: "the connection", cause: "refused" });
    case "ehlo":
      if (positive) return afterHello({ ...state, offers: parseOffers(reply) });
      // RFC 5321 section 3.2: a server that does not know EHLO knows HELO.
      return reply.code >= 500
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
  return write(secured, { at: "ehlo" }, `EHLO ${state.settings.hostname}`);
}

function afterHello(state: ClientState): ClientStep {
  const { tls } = state.settings;
  if (state.secure !== null || tls === "never") return authenticate(state);
  if (state.offers.has("STARTTLS")) return write(state, { at: "starttls" }, "STARTTLS");
  if (tls === "opportunistic") return authenticate(state);
  const text = "does not offer STARTTLS, which this configuration requires";
  return end(state, { kind: "deferred", cause: "tls", reply: `454 4.7.0 ${state.settings.host} ${text}` }, text);
}

function authenticate(state: ClientState): ClientStep {
  const { auth, host, nonce } = state.settings;
  if (auth === null) return ready(state);
  const offered = (state.offers.get("AUTH") ?? "").toUpperCase().split(/\s+/);
  const mechanism = chooseMechanism(state, offered);
  if (mechanism === null) {
    return endAuth(state, `offers no mechanism that may be used here (it offers: ${offered.join(" ") || "none"})`);
  }
  const exchange = startClient(mechanism, { ...auth, host, nonce });
  const { initial } = exchange;
  const response = initial === null ? "" : ` ${initial.length === 0 ? "=" : encodeBase64(initial)}`;
  const command = `AUTH ${mechanism}${response}`;
  if (command.length + 2 <= COMMAND_LIMIT_OCTETS) {
    return write(state, { at: "auth", exchange, withheld: null }, command);
  }
  return write(state, { at: "auth", exchange, withheld: initial }, `AUTH ${mechanism}`);
}

/** The strongest one that is offered. The password itself is shown only to a server that proved who it is, or where that was allowed. */
function chooseMechanism(state: ClientState, offered: readonly string[]): ClientMechanismName | null {
  const { tls, loopback, allowClearTextPassword } = state.settings;
  const clearText = state.secure?.checked === true || allowClearTextPassword || (tls === "never" && loopback);
  return CLIENT_MECHANISMS.find((name) => offered.includes(name) && (clearText || !CLEAR_TEXT.has(name))) ?? null;
}

function onAuthReply(state: ClientState, phase: AuthPhase, reply: PeerReply): ClientStep {
  if (reply.code === 334) return onChallenge(state, phase, reply);
  if (reply.code !== 235) return endByReply(state, reply, { command: "AUTH", cause: "auth" });
  if (phase.exchange.complete && phase.withheld === null) return ready(state);
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
