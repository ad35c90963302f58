/**
 * The limits on what is sent: which are over, and when they open again. Time is an argument, and nothing here counts by itself.
 *
 * @module
 */

import { type Amounts, LIMIT_KINDS, type LimitKind, type LimitWindow, NO_AMOUNTS, type Use } from "./limit_usage.ts";

/** Whom a limit is for. */
export const LIMIT_SCOPES = ["account", "credential", "network", "address"] as const;

/** One of those that a limit can be for. */
export type LimitScope = (typeof LIMIT_SCOPES)[number];

/** The name of a limit, as the configuration has it in camelCase. */
export type LimitName = `${LimitKind}Per${Capitalize<LimitWindow>}`;

/** One limit: what it counts, over how long. */
export interface LimitShape {
  readonly name: LimitName;
  readonly kind: LimitKind;
  readonly window: LimitWindow;
}

/** All limits, in the order in which they are shown. */
export const LIMITS: readonly LimitShape[] = LIMIT_KINDS.flatMap((kind): readonly LimitShape[] => [
  { name: `${kind}PerHour`, kind, window: "hour" },
  { name: `${kind}PerDay`, kind, window: "day" },
]);

/** The limits that are set; those that are missing do not limit. */
export type LimitValues = Readonly<Partial<Record<LimitName, number>>>;

/** The values of one account that differ from those of the configuration; `null`: this limit is none for it. */
export type OwnValues = Readonly<Partial<Record<LimitName, number | null>>>;

/** A limit and how far it is used. */
export interface LimitStanding extends LimitShape {
  /** `null`: there is no such limit. */
  readonly most: number | null;
  readonly used: number;
  /** When one more fits, in milliseconds since the epoch; `null`: now, or never. */
  readonly opens: number | null;
}

/** A limit that does not allow what is asked. */
export interface LimitFinding extends LimitShape {
  readonly most: number;
  /** With what is under way. */
  readonly used: number;
  readonly wanted: number;
  /** When it fits; `null`: it never can. */
  readonly opens: number | null;
}

/** How long transactions under way may take until they show in what is used. */
const UNDER_WAY_MS = 60_000;

/** The values of the configuration with those of the account over them. */
export function effectiveValues(values: LimitValues, own: OwnValues): LimitValues {
  const merged = LIMITS.map(({ name }) => [name, own[name] === undefined ? values[name] : own[name]] as const);
  return Object.fromEntries(merged.filter(([, most]) => most !== undefined && most !== null));
}

/** Whether anything is limited. */
export function hasLimits(values: LimitValues): boolean {
  return LIMITS.some(({ name }) => values[name] !== undefined);
}

/**
 * The limit that `want` breaks, the one that opens last; `null`: none. `own`: what this transaction has set aside before: it is in the
 * reserved part of `use`, and what it wants in all is what may never fit.
 */
export function judgeLimits(
  values: LimitValues,
  { use, want, own = NO_AMOUNTS }: { readonly use: Use; readonly want: Amounts; readonly own?: Amounts },
  now: number,
): LimitFinding | null {
  let worst: LimitFinding | null = null;
  for (const shape of LIMITS) {
    const { name, kind, window } = shape;
    const most = values[name];
    if (most === undefined || want[kind] === 0) continue;
    const used = use.used(kind, window, now);
    const reserved = use.reserved[kind];
    if (used + reserved + want[kind] <= most) continue;
    const whole = own[kind] + want[kind];
    const opens = whole > most
      ? null
      : opensFor(use, { shape, most: most - whole, underWay: reserved > own[kind] }, now);
    const finding = { ...shape, most, used: used + reserved, wanted: want[kind], opens };
    if (worst === null || (worst.opens !== null && (opens === null || opens > worst.opens))) worst = finding;
  }
  return worst;
}

/** How each limit stands; without what is under way. */
export function limitStandings(values: LimitValues, use: Use, now: number): readonly LimitStanding[] {
  return LIMITS.map((shape) => {
    const { name, kind, window } = shape;
    const [most, used] = [values[name] ?? null, use.used(kind, window, now)];
    const isFull = most !== null && most > 0 && used >= most;
    return { ...shape, most, used, opens: isFull ? use.fallsTo(most - 1, { kind, window }, now) : null };
  });
}

/** Values to begin with: twice the most that was used within the last seven days, rounded up, and not below what a person needs. */
export function suggestValues(peaks: Readonly<Record<LimitWindow, Amounts>>): Readonly<Record<LimitName, number>> {
  const entries = LIMITS.map(({ name, kind, window }) =>
    [name, Math.max(roundUp(2 * peaks[window][kind]), LEAST[window][kind])] as const
  );
  const values = new Map<LimitName, number>(entries);
  const of = (name: LimitName) => values.get(name) ?? 0;
  return {
    mailsPerHour: of("mailsPerHour"),
    mailsPerDay: of("mailsPerDay"),
    recipientsPerHour: of("recipientsPerHour"),
    recipientsPerDay: of("recipientsPerDay"),
    newRecipientsPerHour: of("newRecipientsPerHour"),
    newRecipientsPerDay: of("newRecipientsPerDay"),
    octetsPerHour: of("octetsPerHour"),
    octetsPerDay: of("octetsPerDay"),
  };
}

const MEBIOCTETS = 1024 * 1024;

const LEAST: Readonly<Record<LimitWindow, Amounts>> = {
  hour: { mails: 100, recipients: 200, newRecipients: 50, octets: 200 * MEBIOCTETS },
  day: { mails: 500, recipients: 1000, newRecipients: 200, octets: 1000 * MEBIOCTETS },
};

function opensFor(
  use: Use,
  { shape, most, underWay }: { readonly shape: LimitShape; readonly most: number; readonly underWay: boolean },
  now: number,
): number {
  const opens = use.fallsTo(most, shape, now);
  return underWay && opens <= now ? now + UNDER_WAY_MS : opens;
}

/** To a number that a person would choose: two figures. */
function roundUp(value: number): number {
  if (value < 100) return Math.ceil(value / 10) * 10;
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Math.ceil(value / unit) * unit;
}
