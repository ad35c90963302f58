import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { BACKENDS } from "../../backends/registry.ts";
import { makeCertificate } from "../../src/cli/demo_certificate.ts";
import type { BackendModule } from "../../src/backend_module.ts";
import { readDataDir } from "../../src/config/data_dir.ts";
import { loadConfig } from "../../src/config/load.ts";

const DAY_MS = 86_400_000;
const AUTH_INFO = "\nadmin\nSecretPassword\nfoobar.co.jp\n";

/** A folder of files: their texts, and modes other than 600. */
async function withFiles(
  files: Readonly<Record<string, string | readonly [string, number]>>,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-config-" });
  try {
    for (const [name, file] of Object.entries(files)) {
      const [text, mode] = typeof file === "string" ? [file, 0o600] : file;
      await Deno.writeTextFile(join(folder, name), text);
      await Deno.chmod(join(folder, name), mode);
    }
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const load = (folder: string) => loadConfig(join(folder, "d.toml"), BACKENDS);

const HOST = 'hostname = "mail.foobar.co.jp"\n';
const TLS = `${HOST}[tls]\ncertificate_file = "cert.pem"\nkey_file = "key.pem"\n`;

async function mistakesIn(
  files: Readonly<Record<string, string | readonly [string, number]>>,
): Promise<readonly string[]> {
  let mistakes: readonly string[] = [];
  await withFiles(files, async (folder) => {
    const loaded = await load(folder);
    mistakes = loaded.ok ? [] : loaded.mistakes.map((mistake) => mistake.replaceAll(`${folder}/`, ""));
  });
  return mistakes;
}

Deno.test("a right configuration with all its files", async () => {
  const { certificate, key, authority } = await makeCertificate(["mail.foobar.co.jp"], Date.now());
  await withFiles({
    "cert.pem": certificate,
    "key.pem": [key, 0o640],
    "ca.pem": authority,
    "auth-info": AUTH_INFO,
    "local-host-names": "# ours\nFoobar.co.jp\n\nbaz.co.jp # of the people\n",
    "d.toml": `hostname = "mail.foobar.co.jp"
local_domains_file = "local-host-names"
postmaster = "shin"
data_dir = "data"
[tls]
certificate_file = "cert.pem"
key_file = "key.pem"
[delivery.local]
maildir = "mail/{user}"
[delivery.smarthost]
address = "smtp.example.net:587"
ca_file = "ca.pem"
auth_info_file = "auth-info"
`,
  }, async (folder) => {
    const loaded = await load(folder);
    assert.ok(loaded.ok, loaded.ok ? "" : loaded.mistakes.join("\n"));
    assert.deepEqual(loaded.warnings, []);
    const { config } = loaded;
    assert.deepEqual(config.localDomains, ["foobar.co.jp", "baz.co.jp"]);
    assert.equal(config.defaultRealm, "foobar.co.jp");
    assert.equal(config.postmaster, "shin@foobar.co.jp");
    assert.equal(config.dataDir, join(folder, "data"));
    assert.deepEqual(config.delivery.local?.to, { kind: "maildir", maildir: join(folder, "mail/{user}") });
    assert.equal(config.delivery.smarthost?.caFile, join(folder, "ca.pem"));
    const auth = { authzid: "", authcid: "admin", password: "SecretPassword", realm: "foobar.co.jp" };
    assert.deepEqual(config.delivery.smarthost?.auth, auth);
  });
});

Deno.test("every file that is missing or wrong is a mistake, all in one run", async () => {
  const { certificate } = await makeCertificate(["mail.foobar.co.jp"], Date.now());
  const { key: another } = await makeCertificate(["mail.foobar.co.jp"], Date.now());
  assert.deepEqual(
    await mistakesIn({
      "cert.pem": certificate,
      "key.pem": [another, 0o644],
      "ca.pem": "no certificate",
      "auth-info": [AUTH_INFO, 0o640],
      "d.toml": `${HOST}local_domains_file = "nowhere"
[tls]
certificate_file = "cert.pem"
key_file = "key.pem"
[delivery.smarthost]
address = "smtp.example.net:587"
ca_file = "ca.pem"
auth_info_file = "auth-info"
`,
    }),
    [
      "tls.key_file: everybody can read key.pem: run chmod o= on it",
      "tls.key_file: the key is not that of cert.pem",
      "delivery.smarthost.ca_file: Cannot read ca.pem: it holds no certificate in PEM form",
      "local_domains_file: Cannot read nowhere: there is no such file",
      "delivery.smarthost.auth_info_file: Cannot use auth-info: mode 640 lets others read or write it; chmod 600 auth-info",
    ],
  );
});

Deno.test("a key that is none, and a folder in the place of a file", async () => {
  assert.deepEqual(
    await mistakesIn({
      "key.pem": "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n",
      "d.toml": TLS.replace("cert.pem", "/"),
    }),
    [
      "tls.certificate_file: Cannot read /: it is a folder",
      "tls.key_file: Cannot read key.pem: it holds no private key in PEM form",
    ],
  );
});

Deno.test("a file in another encoding, and a data_dir that is a file", async () => {
  await withFiles({ "d.toml": "" }, async (folder) => {
    await Deno.writeFile(join(folder, "d.toml"), new Uint8Array([0x23, 0xe9, 0x0a]));
    const loaded = await load(folder);
    assert.deepEqual(loaded, { ok: false, mistakes: [`Cannot read ${folder}/d.toml: it is not UTF-8`] });
  });
  assert.deepEqual(await mistakesIn({ "d.toml": `${HOST}data_dir = "d.toml"\n` }), ["data_dir: d.toml is no folder"]);
});

Deno.test("a line that is no domain is told by its number", async () => {
  const mistakes = await mistakesIn({
    "names": "a.jp\nb jp\n",
    "d.toml": `${HOST}local_domains_file = "names"\npostmaster = "x"\n[delivery.local]\nmaildir = "{user}"\n`,
  });
  assert.deepEqual(mistakes, ["local_domains_file: names, line 2: expected a domain name"]);
});

Deno.test("a certificate that expired, is not valid yet or is for another host is a warning: the server goes on", async () => {
  const warnings = async (name: string, made: number) => {
    const { certificate, key } = await makeCertificate([name], made);
    let found: readonly string[] = [];
    await withFiles({ "cert.pem": certificate, "key.pem": key, "d.toml": TLS }, async (folder) => {
      const loaded = await load(folder);
      found = loaded.ok ? loaded.warnings.filter((warning) => warning.startsWith("tls")) : [];
    });
    return found;
  };
  assert.deepEqual(await warnings("mail.foobar.co.jp", Date.now()), []);
  assert.match(
    (await warnings("mail.foobar.co.jp", Date.now() - 60 * DAY_MS)).join(),
    /^tls\.certificate_file: the certificate expired on /,
  );
  assert.match((await warnings("mail.foobar.co.jp", Date.now() + 60 * DAY_MS)).join(), /is not valid before /);
  assert.match(
    (await warnings("www.foobar.co.jp", Date.now())).join(),
    /is not for mail\.foobar\.co\.jp, so clients will refuse it$/,
  );
});

Deno.test("a secret in a file that everybody can read is a warning", async () => {
  const staff: BackendModule = {
    type: "staff",
    schema: z.looseObject({ bindPassword: z.string() }),
    deadlineMs: 1000,
    open: () => Promise.reject(new Error("not opened in these tests")),
  };
  const modules = new Map([...BACKENDS, ["staff", staff]]);
  const text = `${HOST}[backend.staff]\nbind_password = "x"\nbind_password_file = "/x"\n`;
  for (const [mode, expected] of [[0o644, ["backend.staff.bind_password"]], [0o640, []]] as const) {
    await withFiles({ "d.toml": [text, mode] }, async (folder) => {
      const loaded = await loadConfig(join(folder, "d.toml"), modules);
      assert.ok(loaded.ok, loaded.ok ? "" : loaded.mistakes.join("\n"));
      const warned = loaded.warnings.filter((warning) =>
        warning.endsWith("everybody can read this file, and a secret is in it")
      );
      assert.deepEqual(warned.map((warning) => warning.slice(0, warning.indexOf(":"))), expected);
    });
  }
});

Deno.test("a configuration that is not there is a mistake", async () => {
  const loaded = await loadConfig("/nonexistent/d.toml", BACKENDS);
  assert.deepEqual(loaded, { ok: false, mistakes: ["Cannot read /nonexistent/d.toml: there is no such file"] });
});

Deno.test("data_dir is found in a file with mistakes, and not in one that cannot be read", async () => {
  await withFiles(
    { "a": 'data_dir = "x"\nhostname = 1\n', "b": "", "c": "= =", "d": "data_dir = 1" },
    async (folder) => {
      assert.equal(await readDataDir(join(folder, "a")), join(folder, "x"));
      assert.equal(await readDataDir(join(folder, "b")), "/var/lib/dokodemo");
      for (const name of ["c", "d", "missing"]) assert.equal(await readDataDir(join(folder, name)), null);
    },
  );
});
