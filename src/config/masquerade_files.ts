/**
 * The files that [masquerade] names.
 *
 * @module
 */

import { toAscii } from "../lib/domain.ts";
import { whyUnreadable } from "../lib/file_error.ts";
import { decodeUtf8 } from "../lib/octets.ts";
import { type GenericsTable, NO_GENERICS, parseGenerics } from "../policy/generics.ts";
import type { KeyPath, Mistake } from "./keys.ts";

/** What they hold. */
export interface MasqueradeContents {
  readonly domains: readonly string[];
  readonly generics: GenericsTable;
}

/** Nobody has looked at files. */
export const NO_MASQUERADE_CONTENTS: MasqueradeContents = { domains: [], generics: NO_GENERICS };

interface Named {
  readonly file: string;
  readonly path: KeyPath;
}

/** Reads them; a bad line is a mistake with its number. */
export async function readMasqueradeFiles(
  files: { readonly domains: Named | null; readonly generics: Named | null },
  mistakes: Mistake[],
): Promise<MasqueradeContents> {
  const [domains, table] = [await readText(files.domains, mistakes), await readText(files.generics, mistakes)];
  return {
    domains: readDomains(files.domains, domains, mistakes),
    generics: readTable(files.generics, table, mistakes),
  };
}

function readDomains(named: Named | null, text: string, mistakes: Mistake[]): readonly string[] {
  return text.split("\n").flatMap((line, at) => {
    const word = line.replace(/#.*$/, "").trim();
    const domain = toAscii(word);
    if (word !== "" && domain === null) tell(named, { line: at + 1, text: "expected a domain name" }, mistakes);
    return domain === null ? [] : [domain];
  });
}

function readTable(named: Named | null, text: string, mistakes: Mistake[]): GenericsTable {
  const parsed = parseGenerics(text);
  for (const mistake of parsed.mistakes) tell(named, mistake, mistakes);
  return parsed.table;
}

function tell(
  named: Named | null,
  { line, text }: { readonly line: number; readonly text: string },
  mistakes: Mistake[],
): void {
  mistakes.push({ path: named?.path ?? [], text: `${named?.file}, line ${line}: ${text}` });
}

async function readText(named: Named | null, mistakes: Mistake[]): Promise<string> {
  if (named === null) return "";
  const { file, path } = named;
  try {
    const text = decodeUtf8(await Deno.readFile(file));
    if (text !== null) return text;
    mistakes.push({ path, text: `Cannot read ${file}: it is not UTF-8` });
  } catch (error) {
    mistakes.push({ path, text: `Cannot read ${file}: ${whyUnreadable(error)}` });
  }
  return "";
}
