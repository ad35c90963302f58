/**
 * Looking through a spool without changing it, and saving what can be read of a damaged one.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { fail, type Result, succeed } from "../lib/result.ts";
import { compareContent } from "./content_folder.ts";
import { DATABASE_FILE, migrate, openProblem, openReadOnly, openToSalvage } from "./database.ts";
import type { OpenProblem } from "./protocol.ts";
import { integer, parseMail, type Row, text } from "./rows.ts";

/** What `verifySpool` found; everything is well when each list is empty. */
export interface SpoolReport {
  /** What SQLite says of the file. */
  readonly damage: readonly string[];
  /** Ids of mails whose content is missing or cut off. */
  readonly mailsWithoutContent: readonly string[];
  /** Content files that no mail names; while a server runs, those of mails that are just arriving too. */
  readonly filesWithoutMail: readonly string[];
  /** How many rows of content no mail owns. */
  readonly rowsWithoutMail: number;
}

/** What `salvage` brought over. */
export interface Salvaged {
  readonly mails: number;
  /** Mails of which something was there, but not enough to deliver them: their ids, or `#N` where not even that can be read. */
  readonly lost: readonly string[];
}

/** Why nothing was brought over: the database cannot be read at all, or the new file cannot be made. */
export interface SalvageProblem {
  readonly kind: "damaged" | "io" | "new-file";
  readonly message: string;
}

/** Looks through the spool of a `data_dir`, for reading alone. */
export function verifySpool(dir: string): Result<SpoolReport, OpenProblem> {
  const file = `${dir}/${DATABASE_FILE}`;
  try {
    using db = openReadOnly(file);
    const damage = db.prepare("PRAGMA integrity_check").all().map((row) => String(row["integrity_check"]));
    const texts = (sql: string) => db.prepare(sql).all().map((row) => text(row["id"]));
    const filed = db.prepare("SELECT id, size FROM mail WHERE in_file = 1").all();
    const files = compareContent(dir, new Map(filed.map((row) => [text(row["id"]), integer(row["size"])])));
    const bare = texts(`
      SELECT id FROM mail WHERE in_file = 0
        AND NOT EXISTS (SELECT 1 FROM content WHERE mail = seq AND length(octets) = size)`);
    const stray = db.prepare("SELECT count(*) AS stray FROM content WHERE mail NOT IN (SELECT seq FROM mail)").get();
    return succeed({
      damage: damage.join() === "ok" ? [] : damage,
      mailsWithoutContent: [...bare, ...files.missing],
      filesWithoutMail: files.orphans,
      rowsWithoutMail: integer(stray?.["stray"]),
    });
  } catch (error) {
    return fail(openProblem(file, error));
  }
}

/**
 * Copies each mail that can be read whole from a damaged database into a new one, which must not exist yet; content in files stays where
 * it is. The damaged file is not changed. Each row is looked for by its number, so that a damaged page costs what is on it and no more.
 * SQLite keeps no checksums: octets of content that were changed in place are copied as they are.
 */
export function salvage(file: string, newFile: string): Result<Salvaged, SalvageProblem> {
  let making = false;
  try {
    using from = openToSalvage(file);
    from.prepare("SELECT count(*) FROM sqlite_schema").get();
    making = true;
    Deno.openSync(newFile, { createNew: true, write: true, mode: 0o600 }).close();
    using to = new DatabaseSync(newFile);
    to.exec("PRAGMA auto_vacuum = INCREMENTAL");
    migrate(to);
    to.exec("BEGIN");
    const salvaged = copyMails(from, to);
    for (const row of readable(from, "SELECT * FROM source") ?? []) insert(to, "source", row);
    to.exec("COMMIT");
    return succeed(salvaged);
  } catch (error) {
    return fail(making ? newFileProblem(newFile, error) : lostProblem(file, error));
  }
}

function newFileProblem(newFile: string, error: unknown): SalvageProblem {
  const why = error instanceof Deno.errors.PermissionDenied
    ? `the owner of data_dir (user ${Deno.uid()}) may not write there, so choose a folder where it may`
    : error instanceof Deno.errors.NotFound
    ? "there is no such folder"
    : error instanceof Error
    ? error.message
    : String(error);
  return { kind: "new-file", message: `Cannot make ${newFile}: ${why}` };
}

