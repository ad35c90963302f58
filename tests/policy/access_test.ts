import assert from "node:assert/strict";
import { networkSet } from "../../src/lib/network.ts";
import { type AccessRules, grantRelay, judgeClient, judgeForwardPath, judgeSender } from "../../src/policy/access.ts";
import { AccessMap, parseAccess, parseAccessPairs } from "../../src/policy/access_map.ts";
import type { Verdict } from "../../src/smtp/session_state.ts";
import { Random } from "../lib/random.ts";
import { type Line, modelAddress, modelConnect, modelDomain, modelMail, modelRcpt } from "./access_model.ts";

function rules(text: string, more: Partial<AccessRules> = {}): AccessRules {
  const { entries, mistakes } = parseAccess(text);
  assert.deepEqual(mistakes, []);
  return {
    ...{ map: new AccessMap(entries), blacklistRecipients: true, relayHostsOnly: false },
    ...{ relayDomains: new Set<string>(), relayNetworks: networkSet([]) },
    ...more,
  };
}

function said(verdict: Verdict): string {
  if (verdict.kind !== "refuse") return verdict.kind;
  return `${verdict.reply.code} ${verdict.reply.enhanced} ${verdict.reply.lines.join(" ")}`;
}

const HOWTO = `spammer@aol.com REJECT
spammer.com ERROR:"550 We don't accept mail from spammers"
192.168.200 DISCARD
spam@ REJECT
cyberspammer.com REJECT
good.cyberspammer.com OK
mydomain.co.jp RELAY
`;

Deno.test("the how-to's access map: what each line does to clients, senders and recipients", () => {
  const all = rules(HOWTO);
  const sender = (path: string | null) => said(judgeSender(all, path).verdict);
  assert.equal(sender("spammer@aol.com"), "550 5.7.1 Access denied");
  assert.equal(sender("Spammer@AOL.com"), "550 5.7.1 Access denied");
  assert.equal(sender("other@aol.com"), "accept");
  assert.equal(sender("a@spammer.com"), "550 5.7.1 We don't accept mail from spammers");
  assert.equal(sender("a@deep.in.spammer.com"), "550 5.7.1 We don't accept mail from spammers");
  assert.equal(sender("a@notspammer.com"), "accept");
  assert.equal(sender("spam@anywhere.example"), "550 5.7.1 Access denied");
  assert.equal(sender("a@x.cyberspammer.com"), "550 5.7.1 Access denied");
  assert.equal(sender("a@good.cyberspammer.com"), "accept");
  assert.equal(sender(null), "accept");
  assert.equal(said(judgeClient(all, "192.168.200.9").verdict), "discard");
  assert.equal(said(judgeClient(all, "::ffff:192.168.200.9").verdict), "discard");
  assert.equal(said(judgeClient(all, "192.168.20.0").verdict), "accept");
  const recipient = (path: string, isLocal: boolean) => said(judgeForwardPath(all, path, isLocal).verdict);
  assert.equal(recipient("spam@foobar.co.jp", true), "550 5.2.1 Mailbox disabled for this recipient");
  assert.equal(recipient("spam@elsewhere.example", false), "accept");
  assert.equal(recipient("spammer@aol.com", false), "550 5.2.1 Mailbox disabled for this recipient");
  assert.equal(
    grantRelay(all, { client: "192.0.2.1", forwardPath: "a@sub.mydomain.co.jp" })?.rule,
    "line 7 of the access map: mydomain.co.jp RELAY",
  );
  assert.equal(grantRelay(all, { client: "192.0.2.1", forwardPath: "a%b@mydomain.co.jp" }), null);
  assert.equal(grantRelay(all, { client: "192.0.2.1", forwardPath: "a@else.example" }), null);
});

Deno.test("values: words in either case, texts with and without codes, as 8.11 and 8.17 write them", () => {
  const answers: readonly (readonly [string, string])[] = [
    ["reject", "550 5.7.1 Access denied"],
    ['ERROR:"550 Go away"', "550 5.7.1 Go away"],
    ['ERROR:5.1.8:"550 Go away"', "550 5.1.8 Go away"],
    ["ERROR:5.1.8:550 Go away", "550 5.1.8 Go away"],
    ['ERROR:"450 4.7.25 Later"', "450 4.7.25 Later"],
    ["550 Bare as in 8.11", "550 5.7.1 Bare as in 8.11"],
    ['"550 Bare and quoted"', "550 5.7.1 Bare and quoted"],
    ['ERROR:"no code"', "553 5.3.0 no code"],
    ["ERROR:5.7.1:no code", "553 5.7.1 no code"],
    ['ERROR:"550"', "550 5.7.1 Access denied"],
    ['ERROR:"550 パスワード"', "550 5.7.1 ?????"],
    ["Ok", "accept"],
    ["discard", "discard"],
  ];
  for (const [value, expected] of answers) {
    assert.equal(said(judgeSender(rules(`a.example\t${value}`), "x@a.example").verdict), expected, value);
  }
});

