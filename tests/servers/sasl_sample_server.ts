/**
 * Cyrus SASL's own sample server over a sasldb: what it accepts is what Cyrus accepts.
 *
 * @module
 */

import { join } from "node:path";
import { decodeBase64, encodeBase64, utf8 } from "../../src/lib/octets.ts";
import { type ClientMechanismName, startClient } from "../../src/sasl/client.ts";
import { findProgram, makeFolder } from "./lib.ts";

/** The programs that it needs. */
export const SASL_SAMPLE_SERVER = ["sasl-sample-server", "stdbuf"] as const;

/** A login with what the server is to know. */
export interface SampleLogin {
  readonly mechanism: ClientMechanismName;
  readonly local: string;
  readonly realm: string;
  readonly password: string;
}

const HOST = "mail.example.jp";

/** Whether Cyrus accepts a login with these octets as its sasldb. Throws where it says neither yes nor no. */
export async function cyrusAccepts(
  sasldb: Uint8Array,
  { mechanism, local, realm, password }: SampleLogin,
): Promise<boolean> {
  await using folder = await makeFolder();
  const file = join(folder.path, "sasldb2");
  await Deno.writeFile(file, sasldb, { mode: 0o600 });
  const settings = `sasldb_path: ${file}\npwcheck_method: auxprop\nauxprop_plugin: sasldb\n`;
  await Deno.writeTextFile(join(folder.path, "sample.conf"), settings);
  const server = findProgram("sasl-sample-server") ?? "sasl-sample-server";
  // Into a pipe it would write whole blocks only.
  await using child = new Deno.Command("stdbuf", {
    args: ["-o0", server, "-m", mechanism, "-d", HOST, "-u", realm, "-s", "smtp"],
    env: { SASL_CONF_PATH: folder.path },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const client = startClient(mechanism, {
    ...{ authcid: local, authzid: "", password, realm, host: HOST },
    nonce: crypto.getRandomValues(new Uint8Array(18)),
  });
  const writer = child.stdin.getWriter();
  const say = (octets: Uint8Array) => writer.write(utf8(`C: ${encodeBase64(octets)}\n`));
  // The mechanism, and behind a NUL the initial response.
  const begin = [...utf8(mechanism), ...client.initial === null ? [] : [0, ...client.initial]];
  let turn: Pick<typeof client, "respond"> = client;
  let messages = 0;
  try {
    for await (const line of linesOf(child.stdout)) {
      if (line === "Negotiation complete") return true;
      if (!line.startsWith("S: ")) continue;
      if (messages++ === 0) await say(Uint8Array.from(begin));
      else {
        const reaction = turn.respond(decodeBase64(line.slice(3)) ?? new Uint8Array());
        if (reaction.kind === "failed") throw new Error(`the client gave up: ${reaction.why}`);
        turn = reaction.next;
        await say(reaction.octets);
      }
    }
    if (messages === 0) throw new Error("Cannot ask sasl-sample-server: it said nothing");
    return false;
  } finally {
    await writer.abort().catch(() => {});
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const octets of stream) {
    const lines = (rest + decoder.decode(octets, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
