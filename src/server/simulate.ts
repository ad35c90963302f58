/**
 * A session that is not held: the client's commands are given to the pure session, and the rules of the configuration in force decide,
 * as on the wire. Nothing is sent, logged or counted.
 *
 * @module
 */

import { previewLogin } from "../auth/login_preview.ts";
import type { ListenerConfig } from "../config/config.ts";
import { findWays, tlsPolicyOf } from "../delivery/ways.ts";
import type { SimulatedRecipient, Simulation, SimulationRequest, SimulationStep } from "../http/simulation.ts";
import { limitKey } from "../http/limit_operations.ts";
import { limitStandings } from "../policy/limits.ts";
import { canonicalAddress } from "../lib/network.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { type AccessStep, judgeAccess } from "../policy/access_report.ts";
import { mechanismNamed } from "../sasl/mechanisms.ts";
import { formatUserName, parseUserName } from "../sasl/user_name.ts";
import type { Envelope } from "../smtp/envelope.ts";
import type { ConcludedVerdict } from "../smtp/identity.ts";
import { offerFacts, originOf } from "../smtp/session_state.ts";
import type { Generation } from "./generation.ts";
import { simulateContent } from "./simulated_content.ts";
import { SimulatedSession } from "./simulated_session.ts";

/** Plays a client to its end. The problem is a sentence about the request. */
export async function simulate(
  generation: Generation,
  request: SimulationRequest,
  signal: AbortSignal,
): Promise<Result<Simulation, string>> {
  const listener = listenerFor(request, generation.config.listeners);
  if (typeof listener === "string") return fail(listener);
  using _use = generation.use();
  const client = new Client(generation, { request, listener, signal });
  return succeed(await client.play());
}

function listenerFor(
  { listener: name, user }: SimulationRequest,
  listeners: readonly ListenerConfig[],
): ListenerConfig | string {
  const named = listeners.find((each) => each.name === name);
  if (name !== undefined) {
    return named ?? `There is no listener ${name}; there are ${listeners.map((each) => each.name).join(", ")}`;
  }
  const role = user === undefined ? "mta" : "msa";
  return listeners.find((each) => each.role === role) ?? listeners[0] ?? "There is no listener";
}

interface Given {
  readonly request: SimulationRequest;
  readonly listener: ListenerConfig;
  readonly signal: AbortSignal;
}

/** One client and what comes of it. */
class Client {
  readonly #generation: Generation;
  readonly #given: Given;
  readonly #remote: string;
  readonly #session: SimulatedSession;
  readonly #mechanisms: { withoutTls: string[] | null; withTls: string[] | null } = { withoutTls: null, withTls: null };
  #login: Simulation["login"] = null;
  #recipients: SimulatedRecipient[] = [];
  #content: Simulation["content"] = null;

  constructor(generation: Generation, given: Given) {
    this.#generation = generation;
    this.#given = given;
    this.#remote = canonicalAddress(given.request.ip);
    const { listener, signal } = given;
    this.#session = new SimulatedSession(generation, { listener, remote: this.#remote, signal });
  }

