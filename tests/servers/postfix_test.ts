import assert from "node:assert/strict";
import { makeCertificate } from "./certificate.ts";
import { makeFolder, requirePrograms } from "./lib.ts";
import { POSTFIX_PROGRAMS, startPostfix } from "./postfix.ts";
import { swaks, SWAKS_PROGRAMS } from "./swaks.ts";

const test = requirePrograms([...POSTFIX_PROGRAMS, ...SWAKS_PROGRAMS, "openssl"]);
const user = { user: "relay", realm: "example.net", password: "pass word, 合言葉" };
const mail = { from: "shin@baz.co.jp", to: "someone@example.org" };

test("startPostfix delivers what an authenticated client sends, over STARTTLS and implicit TLS", async () => {
  await using folder = await makeFolder();
  const certificate = await makeCertificate(folder.path);
  await using postfix = await startPostfix({
    services: [
      { name: "submission", mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"], tls: "starttls" },
      { name: "smtps", mechanisms: ["PLAIN"], tls: "implicit" },
    ],
    users: [user],
    certificate,
  });
  const login = (mechanism: string) => ({ mechanism, user: "relay@example.net", password: user.password });
  for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"]) {
    const message = `Subject: by ${mechanism}\n\nhello\n`;
    const sent = await swaks({
      ...{ port: postfix.port("submission"), tls: "starttls", auth: login(mechanism), message },
      ...mail,
    });
    assert.equal(sent.code, 0, sent.output);
  }
  const message = "Subject: by smtps\n\nhello\n";
  const sent = await swaks({
    ...{ port: postfix.port("smtps"), tls: "implicit", auth: login("PLAIN"), message },
    ...mail,
  });
  assert.equal(sent.code, 0, sent.output);
  const subjects = (await postfix.mails(5)).map((octets) =>
    /^Subject: (.*)$/m.exec(new TextDecoder().decode(octets))?.[1]
  );
  assert.deepEqual(subjects.sort(), ["by CRAM-MD5", "by DIGEST-MD5", "by LOGIN", "by PLAIN", "by smtps"]);
});

test("startPostfix refuses a wrong password and a client without one, holds mail, and serves anyone where asked", async () => {
  await using postfix = await startPostfix({
    services: [
      { name: "hold", mechanisms: ["CRAM-MD5"], tls: "none", hold: true },
      { name: "open", mechanisms: [], tls: "none", hold: true },
    ],
    users: [user],
  });
  const hold = { port: postfix.port("hold"), tls: "none", ...mail } as const;
  const wrong = await swaks({ ...hold, auth: { mechanism: "CRAM-MD5", user: "relay", password: "wrong" } });
  assert.equal(wrong.code, 28, wrong.output);
  const nobody = await swaks(hold);
  assert.equal(nobody.code, 24, nobody.output);
  assert.equal((await postfix.heldMails()).length, 0);
  const right = await swaks({ ...hold, auth: { mechanism: "CRAM-MD5", user: "relay", password: user.password } });
  assert.equal(right.code, 0, right.output);
  const anyone = await swaks({ ...hold, port: postfix.port("open") });
  assert.equal(anyone.code, 0, anyone.output);
  assert.equal((await postfix.heldMails()).length, 2);
});
