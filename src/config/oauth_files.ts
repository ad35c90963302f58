/**
 * The files that `oauth` of smarthosts names: are they there, and closed to others?
 *
 * @module
 */

import { isTable, type KeyPath, type Mistake, showPath } from "./keys.ts";
import { readSecretLine } from "./private_file.ts";

/** A file and the key that names it. */
interface NamedFile {
  readonly file: string;
  readonly path: KeyPath;
}

const SECRET_KEYS: readonly string[] = ["client_secret_file", "refresh_token_file"];
const KEYS: readonly string[] = [...SECRET_KEYS, "ca_file"];

/** Looks at them, and says which there are. A refresh token may be missing: `dokodemo oauth login` has to find its place first. */
export async function checkOAuthFiles(
  tree: unknown,
  at: (path: string) => string,
  { mistakes, warnings }: { readonly mistakes: Mistake[]; readonly warnings: string[] },
): Promise<readonly NamedFile[]> {
  const files = oauthTables(tree).flatMap(({ oauth, path }) =>
    KEYS.flatMap((key) => {
      const value = oauth[key];
      return typeof value === "string" && value !== "" ? [{ key, file: at(value), path: [...path, key] }] : [];
    })
  );
  for (const { key, file, path } of files) {
    if (key === "refresh_token_file" && await isMissing(file)) {
      warnings.push(`${showPath(path)}: there is no ${file} yet: \`dokodemo oauth login\` writes it`);
    } else if (SECRET_KEYS.includes(key)) {
      const secret = await readSecretLine(file);
      if (!secret.ok) mistakes.push({ path, text: secret.problem });
    }
  }
  return files;
}

function oauthTables(
  tree: unknown,
): readonly { readonly oauth: Readonly<Record<string, unknown>>; readonly path: KeyPath }[] {
  if (!isTable(tree)) return [];
  const { delivery, route } = tree;
  const routes = Array.isArray(route)
    ? route.map((each: unknown, index) => ({ holder: each, path: ["route", index] }))
    : [];
  return [{ holder: delivery, path: ["delivery"] }, ...routes].flatMap(({ holder, path }) => {
    const smarthost = isTable(holder) ? holder["smarthost"] : undefined;
    const oauth = isTable(smarthost) ? smarthost["oauth"] : undefined;
    return isTable(oauth) ? [{ oauth, path: [...path, "smarthost", "oauth"] }] : [];
  });
}

async function isMissing(file: string): Promise<boolean> {
  try {
    await Deno.stat(file);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
