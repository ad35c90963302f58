/**
 * The tables of `data_dir/records`.
 *
 * @module
 */

import type { DatabaseShape } from "../accounts/database.ts";

/** The records as a SQLite file. */
export const RECORDS_DATABASE: DatabaseShape = {
  what: "records",
  applicationId: 0x646f6b72,
  migrations: [
    // Times are milliseconds since the epoch. `hash` is the SHA-256 of a secret of 256 random bits.
    // administrator: `step` is the last 30 s step whose code was accepted; `failures` wrong codes in a row, the last at `failed`.
    // authentication: `name` is what a login that has no account was tried with, as `addressKey` writes it; `nobody` tells that no
    // account has this name. Equality on any of the indexed columns keeps the order of `seq`.
    // audit: a row that is there is never changed; REPLACE would delete one without its trigger.
    // replay: `status` NULL while the first request is at work.
    `
    CREATE TABLE token (
      id TEXT PRIMARY KEY,
      hash BLOB NOT NULL UNIQUE,
      label TEXT NOT NULL,
      scopes TEXT NOT NULL,
      created INTEGER NOT NULL,
      expires INTEGER,
      last_used INTEGER
    ) STRICT;

    CREATE TABLE session (
      id TEXT PRIMARY KEY,
      hash BLOB NOT NULL UNIQUE,
      account TEXT NOT NULL,
      backend TEXT NOT NULL,
      version TEXT,
      administrator INTEGER NOT NULL,
      created INTEGER NOT NULL,
      seen INTEGER NOT NULL,
      remote TEXT NOT NULL,
      user_agent TEXT NOT NULL
    ) STRICT;
    CREATE INDEX session_account ON session (account);

    CREATE TABLE administrator (
      account TEXT PRIMARY KEY,
      created INTEGER NOT NULL,
      secret BLOB NOT NULL,
      step INTEGER NOT NULL DEFAULT 0,
      failures INTEGER NOT NULL DEFAULT 0,
      failed INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    CREATE TABLE authentication (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      at INTEGER NOT NULL,
      id TEXT NOT NULL,
      remote TEXT NOT NULL,
      listener TEXT NOT NULL,
      mechanism TEXT NOT NULL,
      tls TEXT,
      authcid TEXT,
      authzid TEXT,
      account TEXT,
      name TEXT,
      nobody INTEGER NOT NULL,
      credential TEXT,
      result TEXT NOT NULL,
      reason TEXT NOT NULL,
      chain TEXT NOT NULL,
      ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX authentication_account ON authentication (account) WHERE account IS NOT NULL;
    CREATE INDEX authentication_name ON authentication (name) WHERE name IS NOT NULL;
    CREATE INDEX authentication_nobody ON authentication (nobody) WHERE nobody = 1;
    CREATE INDEX authentication_remote ON authentication (remote);
    CREATE INDEX authentication_result ON authentication (result);
    CREATE INDEX authentication_mechanism ON authentication (mechanism);
    CREATE INDEX authentication_at ON authentication (at);

    CREATE TABLE audit (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      at INTEGER NOT NULL,
      who TEXT NOT NULL,
      source TEXT NOT NULL,
      what TEXT NOT NULL,
      target TEXT NOT NULL,
      detail TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER audit_update BEFORE UPDATE ON audit
      BEGIN SELECT RAISE(ABORT, 'the audit log can only grow'); END;
    CREATE TRIGGER audit_delete BEFORE DELETE ON audit
      BEGIN SELECT RAISE(ABORT, 'the audit log can only grow'); END;
    CREATE TRIGGER audit_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
      BEGIN SELECT RAISE(ABORT, 'the audit log can only grow'); END;

    CREATE TABLE replay (
      who TEXT NOT NULL,
      key TEXT NOT NULL,
      request TEXT NOT NULL,
      at INTEGER NOT NULL,
      status INTEGER,
      headers TEXT NOT NULL DEFAULT '{}',
      body TEXT NOT NULL DEFAULT '',
      PRIMARY KEY (who, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX replay_at ON replay (at);

    CREATE TABLE outbox (
      id TEXT PRIMARY KEY,
      url TEXT NOT NULL,
      body TEXT NOT NULL,
      created INTEGER NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      due INTEGER NOT NULL,
      last_error TEXT
    ) STRICT;
    CREATE INDEX outbox_due ON outbox (due, created);
    `,
    // ban: `network` as `parseNetwork` writes it; `until` NULL: until it is lifted.
    `
    CREATE TABLE ban (
      network TEXT PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      reason TEXT NOT NULL,
      who TEXT NOT NULL,
      since INTEGER NOT NULL,
      until INTEGER
    ) STRICT;
    `,
  ],
};
