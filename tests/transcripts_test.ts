import assert from "node:assert/strict";
import { authenticate, isClientMechanism, SITE } from "./lib/people.ts";
import { PureSession } from "./lib/pure_session.ts";
import { matches, octetsOf, parseTranscript, type Transcript, type TranscriptLine } from "./lib/transcript.ts";

const DIRECTORY = new URL("transcripts/", import.meta.url);

for (const { name } of Deno.readDirSync(DIRECTORY)) {
  if (!name.endsWith(".txt")) continue;
  Deno.test(`step() follows ${name}`, async () => {
    await replay(parseTranscript(await Deno.readTextFile(new URL(name, DIRECTORY))));
  });
}

async function replay({ settings, lines }: Transcript): Promise<void> {
  const listener = settings.get("listener") ?? "msa";
  assert.ok(listener === "mta" || listener === "msa" || listener === "msas", listener);
  const session = new PureSession({ listener, backendDown: settings.get("backend") === "down" });
  for (const line of lines) await follow(session, line);
  assert.deepEqual(session.output, [], "server said more than expected at the end");
}

async function follow(session: PureSession, line: TranscriptLine): Promise<void> {
  const where = `line ${line.number}`;
  switch (line.kind) {
    case "client":
    case "raw":
    case "together":
      assert.deepEqual(session.output, [], `${where}: server said more than expected`);
      session.push(octetsOf(line));
      break;
    case "auth":
      session.output.push(await exchange(session, line.text));
      break;
    case "server": {
      const got = session.output.shift();
      assert.ok(got !== undefined && matches(line.text, got), `${where}: expected ${line.text}, got ${got}`);
      break;
    }
    case "rest":
      while (/^\d{3}-/.test(session.output[0] ?? "")) session.output.shift();
      session.output.shift();
      break;
    case "tls":
      session.tlsEstablished();
      break;
    case "closed":
      assert.ok(session.closed, `${where}: still open`);
      break;
    case "queued":
      assert.equal(session.queued.shift(), line.text, where);
  }
}

async function exchange(session: PureSession, text: string): Promise<string> {
  const [mechanism = "", authcid = "", ...password] = text.split(" ");
  assert.ok(isClientMechanism(mechanism), mechanism);
  return await authenticate(mechanism, { authcid, password: password.join(" "), host: SITE.hostname }, (line) => {
    session.push(new TextEncoder().encode(`${line}\r\n`));
    return Promise.resolve(session.output.shift() ?? "");
  });
}
