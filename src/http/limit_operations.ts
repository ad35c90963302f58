/**
 * What can be done about limits and holds by a person: the same over the control socket and, when no server runs, by the command on the
 * files.
 *
 * @module
 */

import { z } from "zod";
import { type LimitName, LIMITS, type OwnValues } from "../policy/limits.ts";

const standingSchema = z.object({
  name: z.string().meta({ description: "As in `[limits.account]`: `mails_per_hour`." }),
  used: z.int(),
  /** `null`: not limited. */
  most: z.int().nullable().meta({ description: "null: not limited." }),
  own: z.boolean().meta({ description: "Whether the value is the account's own." }),
  opens: z.string().nullable().meta({ description: "When one more fits, where it is used up; RFC 3339." }),
  suggested: z.int().meta({ description: "A value that would fit what was used within the last seven days." }),
});

const holdSchema = z.object({
  account: z.string(),
  since: z.string().meta({ description: "RFC 3339." }),
  rule: z.string().meta({ description: "Why." }),
  by: z.string().meta({ description: "Who put it on hold; `rule`: a rule of `[hold]`." }),
});

/** How the limits of an account stand. */
export const accountLimitsSchema = z.object({
  account: z.string(),
  exempt: z.boolean(),
  reportOnly: z.boolean(),
  networks: z.array(z.string()).meta({ description: "Networks that it sent from within an hour." }),
  hold: holdSchema.nullable(),
  limits: z.array(standingSchema),
});

/** An account on hold. */
export const holdViewSchema = holdSchema;

/** How the limits of an account stand. */
export type AccountLimits = z.output<typeof accountLimitsSchema>;

/** How one limit stands. */
export type StandingView = AccountLimits["limits"][number];

/** An account on hold. */
export type HoldView = z.output<typeof holdViewSchema>;

/** Values to set: `undefined` takes the account's own away. */
export type ValueChanges = ReadonlyMap<LimitName, number | null | undefined>;

/** Limits and holds as a person sees them. */
export interface LimitOperations {
  show(account: string): AccountLimits;
  /** The accounts that have sent lately or have values of their own, the latest first. */
  accounts(count: number): readonly string[];
  setValues(account: string, values: ValueChanges, by: string): void;
  ownValues(account: string): OwnValues;
  /** What counts now begins at 0 again. */
  reset(account: string, by: string): void;
  /** Removes all that is kept of an account. */
  forget(account: string): void;
  /** All accounts on hold, the latest first. */
  listHolds(): readonly HoldView[];
  holdOf(account: string): HoldView | null;
  /** The result is how many mails that waited are held now; `null`: it was on hold already. */
  hold(account: string, options: { readonly reason: string; readonly by: string }): Promise<number | null>;
  /** Takes it off hold and lets go what the hold has held; the result is how many mails. `null`: it is not on hold. */
  release(account: string, by: string): Promise<number | null>;
  /** Deletes what the hold has held; the account stays on hold. The result is how many mails. `null`: it is not on hold. */
  discard(account: string, by: string): Promise<number | null>;
}

/** The name of a limit as the file has it, or as the program does. */
export function limitNameOf(text: string): LimitName | null {
  return LIMITS.find(({ name }) => name === text || limitKey(name) === text)?.name ?? null;
}

/** `mails_per_hour`: the name in the file. */
export function limitKey(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Changes in one line, as the command line takes them. */
export function changesText(values: ValueChanges): string {
  return [...values].map(([name, most]) => `${limitKey(name)}=${most === undefined ? "default" : most ?? "none"}`)
    .join(" ");
}
