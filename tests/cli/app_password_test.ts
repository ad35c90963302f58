import { deepEqual, equal, match, ok } from "node:assert/strict";
import { makeSite } from "./lib.ts";

const NAME = "shin@baz.co.jp";

Deno.test("user app-password add prints the password alone on standard output, and all leaves the audit log", async () => {
  await using site = await makeSite();
  await site.run(["user", "add", NAME, "--password-stdin"], "secret");
  const user = (...args: readonly string[]) => site.run(["user", "app-password", ...args]);
  const added = await user("add", "shin", "--label", "my phone", "--mech", "plain", "--expires", "90d");
  equal(added.code, 0, added.stderr);
  match(added.stdout, /^[a-z2-9]{4}(-[a-z2-9]{4}){4}\n$/);
  equal(added.stderr, `dokodemo: This is the app password "my phone" of ${NAME}: it is not shown again\n`);

  const listed = await user("list", NAME, "--json");
  const [phone, ...more] = JSON.parse(listed.stdout);
  equal(more.length, 0);
  const { id, created, expires, ...rest } = phone;
  deepEqual(rest, { label: "my phone", networks: [], mechanisms: ["PLAIN"], lastUsed: null });
  equal(Math.round((Date.parse(expires) - Date.parse(created)) / 86_400_000), 90);
  ok(!listed.stdout.includes(added.stdout.trim()));
  const table = await user("list", NAME);
  match(table.stdout, /^ID +LABEL +NETWORKS +MECHANISMS +EXPIRES +LAST USED\n/);
  match(table.stdout, new RegExp(`\n${id}  my phone  all +PLAIN +${expires.slice(0, 10)}  never\n$`));

  const shown = JSON.parse((await site.run(["user", "show", NAME, "--json"])).stdout);
  deepEqual(shown[0].credentials.map((each: { readonly kind: string }) => each.kind), ["password", "app-password"]);
  const revoked = await user("revoke", NAME, "my phone");
  equal(revoked.stdout, `The app password "my phone" of ${NAME} is revoked\n`);
  const again = await user("revoke", NAME, id);
  equal(again.code, 65);
  equal(again.stderr, `dokodemo: ${NAME} has no app password "${id}" (user app-password list shows them)\n`);
  deepEqual(await user("list", NAME, "--json"), { code: 0, stdout: "[]\n", stderr: "" });

  const audit = JSON.parse((await site.run(["audit", "list", "--json"])).stdout);
  const acts = audit.map(({ what, target, detail }: Readonly<Record<string, string>>) => `${what} ${target} ${detail}`);
  ok(acts.includes(`app-password.add ${NAME} my phone (${id})`), acts.join("\n"));
  ok(acts.includes(`app-password.revoke ${NAME} my phone (${id})`), acts.join("\n"));
});
