/**
 * What would become of content, as far as its author and its envelope tell.
 *
 * @module
 */

import type { Simulation } from "../http/simulation.ts";
import { latin1, utf8 } from "../lib/octets.ts";
import { fieldText, splitFields } from "../message/header.ts";
import type { Reply } from "../smtp/reply.ts";
import type { DecidedFor, Generation } from "./generation.ts";
import { rewritingFor } from "./rewriting.ts";
import type { Transaction } from "./simulated_session.ts";

/** What it is judged by. */
export interface SimulatedContentFacts {
  readonly transaction: Transaction;
  readonly sending: DecidedFor;
  /** The content of the From field; empty: there is none. */
  readonly author: string;
}

/** One of both is `null`. */
export type SimulatedContent =
  | { readonly refused: { readonly reply: Reply; readonly rule: string }; readonly content: null }
  | { readonly refused: null; readonly content: NonNullable<Simulation["content"]> };

/** Where a body begins. */
const EMPTY_LINE = utf8("\r\n");

/** Judges, rewrites and signs a header section of one field, as that of a mail. */
export async function simulateContent(
  generation: Generation,
  { transaction: { envelope, disposition }, sending, author }: SimulatedContentFacts,
): Promise<SimulatedContent> {
  const { parts: { senderRule, signer } } = generation;
  const judge = await senderRule.headerJudge(sending);
  const written = utf8(author === "" ? "" : `From: ${author}\r\n`);
  const judged = judge?.({ header: written, rest: EMPTY_LINE }, sending.session) ?? { kind: "accept", header: written };
  if (judged.kind === "refused") return { refused: judged, content: null };
  const rewriting = await rewritingFor(generation, sending);
  const header = rewriting?.header(judged.header) ?? judged.header;
  const { reversePath } = rewriting?.envelope(envelope) ?? envelope;
  const signs = sending.identity !== null;
  const signing = signs ? signer.begin({ header, rest: EMPTY_LINE }, { reversePath, now: Date.now() }) : null;
  const field = splitFields(header).find(({ name }) => name === "from");
  return {
    refused: null,
    content: {
      ...{ disposition, reversePath },
      from: field === undefined ? null : fieldText(field).trim(),
      dkim: signing === null ? [] : keysIn(latin1(signing.room)),
    },
  };
}

/** The keys whose signatures the room is for. */
function keysIn(fields: string): { readonly domain: string; readonly selector: string }[] {
  return [...fields.matchAll(/^DKIM-Signature:.*? d=([^;\s]+);\s+s=([^;\s]+);/gms)]
    .map(([, domain = "", selector = ""]) => ({ domain, selector }));
}
