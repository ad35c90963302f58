import assert from "node:assert/strict";
import { join } from "node:path";
import { makeCertificate } from "../../src/cli/demo_certificate.ts";
import { dokodemo, makeSite, SMALL_CONFIG } from "./lib.ts";

const FIVE_MISTAKES = `hostname = 25
local_domans = ["foobar.co.jp"]
[tls]
certificate_file = "missing.pem"
key_file = "missing.pem"
[[listener]]
role = "mua"
[sasl]
mech_list = ["PLAIN", "CRAM-MD6"]
`;

Deno.test("check lists five different mistakes in one run, with their paths", async () => {
  await using site = await makeSite(FIVE_MISTAKES);
  const { code, stdout, stderr } = await site.run(["check"]);
  assert.equal(code, 78);
  assert.equal(stderr, "");
  const missing = join(site.folder, "missing.pem");
  assert.equal(
    stdout,
    `mistake: local_domans: unknown key, did you mean local_domains?
mistake: hostname: expected a domain name such as "foobar.co.jp", found 25
mistake: listener[0].role: expected one of "mta", "msa", found "mua"
mistake: sasl.mech_list[1]: expected a mechanism of SCRAM-SHA-256, SCRAM-SHA-1, DIGEST-MD5, CRAM-MD5, PLAIN, LOGIN, found "CRAM-MD6"
mistake: tls.certificate_file: Cannot read ${missing}: there is no such file
mistake: tls.key_file: Cannot read ${missing}: there is no such file
6 mistakes in ${site.config}
`,
  );
  const json = await site.run(["check", "--json"]);
  assert.equal(json.code, 78);
  const findings = JSON.parse(json.stdout);
  assert.equal(findings.length, 6);
  assert.deepEqual(findings[1], {
    level: "mistake",
    text: 'hostname: expected a domain name such as "foobar.co.jp", found 25',
  });
});

Deno.test("a command on accounts tells all mistakes of the file, looks at no other file, and exits 78", async () => {
  await using site = await makeSite(FIVE_MISTAKES);
  const { code, stderr } = await site.run(["user", "list"]);
  assert.equal(code, 78);
  // The head line and the mistakes, but for the two files that are not there.
  assert.equal(stderr.trimEnd().split("\n").length, 5);
  await assert.rejects(Deno.stat(site.dataDir), Deno.errors.NotFound);
});

Deno.test("check of a right configuration says OK, and makes nothing", async () => {
  await using site = await makeSite(`${SMALL_CONFIG}
[tls]
certificate_file = "cert.pem"
key_file = "key.pem"
[delivery.smarthost]
address = "smtp.example.net:587"
`);
  const { certificate, key } = await makeCertificate(["mail.foobar.co.jp"], Date.now());
  await Deno.writeTextFile(join(site.folder, "cert.pem"), certificate);
  await Deno.writeTextFile(join(site.folder, "key.pem"), key, { mode: 0o600 });
  assert.deepEqual(await site.run(["check"]), { code: 0, stdout: `OK: ${site.config}\n`, stderr: "" });
  assert.deepEqual(await site.run(["check", "--json"]), { code: 0, stdout: "[]\n", stderr: "" });
  await assert.rejects(Deno.stat(site.dataDir), Deno.errors.NotFound);
});

Deno.test("check warns of mechanisms that accounts cannot use", async () => {
  await using site = await makeSite(`${SMALL_CONFIG}
[[listener]]
address = "127.0.0.1:0"
role = "msa"
require_tls = false
mech_list = ["CRAM-MD5", "PLAIN"]
[sasl]
legacy_verifiers = false
cleartext_networks = ["127.0.0.0/8"]
`);
  await site.run(["user", "list"]);
  const { code, stdout } = await site.run(["check"]);
  assert.equal(code, 0);
  assert.match(stdout, /^warning: listener MSA: accounts of sasldb cannot use CRAM-MD5, and clients/m);
  assert.doesNotMatch(stdout, /cannot use PLAIN/);
});

Deno.test("check --config wins over the environment; a missing file is a mistake", async () => {
  await using site = await makeSite();
  const other = join(site.folder, "other.toml");
  const { code, stdout } = await site.run(["check", "--config", other]);
  assert.equal(code, 78);
  assert.equal(stdout, `mistake: Cannot read ${other}: there is no such file\n1 mistake in ${other}\n`);
});

Deno.test("check --schema prints a JSON Schema with the names of the file", async () => {
  const { code, stdout } = await dokodemo(["check", "--schema"]);
  assert.equal(code, 0);
  const schema = JSON.parse(stdout);
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  assert.deepEqual(schema.required, ["hostname"]);
  assert.equal(schema.properties.data_dir.default, "/var/lib/dokodemo");
  assert.deepEqual(schema.properties.listener.items.properties.role.enum, ["mta", "msa"]);
  assert.equal(schema.properties.limits.properties.message_size.default, "50MiB");
  assert.equal(schema.properties.backend.additionalProperties.anyOf[0].properties.file.default, "sasldb");
  assert.doesNotMatch(stdout, /"(?:dataDir|messageSize|certificateFile)"/);
});
