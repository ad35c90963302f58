import assert from "node:assert/strict";
import { makeSite, type Site, SMALL_CONFIG } from "./lib.ts";

const LIMITS = `${SMALL_CONFIG}[limits.account]\nmails_per_hour = 20\n`;

async function ran(site: Site, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await site.run(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

Deno.test("limits with no server: values of an account's own, and what is wrong with others", async () => {
  await using site = await makeSite(LIMITS);
  await Deno.mkdir(site.dataDir, { mode: 0o700 });
  const shown = await ran(site, "limits", "set", "shin", "mails_per_day=2000", "octets_per_day=1GiB");
  assert.match(shown, /^mails_per_hour +0 +20$/m);
  assert.match(shown, /^mails_per_day +0 +2000 \(its own\)$/m);
  assert.match(shown, /^octets_per_day +0 +1073741824 \(its own\)$/m);

  const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["set", "shin", "mails=1"], 64, /There is no limit mails; there are mails_per_hour, /],
    [["set", "shin", "mails_per_day=1GiB"], 64, /mails_per_day=1GiB: expected a number, none/],
    [["set", "shin", "octets_per_day=9999999GiB"], 64, /expected a size such as 1GiB, none/],
    [["show", "@@"], 65, /@@ is no account/],
  ];
  for (const [args, code, says] of wrong) {
    const ended = await site.run(["limits", ...args]);
    assert.deepEqual([ended.code, ended.stdout], [code, ""], args.join(" "));
    assert.match(ended.stderr, says);
  }

  await ran(site, "limits", "set", "shin", "mails_per_day=default", "octets_per_day=none");
  const [{ account, limits }] = JSON.parse(await ran(site, "limits", "show", "shin", "--json"));
  const day = limits.filter(({ name }: { name: string }) => /_per_day$/.test(name));
  assert.equal(account, "shin@baz.co.jp");
  assert.deepEqual(day.map(({ most }: { most: number | null }) => most), [null, null, null, null]);
  assert.deepEqual(day.map(({ own }: { own: boolean }) => own), [false, false, false, true]);
});

Deno.test("hold with no server: put on, listed, asked before mail is discarded, taken off", async () => {
  await using site = await makeSite(LIMITS);
  await Deno.mkdir(site.dataDir, { mode: 0o700 });
  assert.equal(await ran(site, "hold", "list"), "No account is on hold\n");
  const done = await ran(site, "hold", "add", "shin", "--reason", "phone stolen", "--json");
  assert.deepEqual(JSON.parse(done), [{ account: "shin", mails: 0 }]);
  const twice = await site.run(["hold", "add", "shin"]);
  assert.deepEqual([twice.code, twice.stderr], [1, "dokodemo: shin is on hold already\n"]);
  const [held] = JSON.parse(await ran(site, "hold", "list", "--json"));
  assert.deepEqual([held.account, held.rule], ["shin@baz.co.jp", "phone stolen"]);
  assert.match(await ran(site, "limits", "show", "shin"), /^shin@baz\.co\.jp is on hold since .*: phone stolen \(/m);

  const unasked = await site.run(["hold", "discard", "shin"]);
  assert.deepEqual([unasked.code, unasked.stdout], [64, ""], unasked.stderr);
  assert.equal(await ran(site, "hold", "discard", "shin", "--yes"), "0 mails of shin deleted; it is still on hold\n");
  assert.equal(await ran(site, "hold", "release", "shin"), "shin is off hold, 0 mails released\n");
  assert.equal((await site.run(["hold", "release", "shin"])).code, 1);
  assert.equal((await site.run(["hold", "add", "shin", "--reason", "x".repeat(201)])).code, 64);
});
