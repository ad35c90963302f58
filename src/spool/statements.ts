/**
 * The statements of the spool, each prepared once.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";

/** What recipients are counted as not finished. */
const UNFINISHED = "state IN ('waiting', 'attempting', 'held')";

const SQL = {
  mailById: "SELECT * FROM mail WHERE id = ?",
  mailBySeq: "SELECT * FROM mail WHERE seq = ?",
  recipient: "SELECT * FROM recipient WHERE mail = ? AND id = ?",
  recipients: "SELECT * FROM recipient WHERE mail = ? ORDER BY id",
  content: "SELECT octets FROM content WHERE mail = ?",
  source: "SELECT mail FROM source WHERE name = ?",
  filed: "SELECT id, size FROM mail WHERE in_file = 1",

  insertMail: `
    INSERT INTO mail (id, reverse_path, body, smtputf8, declared_size, ret, envid, account, received, size, has_8bit, in_file, notice)
    VALUES (:id, :reverse_path, :body, :smtputf8, :declared_size, :ret, :envid, :account, :received, :size, :has_8bit, :in_file, :notice)`,
  insertRecipient: `
    INSERT INTO recipient (mail, id, forward_path, domain, notify, orcpt, state, due, alias)
    VALUES (:mail, :id, :forward_path, :domain, :notify, :orcpt, :state, :due, :alias)`,
  insertContent: "INSERT INTO content (mail, octets) VALUES (?, ?)",
  insertSource: "INSERT INTO source (name, mail, received) VALUES (?, ?, ?)",
  forgetSources: "DELETE FROM source WHERE received < ?",

  // INDEXED BY: a plan without this index would read every recipient at each claim.
  due: `
    SELECT due, mail FROM recipient INDEXED BY recipient_due
    WHERE state IN ('waiting', 'attempting') AND (due, mail) > (:due, :mail) AND due <= :now ORDER BY due, mail`,
  accountOf: "SELECT account FROM mail WHERE seq = ?",
  isDue: "SELECT 1 FROM recipient WHERE mail = ? AND state IN ('waiting', 'attempting') AND due <= ? LIMIT 1",
  nextDue: `
    SELECT due FROM recipient INDEXED BY recipient_due
    WHERE state IN ('waiting', 'attempting') AND (due, mail) > (:due, :mail) ORDER BY due, mail LIMIT 1`,
  firstDueOf: `
    SELECT min(due) AS due FROM recipient
    WHERE mail = (SELECT seq FROM mail WHERE id = ?) AND state IN ('waiting', 'attempting')`,
  list: `
    SELECT * FROM mail
    WHERE id > :after AND (:account IS NULL OR account = :account)
      AND (:domain IS NULL OR EXISTS (SELECT 1 FROM recipient WHERE mail = mail.seq AND domain = :domain))
    ORDER BY id LIMIT :count`,
  // In two steps: a filter that few fit must not read on to the end of the queue.
  scanned: "SELECT count(*) AS mails, max(id) AS last FROM (SELECT id FROM mail WHERE id > ? ORDER BY id LIMIT ?)",
  scan: `
    SELECT * FROM mail
    WHERE id > :after AND id <= :last AND (:account IS NULL OR account = :account)
      AND (:domain IS NULL OR EXISTS (SELECT 1 FROM recipient WHERE mail = mail.seq AND domain = :domain))
    ORDER BY id`,

  censusOfRecipients: `
    SELECT state, domain, count(*) AS recipients FROM recipient WHERE ${UNFINISHED} GROUP BY state, domain`,
  censusOfMails: "SELECT count(*) AS mails, coalesce(sum(size), 0) AS octets FROM mail",
  // `seq` grows with the time of arrival: the first that fits is the oldest.
  oldestWaiting: `
    SELECT received FROM mail
    WHERE EXISTS (SELECT 1 FROM recipient WHERE mail = mail.seq AND state IN ('waiting', 'attempting'))
    ORDER BY seq LIMIT 1`,

  attempt: `
    UPDATE recipient SET state = 'attempting' WHERE mail = ? AND id = ? AND state IN ('waiting', 'attempting')`,
  // A mail that was held while it was attempted stays held.
  defer: `
    UPDATE recipient
    SET state = iif(state = 'held', 'held', 'waiting'), attempts = attempts + 1, due = :due, last_reply = :reply
    WHERE mail = :mail AND id = :id AND ${UNFINISHED}`,
  finish: `
    UPDATE recipient SET state = :state, last_reply = :reply WHERE mail = :mail AND id = :id AND ${UNFINISHED}`,
  unfinished: `SELECT 1 FROM recipient WHERE mail = ? AND ${UNFINISHED} LIMIT 1`,
  retry: "UPDATE recipient SET due = :now WHERE mail = :mail AND ifnull(id = :id, TRUE) AND state = 'waiting'",
  retryAll: "UPDATE recipient SET due = ? WHERE state = 'waiting'",
  retryDomain: `
    UPDATE recipient SET due = :now
    WHERE state = 'waiting' AND (domain = :domain OR (:subdomains AND substr(domain, -length(:domain) - 1) = '.' || :domain))`,
  countWaiting: "SELECT count(DISTINCT mail) AS mails FROM recipient WHERE state = 'waiting'",
  hold: `
    UPDATE recipient SET state = 'held'
    WHERE mail = :mail AND ifnull(id = :id, TRUE) AND state IN ('waiting', 'attempting')`,
  release: "UPDATE recipient SET state = 'waiting' WHERE mail = :mail AND ifnull(id = :id, TRUE) AND state = 'held'",
  attempting: `
    SELECT DISTINCT mail.id FROM recipient JOIN mail ON mail.seq = recipient.mail WHERE state = 'attempting' ORDER BY mail.id`,
  interrupt: "UPDATE recipient SET state = 'waiting', due = ? WHERE state = 'attempting'",

  // Once for each action: a delay is not told again.
  noticeDue: `
    INSERT OR IGNORE INTO notice_due (mail, recipient, action, reply, enhanced, remote_host, at, retry_until)
    VALUES (:mail, :recipient, :action, :reply, :enhanced, :remote_host, :at, :retry_until)`,
  dueNotices: "SELECT * FROM notice_due WHERE mail = ? AND told = 0 ORDER BY recipient, at",
  hasDueNotice: "SELECT 1 FROM notice_due WHERE mail = ? AND told = 0 LIMIT 1",
  mailsToNotify:
    "SELECT DISTINCT mail.id FROM notice_due JOIN mail ON seq = notice_due.mail WHERE told = 0 ORDER BY mail.id",
  told: "UPDATE notice_due SET told = 1 WHERE mail = ? AND recipient = ? AND action = ? AND told = 0",
  deleteNotices: "DELETE FROM notice_due WHERE mail = ?",

  noteAttempt: `
    INSERT INTO attempt (mail, recipient, number, at, route, host, outcome, reply)
    SELECT :mail, :recipient, ifnull(max(number), 0) + 1, :at, :route, :host, :outcome, :reply
    FROM attempt WHERE mail = :mail AND recipient = :recipient`,
  forgetAttempts: `
    DELETE FROM attempt
    WHERE mail = :mail AND recipient = :recipient
      AND number <= (SELECT max(number) FROM attempt WHERE mail = :mail AND recipient = :recipient) - :kept`,
  attempts: "SELECT * FROM attempt WHERE mail = ? ORDER BY recipient, number",
  deleteAttempts: "DELETE FROM attempt WHERE mail = ?",

  deleteUnfinished: `DELETE FROM recipient WHERE mail = :mail AND ifnull(id = :id, TRUE) AND ${UNFINISHED}`,
  deleteContent: "DELETE FROM content WHERE mail = ?",
  deleteRecipients: "DELETE FROM recipient WHERE mail = ?",
  deleteMail: "DELETE FROM mail WHERE seq = ?",
  probe: "INSERT INTO probe (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
} as const;

/** The name of a statement. */
export type StatementName = keyof typeof SQL;

/** Gives each statement by its name, prepared at its first use. */
export function statements(db: DatabaseSync): (name: StatementName) => StatementSync {
  const prepared = new Map<StatementName, StatementSync>();
  return (name) => {
    const statement = prepared.get(name) ?? db.prepare(SQL[name]);
    prepared.set(name, statement);
    return statement;
  };
}
