/**
 * The second factor of an administrator.
 *
 * @module
 */

import assert from "node:assert/strict";
import { HOTP, Secret } from "otpauth";
import { runProgram, type Site } from "../lib/program.ts";

const STEP_MS = 30_000;

/** A phone with the secret: each code is right once, so it never shows one again. */
export class Phone {
  readonly #secret: Secret;
  #last = 0;

  constructor(base32: string) {
    this.#secret = Secret.fromBase32(base32);
  }

  /** Not that of the step before: it could be too old by the time it is looked at. */
  async next(): Promise<string> {
    const step = Math.max(this.#last + 1, Math.floor(Date.now() / STEP_MS));
    const early = (step - 1) * STEP_MS - Date.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    this.#last = step;
    return this.#at(step);
  }

  /** One that is right in none of the steps around now. */
  wrong(): string {
    const now = Math.floor(Date.now() / STEP_MS);
    const right = [-2, -1, 0, 1, 2].map((off) => this.#at(now + off));
    for (let code = 100_000;; code++) if (!right.includes(String(code))) return String(code);
  }

  #at(counter: number): string {
    return HOTP.generate({ secret: this.#secret, algorithm: "SHA1", digits: 6, counter });
  }
}

/** Makes an account an administrator by the command. */
export async function enrol(site: Pick<Site, "config">, account: string): Promise<Phone> {
  const made = await runProgram(["admin", "new", account, "--config", site.config]);
  const secret = /^secret: ([A-Z2-7]+)$/m.exec(made.output)?.[1];
  assert.ok(secret !== undefined, made.output);
  return new Phone(secret);
}
