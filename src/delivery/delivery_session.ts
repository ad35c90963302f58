/**
 * Mails through conversations, one after the other: what deliverers by SMTP have in common.
 *
 * @module
 */

import { type Result, succeed } from "../lib/result.ts";
import type { DeliveryOutcome } from "../spool/spool.ts";
import type { Conversation } from "./conversation.ts";
import type { DeliverySession, DeliveryTask } from "./deliverer.ts";

/** Opens a conversation; the problem holds for every mail for the hop. */
export type Opener = (signal: AbortSignal) => Promise<Result<Conversation, DeliveryOutcome>>;

/** A session over the conversation that `open` gives, and over another one where the first has ended between two mails. */
export async function openSession(
  open: Opener,
  signal: AbortSignal,
): Promise<Result<DeliverySession, DeliveryOutcome>> {
  const conversation = await open(signal);
  return conversation.ok ? succeed(new ConversationSession(open, conversation.value)) : conversation;
}

class ConversationSession implements DeliverySession {
  readonly #open: Opener;
  #conversation: Conversation;

  constructor(open: Opener, conversation: Conversation) {
    this.#open = open;
    this.#conversation = conversation;
  }

  get usable(): boolean {
    return this.#conversation.usable;
  }

  async deliver(task: DeliveryTask, signal: AbortSignal): Promise<void> {
    if (await this.#conversation.send(task, signal)) return;
    // The other side was tired of a conversation that had carried mails before; that says nothing of this mail.
    const again = await this.#open(signal);
    if (again.ok) {
      this.#conversation = again.value;
      await this.#conversation.send(task, signal);
      return;
    }
    for (const { id } of task.recipients) await task.settle(id, again.problem);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#conversation.close();
  }
}
