/**
 * The policies of MTA-STS that are known, each in a file of its own under `data_dir/mta-sts`, so that nobody who answers for the DNS or
 * for HTTPS after a restart can take one away before its time.
 *
 * @module
 */

import { join } from "node:path";
import type { Log } from "../../log/event.ts";
import type { Resolver } from "./resolver.ts";
import { fetchStsPolicy } from "./sts_fetch.ts";
import { readStsId, readStsPolicy, type StsPolicy } from "./sts_policy.ts";

/** What the store lives with. */
export interface StsStoreSettings {
  readonly resolver: Resolver;
  /** PEM of the authorities to trust; `null`: the system's. */
  readonly ca: string | null;
  /** Made when it is needed. */
  readonly folder: string;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Policies by domain. */
export interface StsStore extends AsyncDisposable {
  /** The policy that holds for a domain now, or `null`. Never rejects. */
  find(domain: string, signal: AbortSignal): Promise<StsPolicy | null>;
}

/** A policy, and since when we have it. */
interface KnownPolicy {
  readonly id: string;
  readonly fetched: number;
  readonly policy: StsPolicy;
}

/** A policy that could not be had is not asked for again before this (RFC 8461 section 3.3). */
const PAUSE_MS = 5 * 60_000;
/** One that is older than this, or than half of its time, is fetched again beside a delivery. */
const REFRESH_MS = 86_400_000;
const REMEMBERED = 1_000;

/** Opens the store, and removes what is over from its folder. */
export function openStsStore(settings: StsStoreSettings): StsStore {
  return new FolderStsStore(settings);
}

class FolderStsStore implements StsStore {
  readonly #settings: StsStoreSettings;
  readonly #known = new Map<string, KnownPolicy>();
  readonly #failed = new Map<string, number>();
  readonly #fetches = new Map<string, Promise<KnownPolicy | null>>();
  readonly #stop = new AbortController();

  readonly #sweeping: Promise<void>;

  constructor(settings: StsStoreSettings) {
    this.#settings = settings;
    this.#sweeping = this.#sweep();
  }

  async find(domain: string, signal: AbortSignal): Promise<StsPolicy | null> {
    const { resolver, now } = this.#settings;
    const [kept, texts] = await Promise.all([this.#load(domain), resolver.txt(`_mta-sts.${domain}`, signal)]);
    const known = kept !== null && ends(kept) > now() ? kept : null;
    const id = texts.ok ? readStsId(texts.value) : null;
    // Whoever takes the record away takes no policy away that we know.
    if (id === null) return known?.policy ?? null;
    if (known === null || known.id !== id) return (await this.#fetch(domain, id) ?? known)?.policy ?? null;
    const age = now() - known.fetched;
    if (age > Math.min(REFRESH_MS, known.policy.maxAgeSeconds * 500)) void this.#fetch(domain, id);
    return known.policy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#sweeping, ...this.#fetches.values()]);
  }

  /** Removes the files of policies whose time is over, and what a crash has left; where that fails they do no harm. */
  async #sweep(): Promise<void> {
    const { folder, now } = this.#settings;
    try {
      for await (const { name } of Deno.readDir(folder)) {
        if (this.#stop.signal.aborted) return;
        const file = join(folder, name);
        const known = parseKnown(await Deno.readTextFile(file));
        const written = name.endsWith(".new") ? (await Deno.stat(file)).mtime?.getTime() ?? 0 : Infinity;
        const over = name.endsWith(".new") ? written + REFRESH_MS < now() : known === null || ends(known) <= now();
        if (over) await Deno.remove(file);
      }
    } catch {
      // There is no such folder yet, or another store was faster.
    }
  }

  /** One fetch at a time for a domain, whoever waits for it. */
  #fetch(domain: string, id: string): Promise<KnownPolicy | null> {
    const underWay = this.#fetches.get(domain);
    if (underWay !== undefined) return underWay;
    if ((this.#failed.get(domain) ?? -Infinity) + PAUSE_MS > this.#settings.now()) return Promise.resolve(null);
    const fetching = this.#fetchNow(domain, id).finally(() => this.#fetches.delete(domain));
    this.#fetches.set(domain, fetching);
    return fetching;
  }

  async #fetchNow(domain: string, id: string): Promise<KnownPolicy | null> {
    const { now, log } = this.#settings;
    const fetched = await fetchStsPolicy(domain, this.#settings, this.#stop.signal);
    if (!fetched.ok) {
      if (this.#stop.signal.aborted) return null;
      remember(this.#failed, domain, now());
      log({ kind: "warning", about: "mta-sts", text: `The policy of ${domain} is not known: ${fetched.problem}` });
      return null;
    }
    const known: KnownPolicy = { id, fetched: now(), policy: fetched.value };
    this.#failed.delete(domain);
    remember(this.#known, domain, known);
    await this.#save(domain, known);
    return known;
  }

  async #load(domain: string): Promise<KnownPolicy | null> {
    const known = this.#known.get(domain);
    if (known !== undefined) return known;
    const text = await Deno.readTextFile(this.#file(domain)).catch(() => null);
    const loaded = text === null ? null : parseKnown(text);
    // A fetch may have been faster.
    const fresh = this.#known.get(domain);
    if (fresh !== undefined) return fresh;
    if (loaded !== null) remember(this.#known, domain, loaded);
    return loaded;
  }

  async #save(domain: string, known: KnownPolicy): Promise<void> {
    const file = this.#file(domain);
    const written = `${file}.${crypto.randomUUID()}.new`;
    try {
      await Deno.mkdir(this.#settings.folder, { recursive: true, mode: 0o700 });
      await Deno.writeTextFile(written, formatKnown(known), { mode: 0o600 });
      await Deno.rename(written, file);
    } catch (error) {
      await Deno.remove(written).catch(() => {});
      const why = error instanceof Error ? error.message : "unknown reason";
      this.#settings.log({ kind: "warning", about: "mta-sts", text: `Cannot keep the policy of ${domain}: ${why}` });
    }
  }

  #file(domain: string): string {
    return join(this.#settings.folder, `${domain}.txt`);
  }
}

function ends({ fetched, policy }: KnownPolicy): number {
  return fetched + policy.maxAgeSeconds * 1000;
}

/** The policy as domains write it, below two lines of our own. */
function formatKnown({ id, fetched, policy: { mode, patterns, maxAgeSeconds } }: KnownPolicy): string {
  return [
    `dokodemo-id: ${id}`,
    `dokodemo-fetched: ${new Date(fetched).toISOString()}`,
    "version: STSv1",
    `mode: ${mode}`,
    ...patterns.map((pattern) => `mx: ${pattern}`),
    `max_age: ${maxAgeSeconds}`,
    "",
  ].join("\n");
}

function parseKnown(text: string): KnownPolicy | null {
  const policy = readStsPolicy(text);
  const id = /^dokodemo-id: (\S+)$/m.exec(text)?.[1];
  const fetched = Date.parse(/^dokodemo-fetched: (\S+)$/m.exec(text)?.[1] ?? "");
  return policy === null || id === undefined || Number.isNaN(fetched) ? null : { id, fetched, policy };
}

/** Keeps the latest ones. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest);
}
