/**
 * The replies to those who are over a limit. Mail clients show them to people, so they say what is used up and when to try again.
 *
 * @module
 */

import { type Reply, reply } from "./reply.ts";

/** What was limited, for words. */
export interface LimitWords {
  /** Whose limit it is. */
  readonly of: "account" | "credential" | "network" | "address";
  readonly kind: "mails" | "recipients" | "newRecipients" | "octets";
  readonly window: "hour" | "day";
  readonly most: number;
  /** When it opens again, in milliseconds since the epoch; `null`: what was asked can never fit. */
  readonly opens: number | null;
  readonly now: number;
}

const OF = {
  account: "This account",
  credential: "This password or device",
  network: "Your network",
  address: "Your address",
} as const;

const WHAT = {
  mails: "mails",
  recipients: "recipients",
  newRecipients: "recipients that it has never sent to before",
  octets: "octets",
} as const;

/** 452 4.7.1 with the time, or 550 5.7.1 for what can never fit. */
export function limitReached({ of, kind, window, most, opens, now }: LimitWords): Reply {
  const allowed = `${most} ${WHAT[kind]} ${window === "hour" ? "an hour" : "a day"}`;
  if (opens === null) {
    return reply(
      550,
      "5.7.1",
      `${OF[of]} may send ${allowed}: this mail alone has more, split it or ask your administrator`,
    );
  }
  return reply(
    452,
    "4.7.1",
    `${OF[of]} may send ${allowed} and has used them up, try again after ${timeText(opens, now)}`,
  );
}

/** 421 4.7.0 in the place of a greeting. `opens`: `null`: when another connection ends. */
export function tooManyFrom(
  { of, opens, now }: { readonly of: "network" | "address"; readonly opens: number | null; readonly now: number },
): Reply {
  const hint = opens === null ? "close some and try again" : `try again after ${timeText(opens, now)}`;
  return reply(
    421,
    "4.7.0",
    `Too many connections from ${of === "network" ? "your network" : "your address"}, ${hint}`,
  );
}

/** `14:05 UTC`, on another day with the date; the next whole minute, so that it is not told too early. */
export function timeText(at: number, now: number): string {
  const text = new Date(Math.ceil(at / 60_000) * 60_000).toISOString();
  const time = `${text.slice(11, 16)} UTC`;
  return text.slice(0, 10) === new Date(now).toISOString().slice(0, 10) ? time : `${text.slice(0, 10)} ${time}`;
}
