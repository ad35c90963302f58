import assert from "node:assert/strict";
import { sharedMaildirs } from "../../src/cli/shared_maildirs.ts";
import { makeSite } from "./lib.ts";

Deno.test("accounts of one name in two realms share a folder unless the template tells them apart", () => {
  const accounts = ["shin@baz.co.jp", "aki@baz.co.jp", "shin@foobar.co.jp", "Shin@baz.co.jp"];
  assert.deepEqual(sharedMaildirs("/mail/{user}/Maildir", accounts), [
    "delivery.local.maildir: shin@baz.co.jp, shin@foobar.co.jp share /mail/shin/Maildir; put {realm} or {account} into it",
  ]);
  assert.deepEqual(sharedMaildirs("/mail/{realm}/{user}", accounts), []);
  assert.deepEqual(sharedMaildirs("/mail/{account}", accounts), []);
  const many = ["a.example", "b.example", "c.example", "d.example", "e.example"].map((realm) => `shin@${realm}`);
  assert.match(sharedMaildirs("/mail/{user}", many)[0] ?? "", / shin@c\.example and 2 more share \/mail\/shin;/);
});

Deno.test("check warns of accounts that share a Maildir", async () => {
  await using site = await makeSite(`hostname = "mail.foobar.co.jp"
local_domains = ["foobar.co.jp"]
postmaster = "shin"
data_dir = "data"
[delivery.local]
maildir = "mail/{user}"
`);
  for (const account of ["shin@foobar.co.jp", "shin@baz.co.jp"]) {
    const { code } = await site.run(["user", "add", account, "--password-stdin"], "secret\n");
    assert.equal(code, 0);
  }
  const { code, stdout } = await site.run(["check"]);
  assert.equal(code, 0);
  assert.match(stdout, /^warning: delivery\.local\.maildir: shin@baz\.co\.jp, shin@foobar\.co\.jp share /m);
});
