/**
 * How much is measured. `BENCH_QUICK=1` takes a tenth of it, to see that everything runs; its numbers say little.
 *
 * @module
 */

const QUICK = Deno.env.get("BENCH_QUICK") === "1";

/** How often each candidate is measured; medians are shown. */
export const ROUNDS: number = QUICK ? 1 : 3;
/** About as long as one run of logins or mails takes. */
export const SECONDS: number = QUICK ? 0.3 : 2;
/** Accounts that log in once each: every login costs one scrypt. */
export const ACCOUNTS: number = QUICK ? 40 : 1000;
/** Logins against a directory in one run, half of them wrong. */
export const LDAP_LOGINS: number = QUICK ? 200 : 2000;
/** Names whose refusals are timed, of each kind. */
export const NAMES: number = QUICK ? 5 : 20;
/** Mails that are relayed in one run. */
export const RELAYED: number = QUICK ? 100 : 500;
/** Sessions that do nothing. */
export const IDLE_SESSIONS: number = QUICK ? 100 : 500;
