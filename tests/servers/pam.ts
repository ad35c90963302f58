/**
 * PAM services of this machine, with names that nobody else has, and removed again; and a module that does what its arguments say.
 * Needs root.
 *
 * @module
 */

import { type Folder, makeFolder, runOrThrow } from "./lib.ts";

/** The programs that the module is built with: for `requirePrograms`. */
export const PAM_MODULE_PROGRAMS: readonly string[] = ["gcc"];

/** A file in /etc/pam.d. Disposing removes it. */
export interface PamServiceFile extends AsyncDisposable {
  readonly name: string;
  readonly file: string;
  /** Writes it anew, also when it has been removed. */
  write(lines: readonly string[]): Promise<void>;
  remove(): Promise<void>;
}

/** A name that no service has. */
export function pamServiceName(): string {
  return `dkdm-${crypto.randomUUID().slice(0, 8)}`;
}

/** Writes one. */
export async function makePamService(lines: readonly string[], name = pamServiceName()): Promise<PamServiceFile> {
  const file = `/etc/pam.d/${name}`;
  const write = (next: readonly string[]) => Deno.writeTextFile(file, next.map((line) => `${line}\n`).join(""));
  const remove = () => Deno.remove(file);
  await write(lines);
  return {
    ...{ name, file, write, remove },
    [Symbol.asyncDispose]: () =>
      remove().catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }),
  };
}

/** pam_unix, whose failures would take two seconds without `nodelay`. */
export const PAM_UNIX: readonly string[] = ["auth required pam_unix.so nodelay", "account required pam_unix.so"];

/** A gate in front of modules: open, shut (an outage), or one that nobody comes through. */
export interface PamGate extends AsyncDisposable {
  /** The line that is put first. */
  readonly line: string;
  set(state: "open" | "shut" | "hung"): Promise<void>;
}

/** Makes one, open. */
export async function makePamGate(): Promise<PamGate> {
  const folder = await makeFolder({ open: true });
  const [script, state] = [`${folder.path}/gate`, `${folder.path}/state`];
  const set = async (now: string) => {
    // At once for who reads it.
    await Deno.writeTextFile(`${state}.new`, now);
    await Deno.rename(`${state}.new`, state);
  };
  await set("open");
  await Deno.writeTextFile(
    script,
    `PATH=/usr/bin:/bin\nwhile [ "$(cat "${state}")" = hung ]; do sleep 0.05; done\n[ "$(cat "${state}")" = open ]\n`,
  );
  return {
    line: `auth requisite pam_exec.so quiet /bin/sh ${script}`,
    set,
    [Symbol.asyncDispose]: async () => {
      // Who waits there would wait for ever.
      await set("open");
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A module of PAM, built from the source below. Its arguments: `prompt=STYLE`, `user=NAME`, `code=NUMBER`, `account=NUMBER`. */
export interface PamModule extends AsyncDisposable {
  readonly path: string;
}

/** Builds it. */
export async function buildPamModule(): Promise<PamModule> {
  const folder: Folder = await makeFolder({ open: true });
  const path = `${folder.path}/pam_says.so`;
  await runOrThrow("gcc", {
    args: ["-shared", "-fPIC", "-x", "c", "-o", path, "-", "-x", "none", "-l:libpam.so.0"],
    input: SOURCE,
  });
  return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const SOURCE = `
#include <stdlib.h>
#include <string.h>
int pam_prompt(void *, int, char **, const char *, ...);
int pam_set_item(void *, int, const void *);
int pam_sm_authenticate(void *pamh, int flags, int argc, const char **argv) {
  int code = 0;
  for (int at = 0; at < argc; at++) {
    if (strncmp(argv[at], "prompt=", 7) == 0) {
      char *answer = NULL;
      code = pam_prompt(pamh, atoi(argv[at] + 7), &answer, "Something: ");
      free(answer);
      if (code != 0) return code;
    }
    if (strncmp(argv[at], "user=", 5) == 0) pam_set_item(pamh, 2, argv[at] + 5);
    if (strncmp(argv[at], "code=", 5) == 0) code = atoi(argv[at] + 5);
  }
  return code;
}
int pam_sm_setcred(void *pamh, int flags, int argc, const char **argv) { return 0; }
int pam_sm_acct_mgmt(void *pamh, int flags, int argc, const char **argv) {
  int code = 0;
  for (int at = 0; at < argc; at++) if (strncmp(argv[at], "account=", 8) == 0) code = atoi(argv[at] + 8);
  return code;
}
`;
