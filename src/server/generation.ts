/**
 * What one configuration brings to life. A reload builds the next generation, swaps it in, and disposes this one when the last of its
 * connections has ended.
 *
 * @module
 */

import type { AccountAdmin } from "../accounts/account_store.ts";
import type { AppPasswords } from "../auth/app_password_admin.ts";
import type { Enrolments } from "../auth/enrolments.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Backend } from "../backend.ts";
import type { Config, ListenerConfig } from "../config/config.ts";
import type { DkimSigner } from "../delivery/dkim_signer.ts";
import { type AccessRules, grantRelay, judgeClient, judgeForwardPath, judgeSender } from "../policy/access.ts";
import { localCandidates, type LocalRecipients } from "../policy/local_recipients.ts";
import { judgeRecipient } from "../policy/relay.ts";
import { chooseRoute } from "../policy/routes.ts";
import { configured, REPLIES } from "../smtp/replies.ts";
import type { Reply } from "../smtp/reply.ts";
import type { Identity } from "../smtp/identity.ts";
import type { Decision, OfferFacts, SessionContext, Verdict } from "../smtp/session_state.ts";
import type { Mechanism } from "../sasl/mechanism.ts";
import type { Spool } from "../spool/spool.ts";
import type { ServerCertificate } from "./certificate.ts";
import type { LimitKeeper } from "./limits/keeper.ts";
import type { LimitSession } from "./limits/session.ts";
import type { Devices } from "./devices.ts";
import type { NetworkSet } from "../lib/network.ts";
import type { SenderRule, Sending } from "./sender_rule.ts";

/** What a generation is made of. */
export interface GenerationParts {
  readonly config: Config;
  readonly authenticator: Authenticator;
  readonly backends: readonly Backend[];
  /** The account stores behind backends, by the backend's name. */
  readonly stores: ReadonlyMap<string, AccountAdmin>;
  readonly appPasswords: AppPasswords;
  readonly localRecipients: LocalRecipients;
  /** The access rules of now. */
  access(): Promise<AccessRules>;
  readonly certificate: ServerCertificate | null;
  readonly signer: DkimSigner;
  readonly senderRule: SenderRule;
  readonly cleartextNetworks: NetworkSet;
  readonly devices: Devices;
  readonly enrolments: Enrolments;
  readonly spool: Spool;
  /** Whether an address is banned now. */
  isBanned(remote: string, options?: { readonly counts: boolean }): boolean;
  readonly limits: LimitKeeper;
  offered(listener: ListenerConfig, facts: OfferFacts): readonly Mechanism[];
  /** Disposes what belongs to this configuration alone. */
  dispose(): Promise<void>;
}

/** For whom is decided, and where. */
export interface DecidedFor extends Sending {
  readonly identity: Identity | null;
  readonly remote: string;
  /** Of the connection. */
  readonly limits: LimitSession;
}

/** One configuration, alive. */
export class Generation {
  readonly parts: GenerationParts;
  readonly #etrnDomains: ReadonlySet<string>;
  #users = 0;
  #retired: (() => void) | null = null;

  constructor(parts: GenerationParts) {
    this.parts = parts;
    this.#etrnDomains = new Set(parts.config.delivery.etrnDomains);
  }

  get config(): Config {
    return this.parts.config;
  }

