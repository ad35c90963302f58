/**
 * What people do about limits and holds of the running server: in the audit log.
 *
 * @module
 */

import { canonicalName } from "../../accounts/account_name.ts";
import type { UserName } from "../../backend.ts";
import type { Actor } from "../../records/records.ts";
import { changesText, type LimitOperations } from "../limit_operations.ts";
import type { SidecarParts } from "../parts.ts";
import { auditBy } from "./act.ts";

/** What is needed. */
export type LimitActParts = Pick<SidecarParts, "limits" | "records" | "now" | "current">;

/** The changes, by one actor. */
export type AuditedLimits =
  & {
    setValues(account: string, values: Parameters<LimitOperations["setValues"]>[1]): void;
    reset(account: string): void;
    hold(account: string, reason: string): Promise<number | null>;
  }
  & Record<"release" | "discard", (account: string) => Promise<number | null>>;

/** Limits and holds in the hands of one actor. */
export function auditedLimits(parts: LimitActParts, actor: Actor): AuditedLimits {
  const { limits } = parts;
  const audit = auditBy(parts, actor);
  const by = actor.who;
  const mailsText = (mails: number) => mails === 1 ? "1 mail" : `${mails} mails`;
  return {
    setValues(account, values) {
      limits.setValues(account, values, by);
      audit("limits.set", account, changesText(values));
    },
    reset(account) {
      limits.reset(account, by);
      audit("limits.reset", account);
    },
    async hold(account, reason) {
      const mails = await limits.hold(account, { reason, by });
      if (mails !== null) audit("hold.add", account, `${reason}; ${mailsText(mails)} held`);
      return mails;
    },
    async release(account) {
      const mails = await limits.release(account, by);
      if (mails !== null) audit("hold.release", account, mailsText(mails));
      return mails;
    },
    async discard(account) {
      const mails = await limits.discard(account, by);
      if (mails !== null) audit("hold.discard", account, mailsText(mails));
      return mails;
    },
  };
}

/** The name under which an account counts; `null`: each backend says that there is none. What cannot be told is taken as it is written. */
export async function countedAccount(
  { current }: Pick<SidecarParts, "current">,
  user: UserName,
  signal: AbortSignal,
): Promise<string | null> {
  const { name } = canonicalName(user);
  const answer = await current().authenticator.lookup(user, signal);
  if (answer.kind === "known") return answer.account.name;
  return answer.kind === "rejected" && answer.why === "unknown-user" ? null : name;
}
