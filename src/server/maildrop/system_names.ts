/**
 * The users of this system by number.
 *
 * @module
 */

/** A user as the system knows it. */
export interface SystemName {
  readonly uid: number;
  readonly name: string;
  /** `null` where the system has none. */
  readonly fullName: string | null;
}

/** Finds users in /etc/passwd; one that is not there, as from a directory, is named by its number. */
export async function systemNames(): Promise<(uid: number) => SystemName> {
  const lines = (await Deno.readTextFile("/etc/passwd").catch(() => "")).split("\n").map((line) => line.split(":"));
  const known = new Map<number, SystemName>();
  for (const [name = "", , number = "", , gecos = ""] of lines) {
    const uid = Number(number);
    // The first line of a number is the one that getpwuid finds.
    if (name !== "" && /^\d+$/.test(number) && !known.has(uid)) {
      known.set(uid, { uid, name, fullName: fullName(gecos, name) });
    }
  }
  return (uid) => known.get(uid) ?? { uid, name: `uid-${uid}`, fullName: null };
}

/** The first part of the field; `&` stands for the name with a capital. */
function fullName(gecos: string, name: string): string | null {
  const first = gecos.split(",")[0]?.trim() ?? "";
  return first === "" ? null : first.replace("&", name.charAt(0).toUpperCase() + name.slice(1));
}
