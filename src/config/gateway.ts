/**
 * Whether this is a container, and where its clients seem to come from.
 *
 * @module
 */

/** What a container runtime leaves in the file system. */
const MARKS = ["/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io"];

/**
 * In a container, the gateway of its network: where ports are published by a proxy, all clients have this address. `null` elsewhere, or
 * where it cannot be told.
 */
export async function containerGateway(): Promise<string | null> {
  for (const mark of MARKS) {
    if (!await exists(mark)) continue;
    return defaultGateway(await Deno.readTextFile("/proc/net/route").catch(() => ""));
  }
  return null;
}

/** The gateway of the default route in the text of `/proc/net/route`, whose numbers are in the byte order of the machine. */
export function defaultGateway(table: string): string | null {
  for (const line of table.split("\n").slice(1)) {
    const [, destination, gateway = ""] = line.split("\t");
    if (destination !== "00000000" || !/^[0-9A-F]{8}$/.test(gateway) || gateway === "00000000") continue;
    return (gateway.match(/../g) ?? []).toReversed().map((octet) => parseInt(octet, 16)).join(".");
  }
  return null;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}
