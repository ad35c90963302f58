/**
 * sendmail's look-ups in the access map, slowly: as its rule sets write them, one text after the other, each looked for in all lines.
 *
 * @module
 */

/** Key and value of a line. */
export type Line = readonly [key: string, value: string];

type Tag = "Connect" | "From" | "To";

function access(lines: readonly Line[], key: string): string | null {
  return lines.find(([written]) => written.toLowerCase() === key.toLowerCase())?.[1] ?? null;
}

/** With the tag, then without. */
function both(lines: readonly Line[], tag: Tag, key: string): string | null {
  return access(lines, `${tag}:${key}`) ?? access(lines, key);
}

/** Rule set D. */
export function modelDomain(lines: readonly Line[], tag: Tag, domain: string): string | null {
  const found = both(lines, tag, domain);
  if (found === "SKIP") return null;
  if (found !== null) return found;
  const literal = /^\[(.+)\.([^.]+)\]$/.exec(domain);
  if (literal !== null) return modelDomain(lines, tag, `[${literal[1]}]`);
  const parent = /^[^.[]+\.(.+)$/.exec(domain);
  return parent === null ? null : modelDomain(lines, tag, parent[1] ?? "");
}

/** Rule set A, for IPv4; between two octets the networks in CIDR form, the longer one first. */
export function modelAddress(lines: readonly Line[], address: string): string | null {
  const octets = address.split(".");
  for (let bits = 32; bits > 0; bits--) {
    for (const tag of ["Connect:", ""]) {
      for (const [key, value] of lines) {
        if (!key.startsWith(tag)) continue;
        const bare = key.slice(tag.length);
        const isPrefix = bits % 8 === 0 && bare === octets.slice(0, bits / 8).join(".");
        const [network = "", length = ""] = bare.split("/");
        const isCidr = length === String(bits) && /^[\d.]+$/.test(network) &&
          binary(network).slice(0, bits) === binary(address).slice(0, bits);
        if (isPrefix || isCidr) return value === "SKIP" ? null : value;
      }
    }
  }
  return null;
}

/** Rule sets F and U: `key` has its @ and what follows. */
export function modelFull(lines: readonly Line[], tag: Tag, key: string): string | null {
  const found = both(lines, tag, key);
  if (found !== null) return found;
  const detail = /^([^+]+)\+([^@]*)@(.*)$/.exec(key);
  if (detail === null) return null;
  return both(lines, tag, `${detail[1]}+*@${detail[3]}`) ?? both(lines, tag, `${detail[1]}@${detail[3]}`);
}

/** check_relay for a client without a name. */
export function modelConnect(lines: readonly Line[], address: string): string | null {
  return modelDomain(lines, "Connect", `[${address}]`) ?? modelAddress(lines, address);
}

/** check_mail. */
export function modelMail(lines: readonly Line[], local: string, domain: string): string | null {
  return modelFull(lines, "From", `${local}@${domain}`) ?? modelFull(lines, "From", `${local}@`) ??
    modelDomain(lines, "From", domain);
}

/** The part of check_rcpt that FEATURE(blacklist_recipients) brings. */
export function modelRcpt(lines: readonly Line[], local: string, domain: string, isLocal: boolean): string | null {
  return modelFull(lines, "To", `${local}@${domain}`) ?? (isLocal ? modelFull(lines, "To", `${local}@`) : null) ??
    modelDomain(lines, "To", domain);
}

function binary(address: string): string {
  return address.split(".").map((octet) => Number(octet).toString(2).padStart(8, "0")).join("");
}
