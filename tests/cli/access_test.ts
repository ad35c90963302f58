import assert from "node:assert/strict";
import { join } from "node:path";
import { makeSite, type Site, SMALL_CONFIG } from "./lib.ts";

const HOWTO = `spammer@aol.com REJECT
spammer.com ERROR:"550 We don't accept mail from spammers"
192.168.200 DISCARD
spam@ REJECT
cyberspammer.com REJECT
good.cyberspammer.com OK
mydomain.co.jp RELAY
172.20 RELAY
`;

interface Step {
  readonly step: string;
  readonly result: string;
  readonly decides: string | null;
  readonly line: number | null;
  readonly reply: string;
}

async function siteWith(access: string, more = ""): Promise<Site> {
  const site = await makeSite(`${SMALL_CONFIG}[access]\nfile = "access"\n${more}`);
  await Deno.writeTextFile(join(site.folder, "access"), access);
  return site;
}

/** Of the last step: result, line and reply; before them the exit code. */
async function last(site: Site, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await site.run(["access", "test", ...args, "--json"]);
  assert.equal(stderr, "");
  const steps: readonly Step[] = JSON.parse(stdout);
  const step = steps.at(-1);
  return `${code} ${step?.step} ${step?.result} ${step?.line} ${step?.reply}`;
}

Deno.test("access test names the line that decides, what the client is told, and has exit codes for scripts", async () => {
  await using site = await siteWith(HOWTO);
  assert.equal(await last(site, "192.168.200.7"), "1 client discarded 3 220 mail.foobar.co.jp ESMTP dokodemo");
  assert.equal(await last(site, "192.168.20.7"), "0 client accepted null 220 mail.foobar.co.jp ESMTP dokodemo");
  const refused = "550 5.7.1 We don't accept mail from spammers";
  assert.equal(await last(site, "192.0.2.1", "--from", "a@b.spammer.com"), `1 sender refused 2 ${refused}`);
  assert.equal(
    await last(site, "a@good.cyberspammer.com", "--to", "a@mydomain.co.jp"),
    "0 recipient accepted 7 250 2.1.5 Recipient OK",
  );
  assert.equal(
    await last(site, "192.0.2.1", "--to", "a@else.example"),
    "1 recipient refused null 550 5.7.1 Relaying denied, authenticate first",
  );
  assert.equal(
    await last(site, "192.0.2.1", "--to", "a@else.example", "--login"),
    "0 recipient accepted null 250 2.1.5 Recipient OK",
  );
  assert.equal(
    await last(site, "172.20.1.1", "--to", "a@else.example"),
    "0 recipient accepted 8 250 2.1.5 Recipient OK",
  );
  assert.equal(
    await last(site, "spammer@aol.com"),
    "1 recipient refused 1 550 5.2.1 Mailbox disabled for this recipient",
  );
  const { stdout, code } = await site.run(["access", "test", "spam@b.example"]);
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^sender +spam@b\.example +refused +line 4 of the access map: spam@ REJECT +550 5\.7\.1 Access denied$/m,
  );
});

Deno.test("access test refuses arguments that are no address, and says which combinations there are", async () => {
  await using site = await siteWith(HOWTO);
  for (
    const args of [["nonsense"], ["192.0.2.1", "--from", "nonsense"], [
      "a@b.example",
      "--from",
      "c@d.example",
      "--to",
      "e@f.example",
    ]]
  ) {
    const { code, stderr } = await site.run(["access", "test", ...args]);
    assert.equal(code, 64, args.join(" "));
    assert.match(stderr, /^dokodemo: /);
  }
});

Deno.test("check names bad lines of the map, lines without effect, and every rule that makes an open relay", async () => {
  await using bad = await siteWith("spammer.com REJCT\nok.example OK\n");
  const mistaken = await bad.run(["check"]);
  assert.equal(mistaken.code, 78);
  assert.match(mistaken.stdout, /^mistake: access\.file: \/.*\/access, line 1: expected OK, RELAY/m);
  await using open = await siteWith(
    "# all\n0.0.0.0/0 RELAY\nTLS_Srv:a.example VERIFY\n",
    'relay_networks = ["::/0"]\nrelay_domains = ["com"]\nrelay_domains_file = "relay-domains"\n',
  );
  await Deno.writeTextFile(join(open.folder, "relay-domains"), "partner.example\njp\n");
  const warned = await open.run(["check"]);
  assert.equal(warned.code, 0, warned.stdout);
  assert.match(
    warned.stdout,
    /^warning: access\.file: \/.*\/access, line 2: 0\.0\.0\.0\/0 RELAY: OPEN RELAY: 0\.0\.0\.0\/0 is everybody/m,
  );
  assert.match(warned.stdout, /^warning: access\.file: \/.*\/access, line 3: the tag TLS_Srv: is not carried over$/m);
  assert.match(warned.stdout, /^warning: access\.relay_networks: OPEN RELAY: /m);
  assert.match(warned.stdout, /^warning: access\.relay_domains: OPEN RELAY: .*\.com$/m);
  assert.match(
    warned.stdout,
    /^warning: access\.relay_domains_file: \/.*\/relay-domains, line 2: OPEN RELAY: .*\.jp$/m,
  );
});
