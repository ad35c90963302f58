/**
 * [delivery.mx]: its keys, and what becomes of them.
 *
 * @module
 */

import { isIP } from "node:net";
import { resolve } from "node:path";
import { z } from "zod";
import type { MxConfig } from "./config.ts";
import { count, flag, hostPort, list, path, table } from "./quantities.ts";

const DNS_PORT = 53;

/** A name server, by its address. */
export const nameServer = z.string({ error: 'expected an address, or one and a port such as "127.0.0.1:5353"' })
  .transform(
    (text, context): { readonly host: string; readonly port: number } => {
      if (isIP(text) !== 0) return { host: text, port: DNS_PORT };
      const server = hostPort(text);
      if (server !== null && isIP(server.host) !== 0 && server.port !== 0) return server;
      context.addIssue({ code: "custom", message: 'expected an address, or one and a port such as "127.0.0.1:5353"' });
      return z.NEVER;
    },
  );

const address = z.string({ error: "expected an address" }).refine((text) => isIP(text) !== 0, {
  error: 'expected an address of this machine such as "192.0.2.25"',
});

/** [delivery.mx] */
export const mxSchema = table({
  resolvers: list(nameServer).prefault([]).meta({ description: "name servers to ask; default: those of the system" }),
  sourceAddresses: list(address).prefault([]).meta({
    description: "addresses of this machine to send from; where only IPv4 ones stand here, IPv6 is not used",
  }),
  mtaSts: flag.default(true).meta({ description: "keep to the policies of domains that have one (RFC 8461)" }),
  caFile: path.optional().meta({ description: "PEM: authorities to trust instead of the system's" }),
  concurrency: count(1, 100).default(2).meta({ description: "connections at once for one domain" }),
});

/** Completes [delivery.mx]. */
export function completeMx(section: z.output<typeof mxSchema>, folder: string): MxConfig {
  return { ...section, caFile: section.caFile === undefined ? null : resolve(folder, section.caFile) };
}
