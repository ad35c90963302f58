/**
 * Bans, with the audit log and a line in the log: the change is in force when it returns.
 *
 * @module
 */

import { isIP } from "node:net";
import type { Config } from "../../config/config.ts";
import { parseNetwork } from "../../lib/network_table.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import type { Log } from "../../log/event.ts";
import { type BanObjection, objectionTo } from "../../policy/ban_rules.ts";
import type { Actor, Ban, Records } from "../../records/records.ts";
import { auditBy } from "./act.ts";

/** What is needed. */
export interface BanParts {
  readonly records: Pick<Records, "bans" | "audit">;
  readonly config: () => Pick<Config, "guessing" | "http" | "listeners">;
  readonly log: Log;
  readonly now: () => number;
}

/** A ban that is asked for. */
export interface BanRequest {
  /** An address or a network. */
  readonly network: string;
  readonly reason: string;
  /** Milliseconds; `null`: until it is lifted. */
  readonly lastsMs: number | null;
  /** Also where loopback, an exempt network or whoever asks is in it. */
  readonly force: boolean;
}

/** Why nothing was done. */
export type BanRefusal = "bad-network" | BanObjection;

/** The acts. */
export interface BanOperations {
  /** Those in force, the newest first. */
  list(): readonly Ban[];
  /** Takes the place of a ban of the same network. */
  add(request: BanRequest): Result<Ban, BanRefusal>;
  /** The ban that was lifted; `null`: there is none with this id. */
  remove(id: string): Ban | null;
}

/** The acts of one actor. */
export function banOperations({ records, config, log, now }: BanParts, actor: Actor): BanOperations {
  const audit = auditBy({ records, now }, actor);
  return {
    list: () => records.bans.list(now()),
    add: ({ network: typed, reason, lastsMs, force }) => {
      const network = parseNetwork(typed);
      if (network === null) return fail("bad-network");
      const own = isIP(actor.from) === 0 ? null : actor.from;
      const objection = objectionTo(network, { exempt: neverBanned(config()), own });
      if (objection === "too-wide" || (objection !== null && !force)) return fail(objection);
      const until = lastsMs === null ? null : now() + lastsMs;
      const ban = records.bans.add({ network: network.text, reason, who: actor.who, until }, now());
      audit("ban.add", ban.network, `${untilText(ban)}${ban.reason === "" ? "" : `: ${ban.reason}`}`);
      log({ kind: "banned", network: ban.network, until: timeOf(until), reason: ban.reason, by: ban.who });
      return succeed(ban);
    },
    remove: (id) => {
      const lifted = records.bans.remove(id);
      if (lifted === null) return null;
      audit("ban.remove", lifted.network);
      log({ kind: "ban-lifted", network: lifted.network, by: actor.who });
      return lifted;
    },
  };
}

/** Networks that are not banned by themselves, and by people only with force. */
export function neverBanned(
  { guessing, http, listeners }: Pick<Config, "guessing" | "http" | "listeners">,
): readonly string[] {
  return [...guessing.exemptNetworks, ...http?.trustedProxies ?? [], ...listeners.flatMap(({ proxy }) => proxy)];
}

/** A sentence for whoever asked. */
export function banRefusalText(refusal: BanRefusal): string {
  switch (refusal) {
    case "bad-network":
      return 'expected an address or a network such as "192.0.2.7" or "2001:db8::/48"';
    case "too-wide":
      return "this would lock out everybody: expected /8 or longer, for IPv6 /16 or longer";
    case "loopback":
      return "this would lock out the machine itself; it is done only by force";
    case "exempt":
      return "this is in guessing.exempt_networks or a trusted proxy; it is done only by force";
    case "yourself":
      return "you are in this network yourself; it is done only by force";
  }
}

function untilText({ until }: Ban): string {
  return until === null ? "until it is lifted" : `until ${timeOf(until)}`;
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