Deno.test("a bad line is named with its number and says what was expected; lines of other features are notes", () => {
  const bad = (text: string) => {
    const { mistakes } = parseAccess(`# comment\n\nok.example OK\n${text}\n`);
    assert.equal(mistakes.length, 1, text);
    assert.equal(mistakes[0]?.line, 4, text);
    return mistakes[0].text;
  };
  assert.match(bad("a.example REJCT"), /expected OK, RELAY/);
  assert.match(bad("a.example"), /key and a value/);
  assert.match(bad(" a.example OK"), /begins with its key/);
  assert.match(bad("a@b.example SKIP"), /domains and networks/);
  assert.match(bad('a.example ERROR:4.7.1:"550 no"'), /does not go with 550/);
  assert.match(bad('a.example ERROR:"250 fine"'), /refuses nothing/);
  assert.match(bad(".a.example OK"), /subdomains too/);
  assert.match(bad("@a.example OK"), /without the @/);
  assert.match(bad("192.168.2. OK"), /no dot at its end/);
  assert.match(bad("192.168.256 OK"), /no address/);
  assert.match(bad("192.168.2.0/33 OK"), /no address/);
  assert.match(bad("2001:db8 OK"), /IPv6:2001:db8/);
  assert.match(bad("From:192.168.2 OK"), /Connect:/);
  assert.match(bad("Connect:a@b.example OK"), /From: or To:/);
  assert.match(bad("To: OK"), /nothing behind it/);
  assert.match(bad("ok.example REJECT"), /in line 3/);
  const { mistakes, notes, entries } = parseAccess(
    "TLS_Srv:a.example VERIFY\nSpam:a@b.example FRIEND\nClientRate:1.2.3 10\nb.example QUARANTINE:why\nb.example OK\nb.example ok\n",
  );
  assert.deepEqual(mistakes, []);
  assert.deepEqual(notes.map(({ line }) => line), [1, 2, 3, 4]);
  assert.match(notes[0]?.text ?? "", /tag TLS_Srv: is not carried over/);
  assert.match(notes[3]?.text ?? "", /value QUARANTINE is not carried over/);
  assert.equal(entries.length, 1);
});

Deno.test("networks: IPv6 by groups, CIDR in both families, the narrowest first, SKIP ends the search", () => {
  const all = rules(
    "IPv6:2001:db8 REJECT\nIPv6:2001:db8:1:: OK\n2001:db8:2::/48 DISCARD\nIPv6:2001:db8:3::7 DISCARD\n" +
      "10 REJECT\nConnect:10.1.0.0/20 OK\n10.1.3 SKIP\n10.1.2.3 DISCARD\n[10.9.9] OK\n0.0.0.0/0 DISCARD\n",
  );
  const client = (address: string) => said(judgeClient(all, address).verdict).slice(0, 3);
  assert.equal(client("2001:db8:9::1"), "550");
  assert.equal(client("2001:db8:1::1"), "acc");
  assert.equal(client("2001:db8:2:ffff::1"), "dis");
  assert.equal(client("2001:0DB8:3:0:0:0:0:7"), "dis");
  assert.equal(client("2001:db9::"), "acc");
  assert.equal(client("10.200.0.1"), "550");
  assert.equal(client("10.1.15.255"), "acc");
  assert.equal(client("10.1.16.0"), "550");
  assert.equal(client("10.1.2.3"), "dis");
  assert.equal(client("10.1.3.4"), "acc");
  assert.equal(client("10.9.9.1"), "acc");
  assert.equal(client("11.0.0.0"), "dis");
});

Deno.test("relay rights: networks, relay_domains, subdomains, relay_hosts_only, and tags that give none", () => {
  const text =
    "Connect:172.20 RELAY\nTo:to.example RELAY\nplain.example RELAY\nFrom:from.example RELAY\nu@user.example RELAY\n";
  const may = (all: AccessRules, forwardPath: string, client = "192.0.2.1") =>
    grantRelay(all, { client, forwardPath }) !== null;
  const all = rules(text, { relayDomains: new Set(["listed.example"]), relayNetworks: networkSet(["10.0.0.0/8"]) });
  for (const path of ["a@to.example", "a@x.to.example", "a@plain.example", "a@listed.example", "a@b.listed.example"]) {
    assert.ok(may(all, path), path);
  }
  for (const path of ["a@from.example", "u@user.example", "a@xto.example", "a!b@to.example", '"a%b"@to.example']) {
    assert.ok(!may(all, path), path);
  }
  assert.ok(may(all, "a@else.example", "172.20.1.1") && may(all, "a%b@else.example", "10.1.1.1"));
  const only = rules(text, { relayHostsOnly: true, relayDomains: new Set(["listed.example"]) });
  assert.ok(may(only, "a@to.example") && may(only, "a@listed.example"));
  assert.ok(!may(only, "a@x.to.example") && !may(only, "a@b.listed.example"));
});

