import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { programCommand } from "../lib/ordinary_user.ts";
import { makeFolder, requirePrograms, run } from "../servers/lib.ts";

const WRAPPERS = fileURLToPath(new URL("../../deploy/bin", import.meta.url));
const TMPFILES = fileURLToPath(new URL("../../deploy/dokodemo.tmpfiles.conf", import.meta.url));

Deno.test("the wrappers call the program's commands with all their arguments", async () => {
  await using folder = await makeFolder();
  const drop = join(folder.path, "data/maildrop");
  await Deno.mkdir(drop, { recursive: true });
  const config = join(folder.path, "dokodemo.toml");
  await Deno.writeTextFile(config, 'hostname = "mail.foobar.co.jp"\ndata_dir = "data"\n');
  const program = join(folder.path, "dokodemo");
  const words = programCommand().map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(program, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  const env = { PATH: `${folder.path}:${Deno.env.get("PATH") ?? ""}`, DOKODEMO_CONFIG: config };
  const call = (name: string, args: readonly string[], input = "") => run(join(WRAPPERS, name), { args, env, input });
  const sent = await call("sendmail", ["-i", "-F", "Two  Words", "a@example.net"], "Subject: x\n\n.\n");
  assert.deepEqual(sent, { code: 0, output: "" });
  const [left] = await Array.fromAsync(Deno.readDir(drop));
  const text = await Deno.readTextFile(join(drop, left?.name ?? ""));
  assert.match(text, /"fullName":"Two {2}Words"/);
  assert.match(text, /\nSubject: x\n\n\.\n$/);
  assert.equal((await call("sendmail", ["-bd"])).code, 64);
  assert.deepEqual(await call("mailq", []), await run(program, { args: ["queue", "list"], env }));
  assert.deepEqual(await call("newaliases", []), await run(program, { args: ["check"], env }));
});

requirePrograms(["systemd-tmpfiles"])("systemd-tmpfiles makes the maildrop with its mode", async () => {
  await using folder = await makeFolder();
  const conf = join(folder.path, "dokodemo.conf");
  const owner = (await run("id", { args: ["-un"] })).output.trim();
  const text = (await Deno.readTextFile(TMPFILES)).replaceAll("/var/lib/dokodemo", `${folder.path}/data`)
    .replaceAll("dokodemo dokodemo -", `${owner} - -`);
  await Deno.writeTextFile(conf, text);
  const { code, output } = await run("systemd-tmpfiles", { args: ["--create", conf] });
  assert.equal(code, 0, output);
  assert.equal((await Deno.stat(join(folder.path, "data/maildrop"))).mode! & 0o7777, 0o3733);
});
