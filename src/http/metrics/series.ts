/**
 * What is counted while the process lives: counters and histograms, each series of them known by the values of its labels. Pure.
 *
 * @module
 */

import { type Family, formatNumber, type Sample } from "./exposition.ts";

/** What a family is called, and by what its series differ. */
export interface FamilyOptions {
  readonly name: string;
  readonly help: string;
  /** The names of the labels. Default: none, and then the one series is there from the start. */
  readonly labels?: readonly string[];
  /** Beyond so many series the rest is counted in one whose labels all say `other`. Default 500. */
  readonly limit?: number;
}

const SERIES_LIMIT = 500;
const OTHER = "other";
/** In no value of a label: those are names of the configuration and words of this program. */
const SEPARATOR = "\0";

/** The series of one family. Whatever is put into labels, there is never an unbounded number of them. */
class SeriesMap<Value> {
  readonly #labels: readonly string[];
  readonly #limit: number;
  readonly #create: () => Value;
  readonly #series = new Map<string, { readonly labels: Sample["labels"]; readonly value: Value }>();

  constructor({ labels = [], limit = SERIES_LIMIT }: FamilyOptions, create: () => Value) {
    this.#labels = labels;
    this.#limit = limit;
    this.#create = create;
    if (labels.length === 0) this.of([]);
  }

  /** The series of these values, in the order of the labels. */
  of(values: readonly string[]): Value {
    const key = values.length === 1 ? values[0] ?? "" : values.join(SEPARATOR);
    const known = this.#series.get(key);
    if (known !== undefined) return known.value;
    if (values.length !== this.#labels.length) {
      throw new RangeError(`Cannot count: ${values.length} values for the labels ${this.#labels.join(", ")}`);
    }
    if (this.#series.size >= this.#limit && values.some((value) => value !== OTHER)) {
      return this.of(values.map(() => OTHER));
    }
    const labels = this.#labels.map((name, at) => [name, values[at] ?? ""] as const);
    const made = { labels, value: this.#create() };
    this.#series.set(key, made);
    return made.value;
  }

  samples(toSamples: (value: Value, labels: Sample["labels"]) => readonly Sample[]): readonly Sample[] {
    return [...this.#series.values()].flatMap(({ labels, value }) => toSamples(value, labels));
  }
}

/** A number that only grows. */
export class Counter {
  readonly #options: FamilyOptions;
  readonly #series: SeriesMap<{ value: number }>;

  constructor(options: FamilyOptions) {
    this.#options = options;
    this.#series = new SeriesMap(options, () => ({ value: 0 }));
  }

  /** Adds to the series of these label values, or begins it; 0 only begins it, so that its first increase is seen. */
  add(values: readonly string[] = [], by = 1): void {
    this.#series.of(values).value += by;
  }

  family(): Family {
    const { name, help } = this.#options;
    const samples = this.#series.samples(({ value }, labels) => [{ labels, value }]);
    return { name, help, type: "counter", samples };
  }
}

interface Observations {
  /** How many fell into each bucket; the last one has no bound. */
  readonly counts: number[];
  sum: number;
}

/** How often a value was how large. */
export class Histogram {
  readonly #options: FamilyOptions;
  readonly #bounds: readonly number[];
  readonly #series: SeriesMap<Observations>;

  /** `bounds`: the upper bounds of the buckets, growing, without infinity. */
  constructor(options: FamilyOptions & { readonly bounds: readonly number[] }) {
    this.#options = options;
    this.#bounds = options.bounds;
    this.#series = new SeriesMap(options, () => ({ counts: Array(options.bounds.length + 1).fill(0), sum: 0 }));
  }

  observe(value: number, values: readonly string[] = []): void {
    const series = this.#series.of(values);
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? 0)) at++;
    series.counts[at] = (series.counts[at] ?? 0) + 1;
    series.sum += value;
  }

  family(): Family {
    const { name, help } = this.#options;
    const samples = this.#series.samples(({ counts, sum }, labels) => {
      let count = 0;
      const buckets = counts.map((each, at): Sample => {
        count += each;
        const bound = formatNumber(this.#bounds[at] ?? Infinity);
        return { suffix: "_bucket", labels: [...labels, ["le", bound]], value: count };
      });
      return [...buckets, { suffix: "_sum", labels, value: sum }, { suffix: "_count", labels, value: count }];
    });
    return { name, help, type: "histogram", samples };
  }
}
