/**
 * `dokodemo queue verify`
 *
 * @module
 */

import { resolve } from "node:path";
import { DATABASE_FILE } from "../spool/database.ts";
import { salvage, type SalvageProblem, type SpoolReport, verifySpool } from "../spool/verify.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { exitOfOpen, lockQueue, ownDataDir, QueueTrouble } from "./queue_access.ts";

const EXIT_OF_SALVAGE: Readonly<Record<SalvageProblem["kind"], number>> = {
  "damaged": EXIT.data,
  "io": EXIT.unavailable,
  "new-file": EXIT.cannotCreate,
};

/** Looks through the spool, which a running server may use meanwhile: 0 when every mail is whole, else 65. */
export async function verifyQueue(dataDir: string, { json }: { readonly json: boolean }): Promise<number> {
  await ownDataDir(dataDir);
  const report = verifySpool(dataDir);
  if (!report.ok) throw new QueueTrouble(report.problem.message, exitOfOpen(report.problem));
  print(json ? JSON.stringify([report.value], null, 2) : describe(report.value));
  const { damage, mailsWithoutContent } = report.value;
  return damage.length + mailsWithoutContent.length === 0 ? EXIT.ok : EXIT.data;
}

/** Saves what can be read of the database into a new file: 0 when that is every mail, else 65. No server may run. */
export async function salvageQueue(dataDir: string, newFile: string): Promise<number> {
  await using _lock = await lockQueue(dataDir);
  const target = resolve(newFile);
  if (await Deno.lstat(target).then(() => true, () => false)) {
    complain(`Cannot make ${target}: it is there already`);
    return EXIT.cannotCreate;
  }
  const file = `${dataDir}/${DATABASE_FILE}`;
  const salvaged = salvage(file, target);
  if (!salvaged.ok) throw new QueueTrouble(salvaged.problem.message, EXIT_OF_SALVAGE[salvaged.problem.kind]);
  const { mails, lost } = salvaged.value;
  print(
    `${mails === 1 ? "1 mail is" : `${mails} mails are`} in ${target}; ` +
      `to use it, move ${file}, ${file}-wal and ${file}-shm away and this one to ${file}`,
  );
  for (const id of lost) complain(`Cannot save mail ${id}: a part of it cannot be read`);
  return lost.length === 0 ? EXIT.ok : EXIT.data;
}

/** A line for each finding. */
function describe({ damage, mailsWithoutContent, filesWithoutMail, rowsWithoutMail }: SpoolReport): string {
  const lines = [
    ...damage.map((text) => `Damage: ${text}`),
    ...mailsWithoutContent.map((id) => `Mail ${id}: its content is missing or cut off`),
    ...filesWithoutMail.map((file) =>
      `File ${file}: of no mail, or of one that is arriving; the next start removes it`
    ),
    ...rowsWithoutMail === 0 ? [] : [`Content of no mail: ${rowsWithoutMail}`],
  ];
  return lines.length === 0 ? "The queue is whole" : lines.join("\n");
}
