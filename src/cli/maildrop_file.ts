/**
 * A mail on its way into `data_dir/maildrop`, written by the user who sends it. It needs no server.
 *
 * @module
 */

import { utf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import {
  MAILDROP_FILE_MODE,
  MAILDROP_FOLDER,
  type MaildropEnvelope,
  maildropName,
  READY_SUFFIX,
} from "../server/maildrop/format.ts";
import { EXIT } from "./exit.ts";

/** Why a mail cannot be left: a sentence, and the exit code. */
export interface MaildropProblem {
  readonly message: string;
  readonly exit: number;
}

/** A file that the server does not look at yet. Disposing it before `commit` removes it. */
export class MaildropFile implements Disposable {
  /** Without what stands behind it. */
  readonly name: string;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #problem: MaildropProblem | null = null;
  #ended = false;

  private constructor(folder: string, name: string) {
    this.name = name;
    this.#path = `${folder}/${name}`;
    this.#file = Deno.openSync(this.#path, { createNew: true, write: true, mode: MAILDROP_FILE_MODE });
  }

  /** Begins a mail. */
  static create(dataDir: string, envelope: MaildropEnvelope): Result<MaildropFile, MaildropProblem> {
    const folder = `${dataDir}/${MAILDROP_FOLDER}`;
    try {
      const file = new MaildropFile(folder, maildropName());
      // Whatever the umask is: the service has to read it.
      Deno.chmodSync(file.#path, MAILDROP_FILE_MODE);
      file.write(utf8(`${JSON.stringify(envelope)}\n`));
      return succeed(file);
    } catch (error) {
      return fail(problemOf(folder, error));
    }
  }

  /** Adds octets; a problem shows at `commit`. */
  write(octets: Uint8Array): void {
    if (this.#problem !== null) return;
    try {
      for (let at = 0; at < octets.length;) at += this.#file.writeSync(octets.subarray(at));
    } catch (error) {
      this.#problem = problemOf(this.#path, error);
    }
  }

  /** Hands the mail over: it is durable when this succeeds. */
  commit(): Result<void, MaildropProblem> {
    if (this.#problem !== null) return fail(this.#problem);
    try {
      this.#file.syncSync();
      Deno.renameSync(this.#path, `${this.#path}${READY_SUFFIX}`);
      this.#ended = true;
    } catch (error) {
      return fail(problemOf(this.#path, error));
    }
    try {
      // The folder cannot be opened by its users; to sync the file once more brings its new name to the disk.
      this.#file.syncSync();
    } catch {
      // The server has it, or will find it.
    }
    this.#file.close();
    return succeed(undefined);
  }

  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#file.close();
    try {
      Deno.removeSync(this.#path);
    } catch {
      // The server removes what was never finished.
    }
  }
}

function problemOf(where: string, error: unknown): MaildropProblem {
  if (error instanceof Deno.errors.NotFound) {
    return { message: `There is no ${where}: the server makes it when it starts`, exit: EXIT.tempFail };
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return { message: `Cannot write to ${where}: permission denied`, exit: EXIT.noPermission };
  }
  const reason = error instanceof Error ? error.message : "unknown reason";
  return { message: `Cannot write to ${where}: ${reason}`, exit: EXIT.tempFail };
}
