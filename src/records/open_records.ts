/**
 * Opening the records file.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { type DatabaseProblem, openDatabase, transaction } from "../accounts/database.ts";
import { type Result, succeed } from "../lib/result.ts";
import { SqliteAdministrators } from "./administrators.ts";
import { SqliteAudit } from "./audit.ts";
import { SqliteBans } from "./bans.ts";
import { AUTHENTICATION_LIMITS, type AuthenticationLimits, SqliteAuthentications } from "./authentications.ts";
import { SqliteOutbox } from "./outbox.ts";
import type { Records } from "./records.ts";
import { SqliteReplays } from "./replays.ts";
import { RECORDS_DATABASE } from "./schema.ts";
import { SqliteSessions } from "./sessions.ts";
import { SqliteTokens } from "./tokens.ts";

const DAY_MS = 86_400_000;
/** Pages that one sweep gives back to the disk. */
const FREED_PAGES = 5000;

/** The clock, in milliseconds since the epoch; `limits` of the authentication log are for tests. */
export interface RecordsOptions {
  readonly now: () => number;
  readonly limits?: AuthenticationLimits;
}

/** Opens the records in this file, or makes an empty one where there is none. See `DatabaseProblem` for what can be wrong. */
export function openRecords(file: string, options: RecordsOptions): Result<Records, DatabaseProblem> {
  const opened = openDatabase(file, RECORDS_DATABASE);
  if (!opened.ok) return opened;
  // The secret of a second factor must not be left in the file when it is replaced; FAST: where the page is written anyway.
  opened.value.exec("PRAGMA secure_delete=FAST");
  return succeed(recordsOf(opened.value, options));
}

function recordsOf(database: DatabaseSync, { now, limits = AUTHENTICATION_LIMITS }: RecordsOptions): Records {
  const sessions = new SqliteSessions(database);
  const [tokens, replays] = [new SqliteTokens(database), new SqliteReplays(database, now)];
  const bans = new SqliteBans(database);
  const administrators = new SqliteAdministrators(database, (account) => sessions.demote(account));
  const authentications = new SqliteAuthentications(database, limits);
  return {
    ...{ tokens, sessions, administrators, authentications, replays, bans },
    audit: new SqliteAudit(database),
    outbox: new SqliteOutbox(database),
    forgetAccount(account) {
      transaction(database, () => {
        sessions.endOthers(account, null);
        administrators.forget(account);
      });
      authentications.forget(account);
    },
    sweep(at, { authenticationDays }) {
      for (const store of [tokens, sessions, replays, bans]) store.sweep(at);
      authentications.sweep(at - authenticationDays * DAY_MS);
      // Each step frees one page, and `exec` takes one step.
      database.prepare(`PRAGMA incremental_vacuum(${FREED_PAGES})`).all();
    },
    [Symbol.asyncDispose]() {
      return Promise.try(() => {
        if (!database.isOpen) return;
        authentications.flush();
        database.close();
      });
    },
  };
}