/** In words of its own: those of `openProblem` advise to do what was just tried. */
function lostProblem(file: string, error: unknown): SalvageProblem {
  const { kind } = openProblem(file, error);
  const why = error instanceof Error ? error.message : String(error);
  return kind === "damaged"
    ? { kind, message: `Cannot save anything of ${file}: ${why}; take it from a backup` }
    : { kind: "io", message: `Cannot open ${file}: ${why}` };
}

function copyMails(from: DatabaseSync, to: DatabaseSync): Salvaged {
  const lost: string[] = [];
  let mails = 0;
  const [first, last] = numbers(from);
  for (let seq = first; seq <= last; seq++) {
    const mail = readable(from, "SELECT * FROM mail WHERE seq = ?", seq);
    const recipients = readable(from, "SELECT * FROM recipient WHERE mail = ?", seq);
    const content = readable(from, "SELECT * FROM content WHERE mail = ?", seq);
    const notices = readable(from, "SELECT * FROM notice_due WHERE mail = ?", seq);
    const attempts = readable(from, "SELECT * FROM attempt WHERE mail = ?", seq);
    if (mail?.length === 0 && recipients?.length === 0 && content?.length === 0) continue;
    const [row] = mail ?? [];
    const rows = {
      recipients: recipients ?? [],
      content: content ?? [],
      notices: notices ?? [],
      attempts: attempts ?? [],
    };
    if (row !== undefined && copyMail(to, { row, ...rows })) mails++;
    else lost.push(typeof row?.["id"] === "string" ? row["id"] : `#${seq}`);
  }
  return { mails, lost };
}

/** Whether the mail was whole; nothing of it is copied else. */
function copyMail(
  to: DatabaseSync,
  { row, recipients, content, notices, attempts }: {
    readonly row: Row;
    readonly recipients: readonly Row[];
    readonly content: readonly Row[];
    readonly notices: readonly Row[];
    readonly attempts: readonly Row[];
  },
): boolean {
  if (recipients.length === 0 || (row["in_file"] === 0 && content.length === 0)) return false;
  to.exec("SAVEPOINT mail");
  try {
    // Rows of a damaged page can be read and be nonsense.
    parseMail(row, recipients);
    insert(to, "mail", row);
    for (const recipient of recipients) insert(to, "recipient", recipient);
    for (const octets of content) insert(to, "content", octets);
    for (const notice of notices) insert(to, "notice_due", notice);
    for (const attempt of attempts) insert(to, "attempt", attempt);
    to.exec("RELEASE mail");
    return true;
  } catch {
    to.exec("ROLLBACK TO mail; RELEASE mail");
    return false;
  }
}

/** The smallest and the largest number of a mail that any table still tells. */
function numbers(db: DatabaseSync): readonly [number, number] {
  const known = [
    "SELECT min(seq) AS seq FROM mail",
    "SELECT max(seq) AS seq FROM mail",
    "SELECT min(mail) AS seq FROM recipient",
    "SELECT max(mail) AS seq FROM recipient",
    "SELECT min(mail) AS seq FROM content",
    "SELECT max(mail) AS seq FROM content",
  ].flatMap((sql) => {
    const seq = readable(db, sql)?.[0]?.["seq"];
    return typeof seq === "number" ? [seq] : [];
  });
  return known.length === 0 ? [1, 0] : [Math.min(...known), Math.max(...known)];
}

/** The rows, or `null` when a page that they need is damaged. */
function readable(db: DatabaseSync, sql: string, ...values: readonly number[]): readonly Row[] | null {
  try {
    return db.prepare(sql).all(...values);
  } catch {
    return null;
  }
}

type Table = "mail" | "recipient" | "content" | "notice_due" | "attempt" | "source";

function insert(db: DatabaseSync, table: Table, row: Row): void {
  const columns = Object.keys(row);
  const places = columns.map(() => "?").join(", ");
  db.prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`).run(...Object.values(row));
}
