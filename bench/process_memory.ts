/**
 * Memory of a server with all its processes.
 *
 * @module
 */

/** The proportional set size of a process and its descendants, in KiB: what they share is counted once. */
export async function processTreeMemory(root: number): Promise<number> {
  const children = await childrenOf();
  const members = [root];
  for (const pid of members) members.push(...children.get(pid) ?? []);
  const sizes = await Promise.all(members.map(proportionalSetSize));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function childrenOf(): Promise<ReadonlyMap<number, readonly number[]>> {
  const children = new Map<number, number[]>();
  for await (const { name } of Deno.readDir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const status = await readText(`/proc/${pid}/status`);
    const parent = Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1] ?? 0);
    children.set(parent, [...children.get(parent) ?? [], pid]);
  }
  return children;
}

async function proportionalSetSize(pid: number): Promise<number> {
  return Number(/^Pss:\s*(\d+) kB$/m.exec(await readText(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

/** Empty where the process has ended meanwhile. */
async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}
