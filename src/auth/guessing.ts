/**
 * The rules against guessing. They slow down strangers and never the owner: from a network that an account is known on nothing
 * changes, and no account is closed to a right password in its slot.
 *
 * @module
 */

import { isLoopback, networkOf, type NetworkSet, networkSet } from "../lib/network.ts";
import type { GuessingStore, Slot } from "./authenticator.ts";
import { BoundedMap } from "./bounded_map.ts";
import { Turns } from "./turns.ts";

/** Where accounts have logged in from. `KnownNetworksFile` of `src/accounts` is one. */
export interface KnownNetworks extends Disposable {
  has(account: string, network: string, now: number): boolean;
  add(account: string, network: string, now: number): void;
  /** Whether anybody has logged in from this network since then, to a day. */
  hasAnybody(network: string, since: number): boolean;
}

/** The numbers of the rules; `[guessing]` gives them. */
export interface GuessingRules {
  /** Distinct wrong secrets of an account that strangers have free. Default 5. */
  readonly freeGuesses: number;
  /** After those, they share one attempt in this time. Default 10 s. */
  readonly slotMs: number;
  /** From so many distinct accounts that a network failed on within `networkWindowMs` its refusals wait. Default 20 in 10 min: 60 s. */
  readonly networkAccounts: number;
  readonly networkWindowMs: number;
  readonly networkDelayMs: number;
  /** An account without a wrong secret for so long starts afresh. Default 24 h. */
  readonly forgetMs: number;
}

/** What of the configuration concerns guessing; a reload may change it. */
export interface GuessingSettings extends Partial<GuessingRules> {
  readonly enabled: boolean;
  readonly exemptNetworks: readonly string[];
}

/** A store whose settings can be changed. */
export interface ConfigurableGuessingStore extends GuessingStore {
  /** Whether any account has logged in from a network since then, to a day. */
  isKnown(network: string, since: number): boolean;
  configure(settings: GuessingSettings): void;
}

interface AccountGuesses {
  /** Keyed hashes of distinct wrong secrets, at most `freeGuesses`. */
  readonly secrets: Set<string>;
  /** Failures of which the secret was not seen. */
  unseen: number;
  lastMs: number;
}

const DEFAULT_RULES: GuessingRules = {
  freeGuesses: 5,
  slotMs: 10_000,
  networkAccounts: 20,
  networkWindowMs: 10 * 60 * 1000,
  networkDelayMs: 60_000,
  forgetMs: 24 * 60 * 60 * 1000,
};
/** About 10 MB each when strangers fill them. */
const ACCOUNTS_LIMIT = 20_000;
const NETWORKS_LIMIT = 10_000;

/** Makes a store that has seen no wrong secret yet. It owns `known` and disposes it. */
export function createGuessingStore(settings: GuessingSettings, known: KnownNetworks): ConfigurableGuessingStore {
  const accounts = new BoundedMap<string, AccountGuesses>(ACCOUNTS_LIMIT);
  const networks = new BoundedMap<string, Map<string, number>>(NETWORKS_LIMIT);
  const turns = new Turns();
  let { enabled } = settings;
  let rules: GuessingRules = { ...DEFAULT_RULES, ...settings };
  let exempt: NetworkSet = networkSet(settings.exemptNetworks);

  // Synchronous, both of them: what one exchange decides the next one sees.
  const takeSlot = (account: string, remote: string, now: number): Slot => {
    const guesses = enabled ? accounts.get(account) : undefined;
    if (guesses === undefined || !isUnderAttack(guesses, now, rules)) return "free";
    const network = networkOf(remote);
    if (known.has(account, network, now)) return "free";
    return turns.take({ account, network, now }, rules) ? "slot" : "delayed";
  };
  const count = (remote: string, { account, secret, now }: Guess): number => {
    if (!enabled) return 0;
    const network = networkOf(remote);
    if (!known.has(account, network, now)) countGuess(accounts, { account, secret, now }, rules);
    if (isLoopback(remote) || exempt.has(remote)) return 0;
    const tried = countAccount(networks, { network, account, now }, rules);
    return tried < rules.networkAccounts ? 0 : rules.networkDelayMs;
  };

  return {
    configure: (next) => {
      enabled = next.enabled;
      rules = { ...DEFAULT_RULES, ...next };
      exempt = networkSet(next.exemptNetworks);
    },
    isKnown: (network, since) => known.hasAnybody(network, since),
    slot: (account, remote, now) => Promise.try(() => takeSlot(account, remote, now)),
    failed: (account, remote, secret, now) => Promise.try(() => ({ delayMs: count(remote, { account, secret, now }) })),
    failedWithoutSlot: (account, remote, secret, now) =>
      Promise.try(() => {
        const slot = takeSlot(account, remote, now);
        return { slot, delayMs: slot === "delayed" ? 0 : count(remote, { account, secret, now }) };
      }),
    succeeded: (account, remote, now) =>
      Promise.try(() => {
        if (enabled) known.add(account, networkOf(remote), now);
      }),
    [Symbol.asyncDispose]: () => Promise.try(() => known[Symbol.dispose]()),
  };
}

function isUnderAttack({ secrets, unseen, lastMs }: AccountGuesses, now: number, rules: GuessingRules): boolean {
  return secrets.size + unseen >= rules.freeGuesses && now - lastMs < rules.forgetMs;
}

interface Guess {
  readonly account: string;
  readonly secret: string | null;
  readonly now: number;
}

function countGuess(
  accounts: BoundedMap<string, AccountGuesses>,
  { account, secret, now }: Guess,
  { forgetMs, freeGuesses }: GuessingRules,
): void {
  const before = accounts.get(account);
  const fresh = before === undefined || now - before.lastMs >= forgetMs;
  const guesses = fresh ? { secrets: new Set<string>(), unseen: 0, lastMs: now } : before;
  if (fresh) accounts.set(account, guesses);
  guesses.lastMs = now;
  if (secret === null) guesses.unseen = Math.min(guesses.unseen + 1, freeGuesses);
  else if (guesses.secrets.size < freeGuesses) guesses.secrets.add(secret);
}

interface NetworkGuess {
  readonly network: string;
  readonly account: string;
  readonly now: number;
}

/** Counts the distinct accounts that this network tried in vain in the window, up to the number that matters. */
function countAccount(
  networks: BoundedMap<string, Map<string, number>>,
  { network, account, now }: NetworkGuess,
  { networkAccounts, networkWindowMs }: GuessingRules,
): number {
  const tried = networks.get(network) ?? new Map<string, number>();
  networks.set(network, tried);
  // Written again at the end, so that the first entries are the oldest.
  tried.delete(account);
  tried.set(account, now);
  for (const [name, at] of tried) {
    if (tried.size <= networkAccounts && now - at < networkWindowMs) break;
    tried.delete(name);
  }
  return tried.size;
}
