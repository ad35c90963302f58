/**
 * What the sendmail command knows of the server: the configuration says it, where an ordinary user may read that.
 *
 * @module
 */

import { parse } from "smol-toml";
import { size } from "./quantities.ts";

/** What is known; defaults stand for what is not. */
export interface SendmailFacts {
  readonly hostname: string;
  readonly limitOctets: number;
}

const LIMIT_OCTETS = 50 * 1024 * 1024;

/** Reads a configuration, which need not be right. The server judges by what is in force there. */
export async function readSendmailFacts(file: string): Promise<SendmailFacts> {
  const tree = await Deno.readTextFile(file).then(parse).catch(() => ({}));
  const { hostname, limits } = { hostname: undefined, limits: undefined, ...tree };
  const limit = size.safeParse(Reflect.get(Object(limits), "message_size"));
  return {
    hostname: typeof hostname === "string" ? hostname : Deno.hostname(),
    limitOctets: limit.success ? limit.data : LIMIT_OCTETS,
  };
}