  /** Marks a connection that needs this generation; disposing the result lets go. */
  use(): Disposable {
    this.#users++;
    return {
      [Symbol.dispose]: () => {
        this.#users--;
        if (this.#users === 0) this.#retired?.();
      },
    };
  }

  /** Waits for the last connection, then disposes everything. */
  async retire(): Promise<void> {
    if (this.#users > 0) await new Promise<void>((resolve) => this.#retired = resolve);
    await this.parts.dispose();
  }

  /** What is fixed for a connection from `remote`. */
  context(listener: ListenerConfig, session: { readonly id: string; readonly remote: string }): SessionContext {
    const { config, certificate, cleartextNetworks } = this.parts;
    const { limits } = config;
    return {
      hostname: config.hostname,
      sessionId: session.id,
      listener: listener.name,
      role: listener.role,
      requireTls: listener.requireTls && !cleartextNetworks.has(session.remote),
      canStartTls: listener.tls === "starttls" && certificate !== null,
      needHello: config.access.needHello,
      addDomain: config.masquerade?.addDomain ?? null,
      legacyAuthLine: config.sasl.legacyAuthLine,
      etrnDomains: this.#etrnDomains,
      realms: config.sasl.realms,
      defaultRealm: config.defaultRealm,
      limits: {
        messageOctets: limits.messageSize,
        recipients: limits.recipients,
        authFailures: limits.authFailures,
        protocolErrors: limits.protocolErrors,
        refusedRecipients: limits.refusedRecipients,
      },
      ...this.parts.devices.context(session.remote),
      offered: (facts) => this.parts.devices.offered(this.parts.offered(listener, facts), facts),
    };
  }

  async #judge(
    { envelope, recipient }: Extract<Decision, { readonly about: "rcpt" }>,
    { identity, remote }: DecidedFor,
    signal: AbortSignal,
  ): Promise<Verdict> {
    const { localRecipients, config } = this.parts;
    const { forwardPath } = recipient;
    const rules = await this.parts.access();
    const isLocal = localCandidates(forwardPath, config).kind !== "not-local";
    const listed = judgeForwardPath(rules, forwardPath, isLocal).verdict;
    if (listed.kind !== "accept") return listed;
    const resolution = await localRecipients.resolve(forwardPath, signal);
    const account = identity?.account.name ?? null;
    const route = chooseRoute(config.routes, { forwardPath, reversePath: envelope.reversePath, account });
    const hasRoute = route !== null || config.delivery.default !== "none";
    const verdict = judgeRecipient({
      ...{ identity, resolution, hasRoute },
      grant: grantRelay(rules, { client: remote, forwardPath }),
    });
    if (verdict.kind !== "accept" || route?.to.kind !== "fail" || resolution.kind === "alias") return verdict;
    return { kind: "refuse", reply: refusalOf(route.to), rule: `the route ${route.name} refuses it` };
  }

  /** Judges a connection, a reverse-path or a forward-path. */
  async decide(decision: Decision, client: DecidedFor, signal: AbortSignal): Promise<Verdict> {
    const verdict = await this.#decide(decision, client, signal);
    if (verdict.kind !== "accept") return verdict;
    const device = this.#judgeUnderWay(decision, client);
    return device.kind === "refuse" ? device : client.limits.judge(decision, client) ?? verdict;
  }

  /** A device's mails of the day with those under way: judged at the moment at which the limits set this one aside. */
  #judgeUnderWay(decision: Decision, { identity }: DecidedFor): Verdict {
    if (decision.about !== "mail" || identity === null) return { kind: "accept" };
    const underWay = this.parts.limits.underWay(identity.account.name);
    return this.parts.devices.judgeMail(identity, decision.envelope.reversePath, underWay);
  }

  async #decide(decision: Decision, client: DecidedFor, signal: AbortSignal): Promise<Verdict> {
    switch (decision.about) {
      case "connect": {
        // Behind a proxy this is the first that is known of the client.
        if (this.parts.isBanned(client.remote, { counts: client.note === undefined })) {
          return { kind: "refuse", reply: REPLIES.banned, rule: "its network is banned" };
        }
        const { verdict } = judgeClient(await this.parts.access(), client.remote);
        // Each of its mails is discarded then.
        return verdict.kind === "discard" ? { kind: "accept" } : verdict;
      }
      case "mail": {
        const { reversePath } = decision.envelope;
        const device = this.parts.devices.judgeMail(client.identity, reversePath);
        return device.kind === "accept" ? await this.#judgeMail(reversePath, client, signal) : device;
      }
      case "rcpt": {
        const device = this.parts.devices.judgeRecipient(client.identity, decision.recipient.forwardPath);
        return device.kind === "accept" ? await this.#judge(decision, client, signal) : device;
      }
    }
  }

  async #judgeMail(reversePath: string | null, client: DecidedFor, signal: AbortSignal): Promise<Verdict> {
    const rules = await this.parts.access();
    const sender = judgeSender(rules, reversePath).verdict;
    if (sender.kind === "refuse") return sender;
    const owned = await this.parts.senderRule.judgeReversePath(reversePath, client, signal);
    if (owned.kind === "refuse") return owned;
    const listed = judgeClient(rules, client.remote).verdict;
    if (listed.kind === "discard") return listed;
    if (sender.kind !== "accept") return sender;
    if (this.parts.spool.hasSpace()) return owned;
    return { kind: "refuse", reply: REPLIES.noSpace, rule: "too little space is free for the queue" };
  }
}

/** What is refused at once makes no bounce to somebody who may not have sent it. */
function refusalOf({ reply, enhanced }: { readonly reply: string; readonly enhanced: string }): Reply {
  const [, subject = 0, detail = 0] = enhanced.split(".").map(Number);
  const text = reply.slice(`550 ${enhanced} `.length);
  return configured(Number(reply.slice(0, 3)), `5.${subject}.${detail}`, text) ?? REPLIES.noRoute;
}
