/**
 * Addresses in a header field that stand where no address may: in the name before another one, as the name of a group, in a route.
 *
 * @module
 */

import type { ListedAddress } from "../message/addresses.ts";
import { coverDouble, coverShifted } from "../message/opaque_text.ts";

const SEPARATORS_REGEXP = /[\s"(),:;<>[\]\\]+/;
const ENDS: ReadonlyMap<string, string> = new Map([["(", ")"], ['"', '"'], ["[", "]"]]);

/**
 * Whether the body of a field has an `@` that belongs to none of the addresses that were read in it: some mail client will take what
 * stands around it for the sender. A name that repeats one of these addresses is none. `isOctets`: each character is an octet, in a
 * charset that is not known.
 */
export function hasStrayAddress(
  text: string,
  { listed, isOctets }: { readonly listed: readonly ListedAddress[]; readonly isOctets: boolean },
): boolean {
  const known = new Set(listed.map(({ address }) => address.toLowerCase()));
  const shifted = coverShifted(text);
  const shown = isOctets ? coverDouble(shifted) : shifted;
  let names = "";
  let from = 0;
  for (const { local, end } of listed) {
    names += `${shown.slice(from, local.start)} `;
    from = end;
  }
  names += shown.slice(from);
  return withoutShelters(names).split(SEPARATORS_REGEXP).some((word) => {
    return word.includes("@") && !known.has(word.toLowerCase());
  });
}

/** Leaves out comments, quoted texts and address literals: what an `@` in them says is not for mail clients to guess. */
function withoutShelters(text: string): string {
  const kept: string[] = [];
  let inside = "";
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (inside === "") {
      if (ENDS.has(character)) [inside, depth] = [character, 1];
      kept.push(inside === "" ? character : " ");
    } else if (character === "\\") at++;
    // Comments nest.
    else if (character === "(" && inside === "(") depth++;
    else if (character === ENDS.get(inside) && --depth === 0) inside = "";
  }
  return kept.join("");
}
