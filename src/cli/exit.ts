/**
 * Exit codes, those of sysexits.h.
 *
 * @module
 */

/** Why the program ended; scripts may rely on these numbers. */
export const EXIT = {
  ok: 0,
  /** The command ran, and its answer is no: a health check that failed, a login that was refused. */
  no: 1,
  /** Wrong arguments. */
  usage: 64,
  /** The input is not what it should be. */
  data: 65,
  /** Something that is needed cannot be reached. */
  unavailable: 69,
  /** A bug. */
  software: 70,
  /** A file cannot be made. */
  cannotCreate: 73,
  /** Try again later. */
  tempFail: 75,
  noPermission: 77,
  /** The configuration has mistakes. */
  config: 78,
  /** Ended with ^C at a prompt, as a shell shows it. */
  interrupted: 130,
  /** The reader of our output went away, as a shell shows it. */
  pipeClosed: 141,
} as const;
