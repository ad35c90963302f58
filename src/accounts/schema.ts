/**
 * The tables of the account store. No column holds a password.
 *
 * @module
 */

import type { DatabaseShape } from "./database.ts";

/** The account store as a SQLite file. */
export const ACCOUNT_DATABASE: DatabaseShape = {
  what: "account store",
  applicationId: 0x646f6b61,
  migrations: [
    // account: `name` is `local@realm`; `folded` is what a comparison without case looks at. The SCRAM salts never change, so
    // that every credential of the account can be checked in one exchange.
    // account_address: in the form of `addressKey`, or a pattern (`@domain`, `*`) that is nobody's address.
    // credential: `hash` is a PHC string; `networks`, `mechanisms` and `digest_realms` (the realms for which there are HA1 forms)
    // are separated by spaces; `mechanisms` NULL means each.
    // verifier: the values are, for cram-md5, inner and outer context, 16 octets each; for digest-md5 any number of HA1s, 16
    // octets each; for scram StoredKey, then ServerKey.
    `
    CREATE TABLE account (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      local TEXT NOT NULL,
      realm TEXT NOT NULL,
      folded TEXT NOT NULL,
      disabled INTEGER NOT NULL DEFAULT 0,
      created TEXT NOT NULL,
      changed TEXT NOT NULL,
      salt_sha_1 BLOB NOT NULL,
      iterations_sha_1 INTEGER NOT NULL,
      salt_sha_256 BLOB NOT NULL,
      iterations_sha_256 INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX account_folded ON account (folded, realm);

    CREATE TABLE account_address (
      account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
      address TEXT NOT NULL,
      PRIMARY KEY (account, address)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX account_address_address ON account_address (address);

    CREATE TABLE credential (
      id TEXT PRIMARY KEY,
      account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
      kind TEXT NOT NULL CHECK (kind IN ('password', 'app-password', 'device')),
      label TEXT NOT NULL,
      version TEXT NOT NULL,
      hash TEXT NOT NULL,
      networks TEXT NOT NULL DEFAULT '',
      mechanisms TEXT,
      digest_realms TEXT NOT NULL DEFAULT '',
      expires TEXT,
      created TEXT NOT NULL,
      last_used TEXT
    ) STRICT;
    CREATE INDEX credential_account ON credential (account);
    CREATE UNIQUE INDEX credential_main ON credential (account) WHERE kind = 'password';

    CREATE TABLE verifier (
      credential TEXT NOT NULL REFERENCES credential ON DELETE CASCADE,
      scheme TEXT NOT NULL CHECK (scheme IN ('cram-md5', 'digest-md5', 'scram-sha-1', 'scram-sha-256')),
      value BLOB NOT NULL,
      PRIMARY KEY (credential, scheme)
    ) STRICT, WITHOUT ROWID;
    `,
    // previous_password: main passwords that were replaced at `replaced`, milliseconds since the epoch; values as in verifier.
    `
    CREATE TABLE previous_password (
      id INTEGER PRIMARY KEY,
      account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
      hash TEXT NOT NULL,
      replaced INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX previous_password_account ON previous_password (account);
    CREATE TABLE previous_verifier (
      previous INTEGER NOT NULL REFERENCES previous_password ON DELETE CASCADE,
      scheme TEXT NOT NULL CHECK (scheme IN ('cram-md5', 'digest-md5', 'scram-sha-1', 'scram-sha-256')),
      value BLOB NOT NULL,
      PRIMARY KEY (previous, scheme)
    ) STRICT, WITHOUT ROWID;
    `,
    // device: what an account of this kind may do; it has one credential, of the kind `device`, whose networks are the device's.
    // `recipients` are separated by spaces, none: everybody; `mails` are those of `day`, in days (UTC) since the epoch.
    `
    CREATE TABLE device (
      account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
      sender TEXT NOT NULL,
      recipients TEXT NOT NULL DEFAULT '',
      per_day INTEGER,
      channel TEXT NOT NULL CHECK (channel IN ('cram-md5', 'login', 'tls')),
      repair INTEGER NOT NULL DEFAULT 0,
      day INTEGER NOT NULL DEFAULT 0,
      mails INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    CREATE TABLE device_repair (
      account INTEGER NOT NULL REFERENCES device ON DELETE CASCADE,
      what TEXT NOT NULL,
      count INTEGER NOT NULL,
      last TEXT NOT NULL,
      PRIMARY KEY (account, what)
    ) STRICT, WITHOUT ROWID;
    `,
  ],
};
