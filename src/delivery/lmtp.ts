/**
 * Delivery by LMTP (RFC 2033) to the server that keeps the mailboxes: each recipient has an outcome of its own, also after the content.
 *
 * @module
 */

import type { Account } from "../backend.ts";
import type { LmtpAddress } from "../config/config.ts";
import { succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import { formatMailbox } from "../smtp/path.ts";
import { openConversation } from "./conversation.ts";
import type { Deliverer, DeliverySession, DeliveryTask, Hop } from "./deliverer.ts";
import { openSession } from "./delivery_session.ts";

/** What the conversations go by. */
export interface LmtpSettings {
  /** The name of the route. */
  readonly name: string;
  readonly address: LmtpAddress;
  /** Our name for LHLO. */
  readonly hostname: string;
  readonly log: Log;
  /** Conversations at once. */
  readonly concurrency: number;
  /** When the server stops, the replies to a final dot that was sent are waited for no longer than this. Default ten seconds. */
  readonly committedMs?: number;
}

const COMMITTED_MS = 10_000;

/** The hop of an address. */
export function lmtpHop(route: string, address: LmtpAddress): Hop {
  return "path" in address ? { route, host: "localhost", port: 0 } : { route, host: address.host, port: address.port };
}

/** Makes the deliverer; nothing is connected before the first mail. */
export function openLmtp(settings: LmtpSettings): Deliverer {
  const { name, address, hostname, log, concurrency, committedMs = COMMITTED_MS } = settings;
  const unix = "path" in address ? address.path : null;
  return {
    name,
    concurrency,
    open: async ({ host, port }, signal) => {
      const opened = await openSession((during) =>
        openConversation({
          protocol: "lmtp",
          address: unix === null ? { host, port } : { host, port, path: unix, name: unix },
          ...{ host: unix ?? host, hostname, log, committedMs },
          ...{ tls: "never", checkCertificate: false, ca: null, auth: null, allowClearTextPassword: false },
          report: (about, text) => log({ kind: "alarm", about: `lmtp-${about}`, text }),
        }, during), signal);
      return opened.ok ? succeed(toMailboxes(opened.value)) : opened;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The server knows accounts, and none of the other addresses that lead to them here. */
function toMailboxes(session: DeliverySession): DeliverySession {
  return {
    get usable() {
      return session.usable;
    },
    deliver: (task, signal) => session.deliver(forAccounts(task), signal),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

function forAccounts(task: DeliveryTask): DeliveryTask {
  return {
    mail: task.mail,
    recipients: task.recipients.map((recipient) => {
      const { account } = recipient;
      return account === null ? recipient : { ...recipient, forwardPath: pathOf(account) };
    }),
    content: () => task.content(),
    attempting: (recipients) => task.attempting(recipients),
    settle: (recipient, outcome) => task.settle(recipient, outcome),
  };
}

function pathOf({ name }: Account): string {
  const at = name.lastIndexOf("@");
  return at < 0
    ? formatMailbox({ local: name, domain: null })
    : formatMailbox({ local: name.slice(0, at), domain: name.slice(at + 1) });
}
