/**
 * An independent verifier of DKIM signatures: Debian's dkimpy.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** What it says of one signature; from `domain` on only where it could read that far. */
export interface VerifiedSignature {
  readonly valid: boolean;
  readonly error?: string;
  readonly domain?: string;
  readonly selector?: string;
  readonly algorithm?: string;
  /** The tags that it has, in order of their names. */
  readonly tags?: readonly string[];
  /** The names in h=, as they stand there. */
  readonly fields?: readonly string[];
}

const SCRIPT = fileURLToPath(new URL("dkim_verify.py", import.meta.url));
// Debian's own: the package is not there for another one that may come first on the PATH.
const PYTHON = "/usr/bin/python3";

/** Verifies each signature of a mail, from the top. `records`: TXT by name. */
export async function verifyDkim(
  mail: Uint8Array<ArrayBuffer>,
  records: Readonly<Record<string, string>>,
): Promise<readonly VerifiedSignature[]> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(records));
    const command = new Deno.Command(PYTHON, {
      args: [SCRIPT, file],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    await using child = command.spawn();
    const output = child.output();
    const writer = child.stdin.getWriter();
    await writer.write(mail);
    await writer.close();
    const { code, stdout, stderr } = await output;
    if (code !== 0) throw new Error(`Cannot verify: ${new TextDecoder().decode(stderr)}`);
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(file);
  }
}
