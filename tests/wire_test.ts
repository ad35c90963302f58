import assert from "node:assert/strict";
import { authenticate, isClientMechanism, SITE } from "./lib/people.ts";
import { makeSite, type RunningProgram, type Site, startProgram } from "./lib/program.ts";
import { matches, octetsOf, parseTranscript, type Transcript, type TranscriptLine } from "./lib/transcript.ts";
import { WireClient } from "./lib/wire_client.ts";
import { makeFolder } from "./servers/lib.ts";

const DIRECTORY = new URL("transcripts/", import.meta.url);

Deno.test("the program follows each transcript over loopback", async (t) => {
  await using folder = await makeFolder();
  // Transcripts are about the dialogue: in one of them people send as whoever they like.
  const site = await makeSite(folder.path, { more: '[sender.accounts]\n"shin@baz.co.jp" = "off"' });
  await using program = await startProgram(site);
  const entries = await Array.fromAsync(Deno.readDir(DIRECTORY));
  for (const { name } of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    if (!name.endsWith(".txt")) continue;
    const transcript = parseTranscript(await Deno.readTextFile(new URL(name, DIRECTORY)));
    if (transcript.settings.get("only") === "pure") continue;
    await t.step(name, () => replay(transcript, program, site));
  }
});

async function replay({ settings, lines }: Transcript, program: RunningProgram, site: Site): Promise<void> {
  const listener = settings.get("listener") ?? "msa";
  const port = program.ports.get(listener);
  assert.ok(port !== undefined, listener);
  using client = await WireClient.connect(port);
  if (listener === "msas") await client.startTls(SITE.hostname, site.authority);
  const ahead: string[] = [];
  for (const line of lines) await follow(client, line, { site, ahead });
  assert.equal(await client.line(), null, "server said more than expected at the end");
}

async function follow(
  client: WireClient,
  line: TranscriptLine,
  { site, ahead }: { readonly site: Site; readonly ahead: string[] },
): Promise<void> {
  const where = `line ${line.number}`;
  switch (line.kind) {
    case "client":
    case "raw":
    case "together":
      await client.write(octetsOf(line));
      break;
    case "auth": {
      const [mechanism = "", authcid = "", ...password] = line.text.split(" ");
      assert.ok(isClientMechanism(mechanism), mechanism);
      const person = { authcid, password: password.join(" "), host: SITE.hostname };
      ahead.push(await authenticate(mechanism, person, (command) => client.command(command)));
      break;
    }
    case "server": {
      const got = ahead.shift() ?? await client.line();
      assert.ok(got !== null && matches(line.text, got), `${where}: expected ${line.text}, got ${got}`);
      break;
    }
    case "rest":
      await client.reply();
      break;
    case "tls":
      await client.startTls(SITE.hostname, site.authority);
      break;
    case "closed":
      assert.equal(await client.line(), null, where);
      break;
    case "queued":
      break;
  }
}
