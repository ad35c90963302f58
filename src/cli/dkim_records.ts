/**
 * DKIM keys as commands show them: what is published of each, and what is wrong with it.
 *
 * @module
 */

import { createPublicKey, type KeyObject } from "node:crypto";
import { type DkimKind, listDomain, publishedSelector, readSelector } from "../config/dkim_keys.ts";
import type { Resolver } from "../delivery/mx/resolver.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { formatRecord, judgeRecords, type PublishedKey, recordName, zoneLine } from "../message/dkim_record.ts";
import { EXIT } from "./exit.ts";

const ED25519_OCTETS = 32;

/** The record of one key. */
export interface KeyRecord {
  readonly selector: string;
  readonly inUse: boolean;
  readonly kind: DkimKind;
  readonly name: string;
  readonly value: string;
  /** The whole as a line of a zone file. */
  readonly zone: string;
  readonly key: PublishedKey;
}

/** The records of a domain, of one selector or of all. The problem is a sentence and an exit code. */
export async function recordsOf(
  folder: string,
  domain: string,
  only: string | null,
): Promise<Result<readonly KeyRecord[], { readonly message: string; readonly exit: number }>> {
  const found = await listDomain(folder, domain);
  if (!found.ok) return fail({ message: found.problem, exit: EXIT.data });
  const { selectors, active } = found.value;
  const wanted = selectors.filter((selector) => only === null || selector === only);
  if (wanted.length === 0) {
    const message = only === null
      ? `There are no keys of ${domain}: dokodemo dkim new ${domain} makes them`
      : `There are no keys of ${domain} with the selector ${only}`;
    return fail({ message, exit: EXIT.data });
  }
  const records: KeyRecord[] = [];
  for (const selector of wanted) {
    const keys = await readSelector(folder, domain, selector);
    if (!keys.ok) return fail({ message: keys.problem, exit: EXIT.data });
    for (const { kind, key } of keys.value) records.push(recordOf(domain, key, { selector, kind, active }));
  }
  return succeed(records);
}

/** How a look at one published record went. */
export interface CheckedRecord {
  readonly record: KeyRecord;
  readonly outcome: "right" | "wrong" | "unknown";
  readonly faults: readonly string[];
}

/** Looks each record up and compares it. */
export async function checkRecords(
  records: readonly KeyRecord[],
  resolver: Pick<Resolver, "txt">,
): Promise<readonly CheckedRecord[]> {
  const { signal } = new AbortController();
  return await Promise.all(records.map(async (record): Promise<CheckedRecord> => {
    const found = await resolver.txt(record.name, signal);
    if (!found.ok && found.problem.kind === "unavailable") {
      return { record, outcome: "unknown", faults: [found.problem.why] };
    }
    const faults = judgeRecords(found.ok ? found.value : [], record.key);
    const outcome = faults.some(({ serious }) => serious) ? "wrong" : "right";
    return { record, outcome, faults: faults.map(({ text }) => text) };
  }));
}

/** The exit code of a check: what is wrong weighs more than what is not known. */
export function exitOfCheck(checked: readonly CheckedRecord[]): number {
  if (checked.some(({ outcome }) => outcome === "wrong")) return EXIT.data;
  return checked.some(({ outcome }) => outcome === "unknown") ? EXIT.tempFail : EXIT.ok;
}

/** Lines for people. */
export function checkLines(checked: readonly CheckedRecord[]): readonly string[] {
  return checked.flatMap(({ record: { name }, outcome, faults }) => {
    if (faults.length === 0) return [`OK: ${name}`];
    // Why it is not known tells the name too.
    if (outcome === "unknown") return faults.map((fault) => `unknown: ${fault}`);
    return faults.map((fault) => `${outcome === "wrong" ? "wrong" : "warning"}: ${name}: ${fault}`);
  });
}

function recordOf(
  domain: string,
  key: KeyObject,
  { selector, kind, active }: { readonly selector: string; readonly kind: DkimKind; readonly active: string | null },
): KeyRecord {
  const name = recordName(publishedSelector(selector, kind), domain);
  const published = publicHalf(key, kind);
  const value = formatRecord(published);
  return { selector, inUse: selector === active, kind, name, value, zone: zoneLine(name, value), key: published };
}

function publicHalf(key: KeyObject, kind: DkimKind): PublishedKey {
  const spki = new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }));
  // RFC 8463 section 4: the octets of the key alone, which are the last ones.
  return { kind, octets: kind === "rsa" ? spki : spki.slice(-ED25519_OCTETS) };
}
