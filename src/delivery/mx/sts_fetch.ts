/**
 * Gets the policy of a domain (RFC 8461 section 3.3). What goes wrong is a sentence for the log.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { fail, type Result, succeed } from "../../lib/result.ts";
import { printable } from "../../lib/text.ts";
import type { Resolver } from "./resolver.ts";
import { readStsPolicy, type StsPolicy } from "./sts_policy.ts";

/** What a fetch needs. */
export interface StsFetchSettings {
  readonly resolver: Resolver;
  /** PEM of the authorities to trust; `null`: the system's. */
  readonly ca: string | null;
}

const FETCH_MS = 30_000;
const SIZE_LIMIT_OCTETS = 64 * 1024;
const ADDRESSES_LIMIT = 4;
const HTTPS_PORT = 443;
const PATH = "/.well-known/mta-sts.txt";

/** Fetches the policy from `mta-sts.DOMAIN`, whose certificate has to be good. No redirection is followed, no proxy used. */
export async function fetchStsPolicy(
  domain: string,
  { resolver, ca }: StsFetchSettings,
  stopping: AbortSignal,
): Promise<Result<StsPolicy, string>> {
  const host = `mta-sts.${domain}`;
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(FETCH_MS)]);
  const lookups = await Promise.all(([6, 4] as const).map((family) => resolver.addresses(host, family, signal)));
  const addresses = lookups.flatMap((lookup) => lookup.ok ? lookup.value : []).slice(0, ADDRESSES_LIMIT);
  let problem = lookups.flatMap((lookup) => lookup.ok ? [] : [lookup.problem.why])[0] ?? `${host} has no address`;
  for (const address of addresses) {
    const text = await getText({ address, host, ca }, signal);
    if (text.ok) {
      const policy = readStsPolicy(text.value);
      return policy === null ? fail(`what https://${host}${PATH} has is no policy`) : succeed(policy);
    }
    problem = text.problem;
    if (signal.aborted) break;
  }
  return fail(stopping.aborted ? "the server is stopping" : problem);
}

function getText(
  { address, host, ca }: { readonly address: string; readonly host: string; readonly ca: string | null },
  signal: AbortSignal,
): Promise<Result<string, string>> {
  const { promise, resolve } = Promise.withResolvers<Result<string, string>>();
  const refuse = (why: string) => resolve(fail(`https://${host}${PATH} cannot be had: ${printable(why)}`));
  const sending = request({
    ...{ host: address, port: HTTPS_PORT, servername: host, path: PATH, agent: false },
    headers: { host, "user-agent": "dokodemo", "connection": "close" },
    ...ca !== null && { ca },
  }, (response) => {
    readBody(response).then((body) => body.ok ? resolve(body) : refuse(body.problem));
  });
  sending.on("error", (error) => refuse(error.message));
  const stop = () => {
    refuse("no answer in time");
    sending.destroy();
  };
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  sending.end();
  return promise.finally(() => {
    signal.removeEventListener("abort", stop);
    sending.destroy();
  });
}

async function readBody(response: IncomingMessage): Promise<Result<string, string>> {
  if (response.statusCode !== 200) return fail(`the status is ${response.statusCode}`);
  const type = response.headers["content-type"] ?? "";
  if (!/^text\/plain[ \t]*(?:;|$)/i.test(type)) return fail(`it is "${type}", not text/plain`);
  const decoder = new TextDecoder();
  let size = 0;
  let text = "";
  try {
    for await (const chunk of response) {
      const octets: Uint8Array = chunk;
      size += octets.length;
      if (size > SIZE_LIMIT_OCTETS) return fail("it is longer than 64 KiB");
      text += decoder.decode(octets, { stream: true });
    }
  } catch (error) {
    return fail(error instanceof Error ? error.message : "it ended early");
  }
  return succeed(text + decoder.decode());
}
