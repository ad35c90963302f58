/**
 * [sender]: its keys, and what becomes of them.
 *
 * @module
 */

import { z } from "zod";
import { hasControl } from "../lib/text.ts";
import type { SenderMode } from "../policy/sender.ts";
import type { SenderConfig } from "./config.ts";
import { oneOf, table } from "./quantities.ts";

/** `sender` of a [[listener]], and the values of [sender.accounts]. */
export const senderMode = oneOf(["reject", "rewrite", "report", "off"]);

const delimiter = z.string().refine(
  (text) => text.length === 1 && !/[\s@"A-Za-z0-9.]/.test(text) && !hasControl(text),
  {
    error: 'expected one mark, such as "+"',
  },
);

/** [sender] */
export const senderSchema = table({
  accounts: z.record(z.string(), senderMode, { error: "expected a table of account = mode" }).prefault({}).meta({
    description: "what is done for these accounts, in place of the listener's",
  }),
  recipientDelimiter: delimiter.optional().meta({
    description: "what parts a sub-address from its mailbox: with + shin+news@ is shin@; default: nothing does",
  }),
});

/** Completes [sender]. */
export function completeSender(
  { accounts, recipientDelimiter }: z.output<typeof senderSchema>,
  withRealm: (account: string) => string,
): SenderConfig {
  const modes = Object.entries(accounts).map(([name, mode]): [string, SenderMode] => [withRealm(name), mode]);
  return { accounts: new Map(modes), recipientDelimiter: recipientDelimiter ?? null };
}
