import assert from "node:assert/strict";
import { runProgram } from "../lib/program.ts";
import { makeCertificate } from "../servers/certificate.ts";
import { makeFolder, requirePrograms } from "../servers/lib.ts";

const EXAMPLE = new URL("../../deploy/dokodemo.toml", import.meta.url);
/** A key that is commented out, such as `#user = "dokodemo"`; sentences have a space behind the sign. */
const SWITCHED_OFF_REGEXP = /^#(?=[\w[])/gm;

requirePrograms(["openssl"])(
  "check finds no mistake in the example configuration, with all of its keys in use too",
  async () => {
    await using folder = await makeFolder();
    const { caFile, certificateFile, keyFile } = await makeCertificate(folder.path, { names: ["mail.foobar.co.jp"] });
    const file = `${folder.path}/dokodemo.toml`;
    await Deno.writeTextFile(`${folder.path}/local-host-names`, "baz.co.jp\n");
    await Deno.writeTextFile(`${folder.path}/default-auth-info`, "a\na\nsecret\nexample.net\n", { mode: 0o600 });
    const example = (await Deno.readTextFile(EXAMPLE))
      .replaceAll("/etc/dokodemo/fullchain.pem", certificateFile)
      .replaceAll("/etc/dokodemo/key.pem", keyFile)
      .replaceAll("/etc/dokodemo/ca.pem", caFile)
      .replaceAll("/etc/mail", folder.path)
      .replaceAll("/var/lib/dokodemo", `${folder.path}/data`)
      // Which is not on every machine.
      .replaceAll('user = "dokodemo"', 'user = "root"');
    for (const text of [example, example.replaceAll(SWITCHED_OFF_REGEXP, "")]) {
      await Deno.writeTextFile(file, text);
      const { code, output } = await runProgram(["check", "--config", file]);
      assert.equal(code, 0, output);
    }
  },
);
