import assert from "node:assert/strict";
import { makeSite } from "./lib.ts";

Deno.test("user addresses: what an account may send as beside its name", async () => {
  await using site = await makeSite();
  for (const name of ["shin", "yuki"]) {
    assert.equal((await site.run(["user", "add", name, "--password-stdin"], "correct-horse\n")).code, 0);
  }
  const addresses = (...args: readonly string[]) => site.run(["user", "addresses", ...args]);
  const sendsAs = async () => JSON.parse((await site.run(["user", "show", "shin", "--json"])).stdout)[0].addresses;

  const set = await addresses("shin", "info@foobar.co.jp", "@example.jp");
  assert.deepEqual([set.code, set.stdout], [0, "shin@baz.co.jp has new addresses\n"], set.stderr);
  assert.deepEqual((await sendsAs()).toSorted(), ["@example.jp", "info@foobar.co.jp"]);

  const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["shin"], 64, /Expected the addresses .*, or --none/],
    [["shin", "x@y.jp", "--none"], 64, /or --none/],
    [["shin", "nonsense"], 64, /"nonsense" is no address/],
    [["yuki", "info@foobar.co.jp"], 73, /"info@foobar\.co\.jp" is the name or an address of another account/],
    [["hana", "x@y.jp"], 65, /There is no account hana@baz\.co\.jp/],
  ];
  for (const [args, code, says] of wrong) {
    const ended = await addresses(...args);
    assert.deepEqual([ended.code, ended.stdout], [code, ""], args.join(" "));
    assert.match(ended.stderr, says);
  }

  assert.equal((await addresses("shin", "--none")).code, 0);
  assert.deepEqual(await sendsAs(), []);
  const [audited] = JSON.parse((await site.run(["audit", "list", "--json"])).stdout);
  assert.deepEqual([audited.what, audited.target, audited.detail], ["account.addresses", "shin@baz.co.jp", ""]);
});
