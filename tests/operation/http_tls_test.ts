import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "node:tls";
import { makeCertificate } from "../../src/cli/demo_certificate.ts";
import { SITE } from "../lib/people.ts";
import { makeSite, startProgram } from "../lib/program.ts";
import { freePort, makeFolder } from "../servers/lib.ts";

/** Asks over TLS, trusting this authority; the whole answer. */
async function ask(port: number, { ca, path }: { readonly ca: string; readonly path: string }): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, servername: SITE.hostname, ca });
  const end = Promise.withResolvers<string>();
  let answer = "";
  socket.setEncoding("utf8");
  socket.on("secureConnect", () => socket.write(`GET ${path} HTTP/1.0\r\nHost: ${SITE.hostname}:${port}\r\n\r\n`));
  socket.on("data", (text) => answer += text);
  socket.on("end", () => end.resolve(answer));
  socket.on("error", end.reject);
  return await end.promise.finally(() => socket.destroy());
}

Deno.test("[http] with tls shows the certificate of [tls], a new one after a reload, and asks browsers to stay with HTTPS", async () => {
  await using folder = await makeFolder();
  const port = freePort();
  const more = `[http]\naddress = "127.0.0.1:${port}"\ntls = true\n`;
  const site = await makeSite(folder.path, { people: [], more });
  await using program = await startProgram(site);
  const page = await ask(port, { ca: site.authority, path: "/sign-in" });
  assert.match(page, /^HTTP\/1\.[01] 200 /);
  assert.match(page, /strict-transport-security: max-age=31536000/i);

  const fresh = await makeCertificate([SITE.hostname, "localhost", "127.0.0.1"], Date.now());
  await Deno.writeTextFile(join(site.folder, "certificate.pem"), fresh.certificate);
  await Deno.writeTextFile(join(site.folder, "key.pem"), fresh.key);
  program.process.signal("SIGHUP");
  await program.events(1, ({ kind }) => kind === "reloaded");
  assert.match(await ask(port, { ca: fresh.authority, path: "/health/live" }), /^HTTP\/1\.[01] 200 /);
  await assert.rejects(ask(port, { ca: site.authority, path: "/health/live" }));

  const text = await Deno.readTextFile(site.config);
  await Deno.writeTextFile(site.config, text.replace("tls = true\n", "tls = false\n"));
  program.process.signal("SIGHUP");
  const [refused] = await program.events(1, ({ kind }) => kind === "reload-refused");
  assert.match(String(refused?.["mistakes"]), /http\.tls: a change of it needs a restart/);
  assert.match(await ask(port, { ca: fresh.authority, path: "/health/live" }), /^HTTP\/1\.[01] 200 /);
});
