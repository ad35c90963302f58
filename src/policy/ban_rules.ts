/**
 * Which networks must not be banned: those with which everybody, or whoever bans, would be locked out.
 *
 * @module
 */

import { type Network, overlap, parseNetwork } from "../lib/network_table.ts";

/** Why a network is not banned. */
export type BanObjection =
  /** So wide that it is everybody's; nothing helps against it. */
  | "too-wide"
  | "loopback"
  /** In an exempt network, or a proxy that we trust. */
  | "exempt"
  /** Whoever asks is in it. */
  | "yourself";

/** Prefixes shorter than these are half of the world. */
const [LEAST_BITS_4, LEAST_BITS_6] = [8, 16];

/** What speaks against a ban, or `null`. `exempt` are networks; `own` is the address of whoever asks, where it is one. */
export function objectionTo(
  network: Network,
  { exempt, own }: { readonly exempt: readonly string[]; readonly own: string | null },
): BanObjection | null {
  const meets = (text: string) => {
    const other = parseNetwork(text);
    return other !== null && overlap(network, other);
  };
  if (network.bits < (network.family === 4 ? LEAST_BITS_4 : LEAST_BITS_6)) return "too-wide";
  if (["127.0.0.0/8", "::1"].some(meets)) return "loopback";
  if (exempt.some(meets)) return "exempt";
  return own !== null && meets(own) ? "yourself" : null;
}