  async play(): Promise<Simulation> {
    await this.#converse();
    const { name, role, tls } = this.#given.listener;
    return {
      outcome: this.#outcome(),
      listener: { name, role, tls },
      mechanisms: this.#mechanisms,
      steps: [...this.#session.steps],
      login: this.#login,
      access: [...await this.#access()],
      recipients: this.#recipients,
      content: this.#content,
      ...this.#limits(),
      notes: [...this.#session.notes],
    };
  }

  /** Ends where a client would give up. */
  async #converse(): Promise<void> {
    const { request, listener } = this.#given;
    const session = this.#session;
    // TLS that ends at a proxy is there before the first octet, too.
    const early = listener.tls === "implicit" ||
      (request.tls && listener.tls === "none" && listener.proxy.length > 0);
    if (!await session.connect(early)) return;
    const hello = `EHLO [${this.#remote.includes(":") ? "IPv6:" : ""}${this.#remote}]`;
    if (!await this.#greet("ehlo", hello)) return;
    if (request.tls && !early) {
      if (!await session.command("starttls", "STARTTLS")) return;
      if (!await this.#greet("ehlo-tls", hello)) return;
    }
    if (request.user !== undefined && !await this.#logIn(request.user)) return;
    const { from, to, headerFrom } = request;
    const unicode = [from, ...to].some((path) => /[^\x20-\x7e]/.test(path));
    if (!await session.command("mail", `MAIL FROM:<${from}>${unicode ? " SMTPUTF8" : ""}`)) return;
    for (const recipient of to) {
      if (session.isClosed) break;
      const accepted = await session.command("rcpt", `RCPT TO:<${recipient}>`);
      const result = session.steps.at(-1)?.result ?? "refused";
      this.#recipients.push({ recipient, result: accepted ? "accepted" : result, ways: [] });
    }
    const transaction = session.transaction;
    if (transaction === null || transaction.envelope.recipients.length === 0) return;
    const content = await simulateContent(this.#generation, {
      ...{ sending: session.sending, author: headerFrom ?? from },
      transaction: { ...transaction, disposition: session.limits.disposition(transaction.disposition) },
    });
    if (content.refused !== null) return session.refuseContent(content.refused);
    this.#content = content.content;
    if (content.content.disposition === "discard") return;
    await this.#findWays({ ...transaction.envelope, reversePath: content.content.reversePath });
  }

  async #greet(step: "ehlo" | "ehlo-tls", line: string): Promise<boolean> {
    const taken = await this.#session.command(step, line);
    const reply = this.#session.steps.at(-1)?.reply ?? "";
    const [, names = ""] = /^250[- ]AUTH (.*)$/m.exec(reply) ?? [];
    this.#mechanisms[this.#session.state.tls === null ? "withoutTls" : "withTls"] = names.split(" ").filter(Boolean);
    return taken;
  }

  async #logIn(typed: string): Promise<boolean> {
    const session = this.#session;
    const { config, parts: { backends } } = this.#generation;
    const offered = session.context.offered(offerFacts(session.state)).map(({ name }) => name);
    const asked = (this.#given.request.mechanism ?? offered[0] ?? "PLAIN").toUpperCase();
    const user = parseUserName(typed, config);
    const login = {
      user: user === null ? typed : formatUserName(user),
      mechanism: asked,
      account: null,
      relays: false,
    };
    const mechanism = mechanismNamed(asked);
    if (!await session.beginAuth(`AUTH ${asked}`) || mechanism === null) {
      const reason = session.steps.at(-1)?.rule ?? "it is not offered here";
      this.#login = { ...login, verdict: "not-offered", reason, chain: [] };
      return false;
    }
    if (user === null) {
      this.#login = { ...login, verdict: "rejected", reason: "it is no user name", chain: [] };
      return await session.conclude({ kind: "rejected" }, "it is no user name");
    }
    const origin = originOf(session.state, session.context);
    const { signal, listener } = this.#given;
    const offer = this.#generation.parts.offered(listener, offerFacts(session.state));
    const rules = this.#generation.parts.devices.loginRules({ ...origin, mechanism: asked }, offer);
    const preview = await previewLogin(
      { user, mechanism, origin },
      { config, backends, signal, now: Date.now, rules: { ...rules.admits !== undefined && { admits: rules.admits } } },
    );
    const verdict: ConcludedVerdict = preview.verdict;
    const identity = verdict.kind === "accepted" ? verdict.identity : null;
    this.#login = {
      ...login,
      ...{ verdict: verdict.kind, reason: preview.reason, chain: [...preview.chain] },
      ...{ account: identity?.account.name ?? null, relays: identity?.trusted ?? false },
    };
    return await session.conclude(verdict, identity === null ? preview.reason : null);
  }

  async #findWays(envelope: Envelope): Promise<void> {
    const { config, parts: { localRecipients: recipients } } = this.#generation;
    const { signal } = this.#given;
    const account = this.#session.state.identity?.account.name ?? null;
    this.#recipients = await Promise.all(this.#recipients.map(async (each) => {
      if (each.result !== "accepted") return each;
      const asked = { recipient: each.recipient, reversePath: envelope.reversePath, account };
      const ways = await findWays(asked, { config, recipients, signal });
      return { ...each, ways: ways.map((way) => ({ ...way, tls: tlsPolicyOf(way, config) })) };
    }));
  }

  /** What counts against this client, as it stands before this mail. */
  #limits(): Pick<Simulation, "limits" | "hold"> {
    const { limits } = this.#generation.parts;
    const { identity } = this.#session.state;
    const account = identity?.account.name ?? null;
    const standings = limits.subjects({ identity, remote: this.#remote }).flatMap(({ scope, subject, values }) =>
      limitStandings(values, limits.uses.of(scope, subject), limits.now()).flatMap(({ name, used, most, opens }) => {
        if (most === null) return [];
        const until = opens === null ? null : new Date(opens).toISOString();
        return [{
          of: scope,
          subject,
          limit: limitKey(name),
          used,
          most,
          left: Math.max(0, most - used),
          opens: until,
        }];
      })
    );
    return { limits: standings, hold: account === null ? null : limits.holds.of(account)?.rule ?? null };
  }

  /** What the access rules say by themselves; also of what the client did not come to. */
  async #access(): Promise<readonly AccessStep[]> {
    const { config, parts } = this.#generation;
    const rules = await parts.access();
    const { from, to } = this.#given.request;
    const login = this.#session.state.identity?.trusted ?? false;
    const nothing = { client: null, sender: null, recipient: null, login };
    const about = [
      { ...nothing, client: this.#remote },
      { ...nothing, sender: from },
      ...to.map((recipient) => ({ ...nothing, client: this.#remote, recipient })),
    ];
    return about.flatMap((subject) => {
      const last = subject.recipient === null ? subject.sender === null ? "client" : "sender" : "recipient";
      return judgeAccess(rules, subject, config).filter(({ step }) => step === last);
    });
  }

  #outcome(): Simulation["outcome"] {
    const results = this.#session.steps.map(({ result }: SimulationStep) => result);
    if (results.includes("refused")) return "refused";
    if (results.includes("temporary")) return "temporary";
    return this.#content?.disposition === "discard" ? "discarded" : "accepted";
  }
}
