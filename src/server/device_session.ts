/**
 * What a connection does for the sake of devices: which repairs hold at the moment, and what of them is told at the end.
 *
 * @module
 */

import type { LoginRules } from "../auth/authenticator.ts";
import type { Log } from "../log/event.ts";
import { mayRepair, offerFacts, originOf, type SessionContext, type SessionState } from "../smtp/session_state.ts";
import type { Generation } from "./generation.ts";
import type { ListenerConfig } from "../config/config.ts";
import type { Transport } from "./transport.ts";

/** What is needed of the connection. */
export interface DeviceSessionParts {
  readonly generation: Generation;
  readonly listener: ListenerConfig;
  readonly session: string;
  readonly remote: string;
  readonly log: Log;
}

/** One for each connection. */
export class DeviceSession {
  readonly #parts: DeviceSessionParts;
  readonly #context: SessionContext;
  #bareLfs = 0;
  readonly #onBareLf = (lines: number) => void (this.#bareLfs += lines);

  constructor(parts: DeviceSessionParts, context: SessionContext) {
    this.#parts = parts;
    this.#context = context;
  }

  /**
   * Lets lines end in LF for a client at a device's address, and content for the device itself: before it has logged in nobody knows whose
   * mail it is, and a server behind the same address must not be a way for mails to be smuggled.
   */
  beforeLine(transport: Transport, state: SessionState): void {
    if (this.#context.repairs === undefined) return;
    const repairs = mayRepair(state, this.#context);
    transport.tolerateBareLf(repairs ? this.#onBareLf : null, { content: state.identity !== null });
  }

  /** The rules of a login that begins now. */
  loginRules(state: SessionState, mechanism: string): LoginRules {
    const { generation: { parts }, listener, session, remote } = this.#parts;
    parts.enrolments.hello(session, remote, state.helo);
    const origin = { ...originOf(state, this.#context), mechanism };
    return parts.devices.loginRules(origin, parts.offered(listener, offerFacts(state)));
  }

  /** Counts and logs what was repaired, once for the connection. */
  ended(state: SessionState): void {
    const repairs = new Map<string, number>(state.repaired);
    if (this.#bareLfs > 0) repairs.set("bare-lf", this.#bareLfs);
    if (repairs.size === 0) return;
    const { generation: { parts }, session, remote, log } = this.#parts;
    const account = parts.devices.repaired(repairs, state.identity, remote);
    log({
      kind: "repaired",
      session,
      remote,
      account,
      repairs: [...repairs].map(([what, count]) => `${what} ${count}`),
    });
  }
}
