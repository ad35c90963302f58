/**
 * A name server for tests, over UDP and TCP on loopback. It knows what the test gives it, and nothing else exists.
 *
 * @module
 */

import { Buffer } from "node:buffer";
// @ts-types="./dns_packet.d.ts"
import packet, { type Answer } from "dns-packet";

/** Of one name; addresses by their form. A `rcode` or `silent` is for every type. */
export interface Records {
  /** Preference and host; "." is the root. */
  readonly mx?: readonly (readonly [number, string])[];
  readonly addresses?: readonly string[];
  readonly txt?: readonly string[];
  readonly cname?: string;
  readonly rcode?: "SERVFAIL" | "REFUSED";
  readonly silent?: boolean;
  /** Over UDP the answer is cut short. */
  readonly long?: boolean;
}

/** A running server. */
export interface DnsServer extends AsyncDisposable {
  readonly port: number;
  /** Name and type of each question, such as `example.net MX`; over TCP with ` tcp` behind it. */
  readonly questions: readonly string[];
  /** Names in lower case without a final dot. May be changed at any time. */
  readonly zone: Map<string, Records>;
}

/** Starts it on a free port of 127.0.0.1. */
export async function startDns(zone: Readonly<Record<string, Records>>): Promise<DnsServer> {
  const names = new Map(Object.entries(zone));
  const questions: string[] = [];
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = tcp.addr;
  const udp = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
  const serving = [serveUdp(udp, names, questions), serveTcp(tcp, names, questions)];
  return await Promise.resolve({
    port,
    questions,
    zone: names,
    [Symbol.asyncDispose]: async () => {
      tcp.close();
      udp.close();
      await Promise.all(serving);
    },
  });
}

async function serveUdp(socket: Deno.DatagramConn, zone: ReadonlyMap<string, Records>, questions: string[]) {
  for await (const [octets, from] of socket) {
    const reply = answer(octets, { zone, questions, udp: true });
    if (reply !== null) await socket.send(reply, from).catch(() => {});
  }
}

async function serveTcp(listener: Deno.TcpListener, zone: ReadonlyMap<string, Records>, questions: string[]) {
  for await (const connection of listener) {
    using _connection = connection;
    const octets = new Uint8Array(4096);
    const size = await connection.read(octets).catch(() => null);
    const reply = size === null ? null : answer(octets.subarray(2, size), { zone, questions, udp: false });
    if (reply === null) continue;
    const whole = new Uint8Array([reply.length >> 8, reply.length & 0xff, ...reply]);
    // In two pieces, as the network may bring it.
    await connection.write(whole.subarray(0, 9)).catch(() => {});
    await connection.write(whole.subarray(9)).catch(() => {});
  }
}

function answer(
  octets: Uint8Array,
  { zone, questions, udp }: {
    readonly zone: ReadonlyMap<string, Records>;
    readonly questions: string[];
    readonly udp: boolean;
  },
): Uint8Array<ArrayBuffer> | null {
  const query = packet.decode(Buffer.from(octets));
  const [question] = query.questions ?? [];
  if (question === undefined) return null;
  const name = question.name.toLowerCase();
  questions.push(`${name} ${question.type}${udp ? "" : " tcp"}`);
  const records = zone.get(name);
  if (records?.silent === true) return null;
  const short = udp && records?.long === true;
  const answers = short ? [] : answersFor(question.name, question.type, zone);
  const rcode = records === undefined ? 3 : records.rcode === "SERVFAIL" ? 2 : records.rcode === "REFUSED" ? 5 : 0;
  const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | rcode | (short ? packet.TRUNCATED_RESPONSE : 0);
  const reply = packet.encode({ type: "response", id: query.id ?? 0, flags, questions: [question], answers });
  return new Uint8Array(reply);
}

const ALIASES = 3;

/** As a resolver does, the records of the other name too, where it knows it. */
function answersFor(name: string, type: string, zone: ReadonlyMap<string, Records>, seen = 0): Answer[] {
  const records = zone.get(name.toLowerCase());
  if (records === undefined || records.rcode !== undefined) return [];
  const { mx = [], addresses = [], txt = [], cname } = records;
  if (cname !== undefined) {
    return [
      { name, type: "CNAME", ttl: 60, data: cname },
      ...(seen < ALIASES ? answersFor(cname, type, zone, seen + 1) : []),
    ];
  }
  switch (type) {
    case "MX":
      return mx.map(([preference, exchange]) => ({ name, type: "MX", ttl: 60, data: { preference, exchange } }));
    case "TXT":
      return txt.map((text) => ({ name, type: "TXT", ttl: 60, data: text.match(/.{1,200}/gs) ?? [""] }));
    case "A":
      return addresses.filter((each) => !each.includes(":")).map((data) => ({ name, type: "A", ttl: 60, data }));
    case "AAAA":
      return addresses.filter((each) => each.includes(":")).map((data) => ({ name, type: "AAAA", ttl: 60, data }));
    default:
      return [];
  }
}

/** An address of 127.0.0.0/8 that no other test uses: servers whose port nobody can choose share the machine by it. */
export function ownAddress(): string {
  const [a = 0, b = 0, c = 0] = crypto.getRandomValues(new Uint8Array(3));
  return `127.${1 + a % 254}.${b}.${1 + c % 254}`;
}
