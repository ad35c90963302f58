/**
 * The draft of a mail under way: what is done to its content, by the configuration and by who sends it.
 *
 * @module
 */

import { ChunkChecker } from "../smtp/dot_decoder.ts";
import type { Envelope } from "../smtp/envelope.ts";
import type { Disposition, Effect } from "../smtp/session_state.ts";
import type { ListenerConfig } from "../config/config.ts";
import { ContentReceiver } from "./content.ts";
import type { DecidedFor, Generation } from "./generation.ts";
import { rewritingFor } from "./rewriting.ts";

/** A draft under way. */
export interface OpenContent {
  readonly receiver: ContentReceiver;
  /** For BDAT. */
  readonly checker: ChunkChecker;
  /** As it is kept: rewritten where that is configured. */
  readonly envelope: Envelope;
  readonly disposition: Disposition;
}

/** Opens a draft for a client. */
export async function openContent(
  { kind: _kind, ...facts }: Extract<Effect, { kind: "open-content" }>,
  { generation, client, now }: {
    readonly generation: Generation;
    readonly client: DecidedFor & { readonly listener: Pick<ListenerConfig, "role"> };
    readonly now: number;
  },
): Promise<OpenContent> {
  const { config: { hostname, message, limits }, parts: { spool, senderRule, signer } } = generation;
  const rewriting = await rewritingFor(generation, client);
  const envelope = rewriting?.envelope(facts.envelope) ?? facts.envelope;
  const disposition = client.limits.disposition(facts.disposition);
  const hasLogin = facts.identity !== null;
  const receiver = await ContentReceiver.open(spool, {
    ...facts,
    envelope,
    disposition,
    remote: client.remote,
    session: client.session,
    hostname,
    submission: hasLogin || client.listener.role === "msa",
    hideClient: message.hideClient && hasLogin,
    removeBcc: message.removeBcc && hasLogin,
    limitOctets: limits.messageSize,
    judge: senderRule.headerJudge(client),
    rewrite: rewriting?.header ?? null,
    signer: hasLogin ? signer : null,
    now,
  });
  return { receiver, checker: new ChunkChecker(), envelope, disposition };
}
