/**
 * What a running program says at `/metrics`, after traffic of every kind.
 *
 * @module
 */

import { converse, logIn, SHIN, submit } from "./submission.ts";
import type { RunningProgram, Site } from "./program.ts";
import { WireClient } from "./wire_client.ts";

/** Lines of a site's configuration for `[http]` on a port of the system's choice. */
export const HTTP_SECTION = '[http]\naddress = "127.0.0.1:0"\n';

/** The text of `/metrics` at `[http]`; throws for any other answer than 200. */
export async function scrape(program: RunningProgram): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${program.port("http")}/metrics`);
  if (answer.status !== 200) throw new Error(`expected 200, got ${answer.status}: ${await answer.text()}`);
  return await answer.text();
}

/** The value of a sample, `null` when there is none: `dokodemo_ready`, `dokodemo_backend_up{backend="ldap"}`. */
export function sampleOf(text: string, sample: string): number | null {
  const line = text.split("\n").find((each) => each.startsWith(`${sample} `));
  return line === undefined ? null : Number(line.slice(sample.length + 1));
}

/** The names of all samples, those of a histogram with their suffix. */
export function namesOf(text: string): ReadonlySet<string> {
  return new Set(text.split("\n").flatMap((line) => /^(\w+)[ {]/.exec(line)?.[1] ?? []));
}

/**
 * Logins that succeed and fail, TLS that does and does not come about, mail for here and for a smarthost that is away, refusals. The site
 * has shin's account.
 */
export async function makeTraffic(program: RunningProgram, site: Site): Promise<void> {
  {
    using client = await converse(program, site);
    await submit(client, { to: ["shin@baz.co.jp", "taro@example.net"] });
    await client.command("RCPT TO:<too-early@example.net>");
  }
  {
    using client = await converse(program, site, { login: null });
    await logIn(client, { ...SHIN, password: "wrong" });
    await logIn(client, { ...SHIN, authcid: "nobody@baz.co.jp" });
    await logIn(client, { ...SHIN, mechanism: "SCRAM-SHA-256" });
  }
  {
    using client = await WireClient.connect(program.port("msas"));
    await client.write(new TextEncoder().encode("EHLO this is no TLS\r\n"));
    await program.events(1, ({ kind }) => kind === "tls-failed");
  }
  await program.events(2, ({ kind }) => kind === "delivery");
}
