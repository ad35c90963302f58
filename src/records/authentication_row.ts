/**
 * The authentication log's rows: what an event becomes, and how one is found again.
 *
 * @module
 */

import { addressKey, parseAddress } from "../accounts/account_name.ts";
import { integer, type Row, text, textOrNull } from "../accounts/columns.ts";
import type { ChainStep } from "../log/event.ts";
import { type AuthenticationEvent, type AuthenticationFilter, type AuthenticationRecord, RESULTS } from "./records.ts";

/** The statement that takes the values of `rowOf`. */
export const INSERT_AUTHENTICATION =
  `INSERT INTO authentication (at, id, remote, listener, mechanism, tls, authcid, authzid,
    account, name, nobody, credential, result, reason, chain, ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Whether a login failed that concerns no account: its name is unknown, or it gave none. */
export function isNobodys({ account, authcid, result, reason }: AuthenticationEvent): boolean {
  if (account !== null || result === "accepted") return false;
  // The realm doctor's advice may follow.
  return authcid === null || reason.startsWith("unknown-user");
}

/** The form in which failures are found by a name: in any case, since who mistypes it is meant too. */
export function nameKey(name: string): string {
  const address = parseAddress(name);
  return address === null ? name : addressKey(address);
}

/** The values of a row. */
export function rowOf(event: AuthenticationEvent, at: number): readonly (string | number | null)[] {
  const { id, remote, listener, mechanism, tls, authcid, authzid, account, credential, result, reason, chain, ms } =
    event;
  const name = account !== null || authcid === null ? null : nameKey(authcid);
  return [
    ...[at, id, remote, listener, mechanism, tls, authcid, authzid, account, name, isNobodys(event) ? 1 : 0],
    ...[credential, result, reason, JSON.stringify(chain), Math.round(ms)],
  ];
}

/** A SELECT and its values. */
export interface Query {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/**
 * The newest first. Of the columns that are compared one is looked up in its index, the one with the fewest rows to a value; in each
 * index the rows are in order of `seq`. Both halves of a search by account follow one, and SQLite merges them without sorting.
 */
export function listQuery(
  filter: AuthenticationFilter,
  { before, count }: { readonly before: number | null; readonly count: number },
): Query {
  const { account, remote, mechanism, result, since } = filter;
  const compared: readonly (readonly [string, string | undefined])[] = [
    ["account", account],
    ["remote", remote],
    ["mechanism", mechanism],
    ["result", result],
  ];
  const [first, ...others] = compared.flatMap(([column, value]) => value === undefined ? [] : [{ column, value }]);
  const rest: readonly Condition[] = [
    ...others.map(({ column, value }): Condition => [`+${column} = ?`, value]),
    ...before === null ? [] : [["seq < ?", before] as const],
    // The first of these bounds the search, the second is the truth where the clock was set back.
    ...since === undefined ? [] : [[`seq >= (${FIRST_SINCE})`, since] as const, ["+at >= ?", since] as const],
  ];
  const lookups: readonly Condition[] = account !== undefined
    ? [["account = ?", account], ["name = ?", nameKey(account)]]
    : first === undefined
    ? []
    : [[`${first.column} = ?`, first.value]];
  const halves = lookups.length === 0 ? [select(rest)] : lookups.map((lookup) => select([lookup, ...rest]));
  return {
    sql: `${halves.map(({ sql }) => sql).join(" UNION ALL ")} ORDER BY seq DESC LIMIT ?`,
    values: [...halves.flatMap(({ values }) => values), count],
  };
}

/** A record of a row. */
export function readRecord(row: Row): AuthenticationRecord {
  return {
    seq: integer(row, "seq"),
    at: integer(row, "at"),
    id: text(row, "id"),
    remote: text(row, "remote"),
    listener: text(row, "listener"),
    mechanism: text(row, "mechanism"),
    tls: textOrNull(row, "tls"),
    authcid: textOrNull(row, "authcid"),
    authzid: textOrNull(row, "authzid"),
    account: textOrNull(row, "account"),
    credential: textOrNull(row, "credential"),
    result: readResult(text(row, "result")),
    reason: text(row, "reason"),
    chain: readChain(text(row, "chain")),
    ms: integer(row, "ms"),
  };
}

const FIRST_SINCE = "SELECT seq FROM authentication WHERE at >= ? ORDER BY at, seq LIMIT 1";

type Condition = readonly [sql: string, value: string | number];

function select(conditions: readonly Condition[]): Query {
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.map(([sql]) => sql).join(" AND ")}`;
  return { sql: `SELECT * FROM authentication${where}`, values: conditions.map(([, value]) => value) };
}

function readResult(word: string): AuthenticationEvent["result"] {
  const result = RESULTS.find((each) => each === word);
  if (result === undefined) throw new TypeError(`Cannot read an authentication record: no result "${word}"`);
  return result;
}

function readChain(json: string): readonly ChainStep[] {
  const steps: unknown = JSON.parse(json);
  if (!Array.isArray(steps)) throw new TypeError("Cannot read an authentication record: its chain is no list");
  return steps.map(({ backend, answer, ms }) => ({ backend: String(backend), answer: String(answer), ms: Number(ms) }));
}
