import assert from "node:assert/strict";
import { join } from "node:path";
import { makeSite, SMALL_CONFIG } from "./lib.ts";

Deno.test("rewrite test says what becomes of an address at each place, and by what", async () => {
  await using site = await makeSite(
    `${SMALL_CONFIG}[masquerade]\nas = "example.co.jp"\nalways_add_domain = true\ngenerics_file = "genericstable"\n`,
  );
  await Deno.writeTextFile(join(site.folder, "genericstable"), "# people\ntaro yamada.taro\n");
  const ask = async (address: string) => {
    const { code, stdout, stderr } = await site.run(["rewrite", "test", address, "--json"]);
    assert.deepEqual([code, stderr], [0, ""]);
    const places: readonly { readonly place: string; readonly address: string; readonly by: readonly string[] }[] = JSON
      .parse(stdout);
    return places.map(({ place, address, by }) => `${place} ${address} ${by.join("; ")}`);
  };
  const home = (await ask("x"))[3]?.split(" ")[1]?.slice(2);
  const file = join(site.folder, "genericstable");
  assert.deepEqual(await ask("taro"), [
    `header-sender yamada.taro@example.co.jp masquerade.generics_file: ${file}, line 2; masquerade.as: it has no domain`,
    `header-recipient taro@${home} masquerade.always_add_domain`,
    `reverse-path taro@${home} masquerade.always_add_domain`,
    `forward-path taro@${home} masquerade.always_add_domain`,
  ]);
  const { stdout } = await site.run(["rewrite", "test", "root@localhost"]);
  assert.match(stdout, /^From and its like +root@mail\.foobar\.co\.jp +masquerade\.exposed_users: root$/m);
  assert.match(stdout, /^forward-path +root@\S+ +masquerade\.always_add_domain$/m);
  const bad = await site.run(["rewrite", "test", "a b"]);
  assert.deepEqual([bad.code, bad.stderr], [64, "dokodemo: a b is no mail address\n"]);
});
