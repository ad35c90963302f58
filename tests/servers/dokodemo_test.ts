import assert from "node:assert/strict";
import { join } from "node:path";
import { mailsIn } from "../lib/maildir.ts";
import { makeSite, personOf, type RunningProgram, runProgram, type Site, startProgram } from "../lib/program.ts";
import { curl, CURL_PROGRAMS } from "./curl.ts";
import { makeFolder, requirePrograms } from "./lib.ts";
import { msmtp, MSMTP_PROGRAMS } from "./msmtp.ts";
import { sendmail, SENDMAIL_PROGRAMS } from "./sendmail.ts";
import { swaks, SWAKS_PROGRAMS } from "./swaks.ts";

const USER = "shin@baz.co.jp";
const PASSWORD = 'どこでも "correct" horse\\,=';
const MAIL = { from: USER, to: "shin@foobar.co.jp" };

/** Runs one client against a server of its own, then compares subjects of what is in the Maildir. */
async function subjectsAfter(
  password: string,
  send: (server: RunningProgram, site: Site) => Promise<readonly string[]>,
): Promise<void> {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [personOf(USER, password)] });
  await using server = await startProgram(site);
  const sent = await send(server, site);
  await server.events(sent.length, ({ kind, outcome }) => kind === "delivery" && outcome === "delivered");
  const mails = (await mailsIn(join(site.mail, "shin"))).map((octets) => new TextDecoder().decode(octets));
  const subjects = mails.map((mail) => /^Subject: (.*?)\r?$/m.exec(mail)?.[1]);
  assert.deepEqual(subjects.sort(), [...sent].sort());
  assert.equal((await server.process.stop()).code, 0);
}

requirePrograms(SWAKS_PROGRAMS)(
  "swaks sends by each of its mechanisms, over STARTTLS and on the port of implicit TLS",
  async () => {
    await subjectsAfter(PASSWORD, async (server) => {
      const sent: string[] = [];
      for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"]) {
        for (const [tls, name] of [["starttls", "msa"], ["implicit", "msas"], ["starttls", "mta"]] as const) {
          const subject = `swaks ${mechanism} ${name}`;
          const message = `Subject: ${subject}\n\nhello\n.dot\n`;
          const auth = { mechanism, user: USER, password: PASSWORD };
          const result = await swaks({ port: server.port(name), tls, auth, message, ...MAIL });
          assert.equal(result.code, 0, result.output);
          sent.push(subject);
        }
      }
      return sent;
    });
  },
);

requirePrograms(SWAKS_PROGRAMS)(
  "swaks is refused with the codes of the RFCs: wrong password, no login on msa, relaying without one on mta",
  async () => {
    await using folder = await makeFolder();
    const site = await makeSite(folder.path, { people: [personOf(USER, PASSWORD)] });
    await using server = await startProgram(site);
    const user = (verb: string) => runProgram(["user", verb, USER, "--config", site.config]);
    const at = (name: string) => ({ port: server.port(name), tls: "starttls", ...MAIL } as const);
    for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"]) {
      const wrong = await swaks({ ...at("msa"), auth: { mechanism, user: USER, password: "wrong" } });
      assert.equal(wrong.code, 28);
      assert.match(wrong.output, /535 5\.7\.8 /);
    }
    assert.match((await swaks(at("msa"))).output, /530 5\.7\.0 /);
    assert.match((await swaks({ ...at("mta"), to: "friend@example.net" })).output, /550 5\.7\.1 /);
    assert.match((await swaks({ ...at("mta"), to: "nobody@foobar.co.jp" })).output, /550 5\.1\.1 /);
    const login = { auth: { mechanism: "PLAIN", user: USER, password: PASSWORD }, ...at("msa") };
    assert.equal((await user("disable")).code, 0);
    assert.match((await swaks(login)).output, /535 5\.7\.8 /);
    assert.equal((await user("enable")).code, 0);
    assert.equal((await swaks(login)).code, 0);
  },
);

requirePrograms(CURL_PROGRAMS)(
  "curl sends by each of its mechanisms, our certificate checked",
  async () => {
    await subjectsAfter(PASSWORD, async (server, site) => {
      const sent: string[] = [];
      for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"]) {
        for (const [tls, name] of [["starttls", "msa"], ["implicit", "msas"]] as const) {
          const subject = `curl ${mechanism} ${name}`;
          const result = await curl({
            ...{ port: server.port(name), tls, caFile: site.certificate.caFile, ...MAIL },
            auth: { mechanism, user: USER, password: PASSWORD },
            message: `From: ${USER}\nSubject: ${subject}\n\nhello\n`,
          });
          assert.equal(result.code, 0, result.output);
          sent.push(subject);
        }
      }
      return sent;
    });
  },
);

requirePrograms(MSMTP_PROGRAMS)(
  "msmtp sends by each of its mechanisms, our certificate checked",
  async () => {
    const password = "どこでも correct horse";
    await subjectsAfter(password, async (server, site) => {
      const sent: string[] = [];
      for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]) {
        for (const [tls, name] of [["starttls", "msa"], ["implicit", "msas"]] as const) {
          const subject = `msmtp ${mechanism} ${name}`;
          const result = await msmtp({
            ...{ port: server.port(name), tls, caFile: site.certificate.caFile, ...MAIL },
            auth: { mechanism, user: USER, password },
            message: `From: ${USER}\nSubject: ${subject}\n\nhello\n`,
          });
          assert.equal(result.code, 0, result.output);
          sent.push(subject);
        }
      }
      return sent;
    });
  },
);

requirePrograms(SENDMAIL_PROGRAMS)(
  "sendmail uses us as its smarthost by each of its mechanisms",
  async () => {
    const password = "correct horse";
    await subjectsAfter(password, async (server, site) => {
      const sent: string[] = [];
      for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]) {
        for (const name of ["msa", "mta"]) {
          const subject = `sendmail ${mechanism} ${name}`;
          const result = await sendmail({
            ...{ port: server.port(name), certificate: site.certificate, ...MAIL },
            auth: { mechanism, authcid: "shin", authzid: USER, password, realm: "baz.co.jp" },
            message: `From: ${USER}\nSubject: ${subject}\n\nhello\n`,
          });
          assert.equal(result.sent, true, result.output);
          sent.push(subject);
        }
      }
      return sent;
    });
  },
);
