import assert from "node:assert/strict";
import { queueItemText } from "../../src/cli/queue_text.ts";
import { queueItem } from "../../src/http/queue_item.ts";
import { queuedMail } from "../http/lib.ts";

Deno.test("a mail without an account is a notice of this server, or mail for our own domains", () => {
  const mail = queuedMail("a", "waiting");
  const accountLine = (changes: Partial<typeof mail>) =>
    /^Account: +(.*)$/m.exec(queueItemText(queueItem({ ...mail, ...changes }), 0))?.[1];
  assert.equal(accountLine({}), "shin@baz.co.jp");
  assert.equal(accountLine({ account: null }), "- (mail for our own domains)");
  assert.equal(accountLine({ account: null, notice: true }), "- (notice of this server)");
});
