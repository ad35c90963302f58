/**
 * Asks name servers, over UDP and where need be over TCP. Names are always whole: no search domain is ever added.
 *
 * @module
 */

import { createSocket } from "node:dgram";
import { connect, isIP } from "node:net";
import { fail, type Result, succeed } from "../../lib/result.ts";
import {
  addressForm,
  decodeResponse,
  type DnsQuestion,
  type DnsRecord,
  type DnsResponse,
  type DnsType,
  encodeQuestion,
} from "./dns_message.ts";

/** A name server. */
export interface NameServer {
  readonly host: string;
  readonly port: number;
}

/** Why there is no answer. `no-domain`: the name does not exist; `unavailable`: nobody could tell, so ask again later. */
export interface LookupProblem {
  readonly kind: "no-domain" | "unavailable";
  /** For the administrator. */
  readonly why: string;
}

/** The records of a name, those of the name that it is an alias of included; an empty list: it has none of this type. */
export interface Resolver {
  mx(name: string, signal: AbortSignal): Promise<Result<readonly MxRecord[], LookupProblem>>;
  txt(name: string, signal: AbortSignal): Promise<Result<readonly string[], LookupProblem>>;
  addresses(name: string, family: 4 | 6, signal: AbortSignal): Promise<Result<readonly string[], LookupProblem>>;
}

/** One MX record. The root, written ".", is the empty string. */
export interface MxRecord {
  readonly preference: number;
  readonly exchange: string;
}

/** How long one server may take for one answer. */
const ANSWER_MS = 3_000;
const ROUNDS = 2;
const ALIASES_LIMIT = 8;
/** With its length in front, over TCP. */
const MESSAGE_LIMIT_OCTETS = 2 + 65_535;
const SYSTEM_FILE = "/etc/resolv.conf";

/** Makes a resolver. With no servers those of the system are asked, as `/etc/resolv.conf` names them at that moment. */
export function createResolver(servers: readonly NameServer[]): Resolver {
  const ask = (name: string, type: DnsType, signal: AbortSignal) => resolve({ name, type }, servers, signal);
  return {
    mx: async (name, signal) =>
      pick(
        await ask(name, "MX", signal),
        (record) => record.type === "MX" ? { preference: record.preference, exchange: record.exchange } : null,
      ),
    txt: async (name, signal) =>
      pick(await ask(name, "TXT", signal), (record) => record.type === "TXT" ? record.text : null),
    addresses: async (name, family, signal) =>
      pick(
        await ask(name, family === 4 ? "A" : "AAAA", signal),
        (record) => record.type === "A" || record.type === "AAAA" ? record.address : null,
      ),
  };
}

