import assert from "node:assert/strict";
import { makeCertificate } from "./certificate.ts";
import { curl, CURL_PROGRAMS } from "./curl.ts";
import { makeFolder, requirePrograms } from "./lib.ts";
import { msmtp, MSMTP_PROGRAMS } from "./msmtp.ts";
import { POSTFIX_PROGRAMS, startPostfix } from "./postfix.ts";
import { sendmail, SENDMAIL_PROGRAMS } from "./sendmail.ts";

const MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"];
const test = requirePrograms([
  ...[...POSTFIX_PROGRAMS, ...SENDMAIL_PROGRAMS, ...CURL_PROGRAMS, ...MSMTP_PROGRAMS],
  "openssl",
]);

test("sendmail, curl and msmtp log in to a Postfix and send, and say so when the password is wrong", async () => {
  await using folder = await makeFolder();
  const certificate = await makeCertificate(folder.path);
  await using postfix = await startPostfix({
    services: [{ name: "submission", mechanisms: MECHANISMS, tls: "starttls" }],
    users: [{ user: "relay", realm: "example.net", password: "pass word" }],
    certificate,
  });
  const mail = (by: string) => ({
    port: postfix.port("submission"),
    from: "shin@baz.co.jp",
    to: "someone@example.org",
    message: `From: shin@baz.co.jp\nTo: someone@example.org\nSubject: ${by}\n\nhello\n`,
  });
  const expected: string[] = [];
  for (const mechanism of MECHANISMS) {
    const by = `sendmail ${mechanism}`;
    const auth = { mechanism, authcid: "relay", password: "pass word", realm: "example.net" };
    const result = await sendmail({ ...mail(by), auth, certificate });
    assert.equal(result.sent, true, result.output);
    expected.push(by);
  }
  const login = { user: "relay@example.net", password: "pass word" };
  const tls = { tls: "starttls", caFile: certificate.caFile } as const;
  for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"]) {
    const by = `curl ${mechanism}`;
    const result = await curl({ ...mail(by), ...tls, auth: { mechanism, ...login } });
    assert.equal(result.code, 0, result.output);
    expected.push(by);
  }
  for (const mechanism of MECHANISMS) {
    const by = `msmtp ${mechanism}`;
    const result = await msmtp({ ...mail(by), ...tls, auth: { mechanism, ...login } });
    assert.equal(result.code, 0, result.output);
    expected.push(by);
  }
  const mails = await postfix.mails(expected.length);
  const subjects = mails.map((octets) => /^Subject: (.*)$/m.exec(new TextDecoder().decode(octets))?.[1]);
  assert.deepEqual(subjects.sort(), expected.sort());

  const wrong = { mechanism: "PLAIN", user: "relay@example.net", password: "wrong" };
  assert.equal((await curl({ ...mail("curl"), ...tls, auth: wrong })).code, 67);
  assert.equal((await msmtp({ ...mail("msmtp"), ...tls, auth: wrong })).code, 77);
  const auth = { mechanism: "PLAIN", authcid: "relay", password: "wrong", realm: "example.net" };
  assert.equal((await sendmail({ ...mail("sendmail"), auth, certificate })).sent, false);
});
