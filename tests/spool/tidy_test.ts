import assert from "node:assert/strict";
import { envelopeTo, openTestSpool, tempDir } from "./fixture.ts";

const MAIL_OCTETS = 200_000;
const MAILS = 150;

Deno.test("an idle spool gives the room of mails that have gone back to the file system", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const ids: string[] = [];
  for (let count = 0; count < MAILS; count++) {
    await using draft = await test.spool.draft(envelopeTo("a@example.net"), null, { held: false, source: null });
    await draft.write(new Uint8Array(MAIL_OCTETS).fill(97));
    const committed = await draft.commit();
    assert.ok(committed.ok);
    ids.push(committed.value);
  }
  for (const id of ids) assert.ok(await test.spool.remove(id));
  const size = async () => (await Deno.stat(`${dir.path}/spool.sqlite`)).size;
  // The file is cut by a checkpoint, the room is given back by steps of some thousand pages: each idle time brings it nearer.
  while (await size() > MAILS * MAIL_OCTETS / 2) await new Promise((resolve) => setTimeout(resolve, 200));
});