/** The name servers of a resolv.conf(5); without any the one of this machine. */
export function readNameServers(text: string): readonly NameServer[] {
  const hosts = [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map(([, host = ""]) => host);
  const usable = hosts.filter((host) => isIP(host.replace(/%.*$/, "")) !== 0).map((host) => ({ host, port: 53 }));
  return usable.length > 0 ? usable : [{ host: "127.0.0.1", port: 53 }];
}

type Lookup = Result<readonly DnsRecord[], LookupProblem>;

function pick<Item>(
  lookup: Lookup,
  choose: (record: DnsRecord) => Item | null,
): Result<readonly Item[], LookupProblem> {
  return lookup.ok ? succeed(lookup.value.map(choose).filter((item) => item !== null)) : lookup;
}

/** Follows aliases; a server that resolves for us has most of them in its first answer. */
async function resolve(
  { name, type }: Pick<DnsQuestion, "name" | "type">,
  servers: readonly NameServer[],
  signal: AbortSignal,
): Promise<Lookup> {
  let wanted = name.toLowerCase();
  for (let aliases = 0; aliases <= ALIASES_LIMIT;) {
    const asked = wanted;
    const response = await query({ name: wanted, type }, servers, signal);
    if (!response.ok) return response;
    const { rcode, answers } = response.value;
    for (; aliases <= ALIASES_LIMIT; aliases++) {
      const alias = answers.find((record) => record.type === "CNAME" && record.owner === wanted);
      if (alias?.type !== "CNAME") break;
      wanted = alias.target;
    }
    if (aliases > ALIASES_LIMIT) break;
    const records = answers.filter((record) => record.type === type && record.owner === wanted);
    if (records.length > 0) return succeed(records);
    if (rcode === NAME_ERROR) return fail({ kind: "no-domain", why: `the name ${wanted} does not exist` });
    if (wanted === asked) return succeed([]);
  }
  return fail({ kind: "unavailable", why: `${name} is an alias of an alias of an alias, without end` });
}

const NAME_ERROR = 3;

/** Asks one server after the other, all of them twice. */
async function query(
  asked: Pick<DnsQuestion, "name" | "type">,
  servers: readonly NameServer[],
  signal: AbortSignal,
): Promise<Result<DnsResponse, LookupProblem>> {
  const reasons: string[] = [];
  const usable = servers.length > 0 ? servers : await systemServers();
  for (let round = 0; round < ROUNDS; round++) {
    for (const server of usable) {
      const [id = 0] = crypto.getRandomValues(new Uint16Array(1));
      const question = { ...asked, id };
      const octets = encodeQuestion(question);
      if (octets === null) return fail({ kind: "no-domain", why: `${asked.name} is no name of a domain` });
      const response = await exchange(server, { question, octets }, signal);
      if (signal.aborted) return fail({ kind: "unavailable", why: "the server is stopping" });
      if (typeof response !== "string") return succeed(response);
      reasons.push(`${server.host}: ${response}`);
    }
  }
  const why = `${asked.type} of ${asked.name} cannot be looked up: ${[...new Set(reasons)].join(", ")}`;
  return fail({ kind: "unavailable", why });
}

async function systemServers(): Promise<readonly NameServer[]> {
  return readNameServers(await Deno.readTextFile(SYSTEM_FILE).catch(() => ""));
}

interface Sending {
  readonly question: DnsQuestion;
  readonly octets: Uint8Array<ArrayBuffer>;
}

/** A response that answers, or why there is none. */
async function exchange(server: NameServer, sending: Sending, signal: AbortSignal): Promise<DnsResponse | string> {
  let response = await overUdp(server, sending, signal);
  if (typeof response !== "string" && response.truncated) response = await overTcp(server, sending, signal);
  if (typeof response === "string" || response.rcode === 0 || response.rcode === NAME_ERROR) return response;
  return RCODES[response.rcode] ?? `error ${response.rcode}`;
}

const RCODES: Readonly<Record<number, string>> = { 1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED" };
const SILENT = "no answer in time";

function overUdp({ host, port }: NameServer, { question, octets }: Sending, signal: AbortSignal) {
  // A port of its own for each question, which whoever would forge an answer has to guess beside the id (RFC 5452).
  const socket = createSocket(isIP(host.replace(/%.*$/, "")) === 6 ? "udp6" : "udp4");
  return once<DnsResponse | string>(
    (done) => {
      socket.on("error", (error) => done(error.message));
      socket.on("message", (message, from) => {
        if (from.port !== port || !isSame(from.address, host)) return;
        const response = decodeResponse(message, question);
        if (response !== null) done(response);
      });
      socket.send(octets, port, host, (error) => {
        if (error instanceof Error) done(error.message);
      });
      return () => socket.close();
    },
    SILENT,
    signal,
  );
}

/** A zone, as in fe80::1%eth0, is not compared: the answer has come through a socket of ours. */
function isSame(left: string, right: string): boolean {
  return addressForm(left) === addressForm(right);
}

function overTcp({ host, port }: NameServer, { question, octets }: Sending, signal: AbortSignal) {
  const socket = connect({ host, port });
  let received = new Uint8Array(0);
  return once<DnsResponse | string>(
    (done) => {
      socket.on("error", (error) => done(error.message));
      socket.on("close", () => done("it closed the connection"));
      socket.on("data", (chunk: Uint8Array) => {
        received = new Uint8Array([...received, ...chunk]);
        const size = received.length < 2 ? MESSAGE_LIMIT_OCTETS : 2 + ((received[0] ?? 0) << 8 | (received[1] ?? 0));
        if (received.length >= size) done(decodeResponse(received.subarray(2, size), question) ?? "a damaged answer");
      });
      socket.write(new Uint8Array([octets.length >> 8, octets.length & 0xff, ...octets]));
      return () => socket.destroy();
    },
    SILENT,
    signal,
  );
}

/** The first thing that `begin` is done with; what it gives back cleans up. */
async function once<Value>(
  begin: (done: (value: Value) => void) => () => void,
  late: Value,
  signal: AbortSignal,
): Promise<Value> {
  const { promise, resolve: done } = Promise.withResolvers<Value>();
  const end = begin(done);
  const stop = () => done(late);
  const timer = setTimeout(stop, ANSWER_MS);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    end();
  }
}