Deno.test("without blacklist_recipients lines say nothing of recipients; U-labels and A-labels are one domain", () => {
  const off = rules("To:a@b.example REJECT", { blacklistRecipients: false });
  assert.equal(judgeForwardPath(off, "a@b.example", true).entry, null);
  const all = rules("日本.example REJECT\nuser+news@ REJECT\nlist+*@c.example DISCARD");
  assert.equal(said(judgeSender(all, "x@xn--wgv71a.example").verdict).slice(0, 3), "550");
  assert.equal(said(judgeSender(all, "user+news@q.example").verdict).slice(0, 3), "550");
  assert.equal(said(judgeSender(all, "user@q.example").verdict), "accept");
  assert.equal(said(judgeSender(all, "list+any@c.example").verdict), "discard");
});

Deno.test("pairs of a database: no lines to name, and their mistakes name the pair", () => {
  const { entries, mistakes } = parseAccessPairs([["a.example", "REJECT"], ["b.example", "REJCT"]]);
  assert.equal(entries[0]?.line, null);
  assert.match(mistakes[0]?.text ?? "", /^b\.example REJCT: /);
});

const KEYS = [
  ...["a.example", "b.a.example", "c.b.a.example", "example", "[127.1.2]", "[127.1.2.3]"],
  ...["u@", "v@", "u+x@", "u+*@", "u@a.example", "u+x@b.a.example", "u+*@a.example", "v@b.a.example"],
];
const NETWORKS = [
  "127",
  "127.1",
  "127.1.2",
  "127.1.2.3",
  "127.1.0.0/20",
  "127.1.2.0/23",
  "127.1.2.2/31",
  "127.0.0.0/9",
];
const VALUES = ["OK", "RELAY", "REJECT", "DISCARD", "SKIP", 'ERROR:"550 no"'];

Deno.test("look-ups agree with a slow model of sendmail's rule sets on 3,000 random maps", () => {
  const random = new Random(6);
  for (let round = 0; round < 3_000; round++) {
    const lines = randomLines(random);
    const { entries, mistakes } = parseAccess(lines.map(([key, value]) => `${key}\t${value}`).join("\n"));
    assert.deepEqual(mistakes, []);
    const map = new AccessMap(entries);
    const all = {
      map,
      blacklistRecipients: true,
      relayHostsOnly: false,
      relayDomains: new Set<string>(),
      relayNetworks: networkSet([]),
    };
    const address = `127.${random.below(2)}.${random.pick(["2", "3", "15", "16"])}.${random.pick(["2", "3", "9"])}`;
    const local = random.pick(["u", "v", "u+x", "u+y", "v+x", "u+"]);
    const domain = random.pick(["a.example", "b.a.example", "d.c.b.a.example", "other", "x.example", "[127.1.2.3]"]);
    const isLocal = random.oneIn(2);
    const where = JSON.stringify({ lines, address, local, domain, isLocal });
    const path = `${local}@${domain}`;
    const value = (entry: { readonly written: string; readonly action: { readonly kind: string } } | null) =>
      entry === null || entry.action.kind === "skip" ? null : entry.written.replace(/^\S+ /, "");
    assert.equal(value(judgeClient(all, address).entry), modelConnect(lines, address), where);
    assert.equal(value(judgeSender(all, path).entry), modelMail(lines, local, domain), where);
    assert.equal(value(judgeForwardPath(all, path, isLocal).entry), modelRcpt(lines, local, domain, isLocal), where);
    const mayRelay = modelDomain(lines, "To", domain) === "RELAY" || modelAddress(lines, address) === "RELAY";
    assert.equal(grantRelay(all, { client: address, forwardPath: path }) !== null, mayRelay, where);
  }
});

function randomLines(random: Random): readonly Line[] {
  const lines = new Map<string, string>();
  for (let count = random.below(12); count > 0; count--) {
    const isNetwork = random.oneIn(3);
    const key = random.pick(isNetwork ? NETWORKS : KEYS);
    const tags = isNetwork
      ? ["", "Connect:"]
      : key.includes("@")
      ? ["", "From:", "To:"]
      : ["", "From:", "To:", "Connect:"];
    const values = key.includes("@") ? VALUES.filter((value) => value !== "SKIP") : VALUES;
    lines.set(`${random.pick(tags)}${key}`, random.pick(values));
  }
  return [...lines];
}
