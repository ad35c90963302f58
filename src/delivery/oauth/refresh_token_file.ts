/**
 * The file of a refresh token: the only copy of something that a provider may replace with each use.
 *
 * @module
 */

import { dirname, join } from "node:path";

/**
 * Replaces the content of a file, or makes it: mode 0600, and durable and whole whatever happens meanwhile. It stays its owner's where
 * we may decide that. The folder is made where it is missing. Throws what the file system says.
 */
export async function writeRefreshToken(path: string, token: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // The file that a link leads to is replaced, and not the link.
  const file = await Deno.realPath(path).catch(() => path);
  const folder = dirname(file);
  const written = join(folder, `.oauth-${crypto.randomUUID()}.new`);
  try {
    {
      using made = await Deno.open(written, { write: true, createNew: true, mode: 0o600 });
      await made.write(new TextEncoder().encode(`${token}\n`));
      await keepOwner(file, written);
      await made.sync();
    }
    await Deno.rename(written, file);
  } catch (error) {
    await Deno.remove(written).catch(() => {});
    throw error;
  }
  using opened = await Deno.open(folder);
  await opened.sync();
}

/** Whether `writeRefreshToken` will be able to, as far as that can be tried. Throws what the file system says. */
export async function tryFolderOf(path: string): Promise<void> {
  const folder = dirname(await Deno.realPath(path).catch(() => path));
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  await Deno.remove(await Deno.makeTempFile({ dir: folder, prefix: ".oauth-" }));
}

async function keepOwner(file: string, written: string): Promise<void> {
  if (Deno.uid() !== 0) return;
  // A new file gets the owner of its folder: with root's, the service could not read it.
  const owner = await Deno.stat(file).catch(() => Deno.stat(dirname(file)));
  if (owner.uid !== null && owner.gid !== null) await Deno.chown(written, owner.uid, owner.gid);
}
