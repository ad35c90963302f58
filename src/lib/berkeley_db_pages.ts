/**
 * The pages of a Berkeley DB file: what its first page says, and numbers out of the others in the file's byte order.
 *
 * @module
 */

import { fail, type Result, succeed } from "./result.ts";

/** The types of page that are told apart. */
export const PageType = {
  /** Free, or set aside for a bucket to come. */
  none: 0,
  /** Of versions before 4.6. */
  unsortedHash: 2,
  btreeInner: 3,
  btreeLeaf: 5,
  overflow: 7,
  duplicates: 12,
  hash: 13,
} as const;

const HASH_MAGIC = 0x061561;
const BTREE_MAGIC = 0x053162;
const OTHER_MAGICS: ReadonlyMap<number, string> = new Map([[0x042253, "queue"], [0x074582, "heap"]]);
/** GDBM's, of 32 and 64 bits and of its numsync form; it stands at the very beginning. */
const GDBM_MAGICS = new Set([0x13579acd, 0x13579ace, 0x13579acf, 0x13579ad0, 0x13579ad1, 0x13579ad2]);
const HASH_VERSIONS = [8, 9, 10];
const BTREE_VERSIONS = [9, 10];

const LEAST_PAGE = 512;
const LARGEST_PAGE = 65_536;
/** Before the offsets of the items; 6 more for a checksum. */
const PAGE_HEAD_OCTETS = 26;
const CHECKED_HEAD_OCTETS = 32;
const META_CHECKSUM = 1;
/** Several values to a key, and several databases in one file: the flags of each kind. */
const HASH_FLAGS = { duplicates: 0x05, databases: 0x02, records: 0 };
const BTREE_FLAGS = { duplicates: 0x41, databases: 0x20, records: 0x1a };

/** A file whose first page makes sense. Page numbers given to its methods must be 0 to `lastPage`, offsets within a page. */
export class PageFile {
  readonly kind: "hash" | "btree";
  readonly pageSize: number;
  readonly lastPage: number;
  readonly #octets: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  readonly #headOctets: number;

  private constructor(octets: Uint8Array<ArrayBuffer>, kind: "hash" | "btree", littleEndian: boolean) {
    this.#octets = octets;
    this.#view = viewOf(octets);
    this.#littleEndian = littleEndian;
    this.kind = kind;
    this.pageSize = this.#view.getUint32(20, littleEndian);
    this.lastPage = this.#view.getUint32(32, littleEndian);
    this.#headOctets = (this.#view.getUint8(26) & META_CHECKSUM) === 0 ? PAGE_HEAD_OCTETS : CHECKED_HEAD_OCTETS;
  }

  /** Looks at the first page. The problem says what the file is instead. */
  static open(octets: Uint8Array<ArrayBuffer>): Result<PageFile, string> {
    if (octets.length < LEAST_PAGE) return fail("it is too short for a Berkeley DB file");
    const view = viewOf(octets);
    const found = [true, false].flatMap((littleEndian) => {
      const magic = view.getUint32(12, littleEndian);
      const kind = magic === HASH_MAGIC ? "hash" as const : magic === BTREE_MAGIC ? "btree" as const : null;
      return kind === null ? [] : [{ kind, littleEndian }];
    })[0];
    if (found === undefined) return fail(whatElse(view));
    const version = view.getUint32(16, found.littleEndian);
    if (!(found.kind === "hash" ? HASH_VERSIONS : BTREE_VERSIONS).includes(version)) {
      return fail(
        `it is a Berkeley DB ${found.kind} of version ${version}, which is not read: db5.3_upgrade makes a newer one of a copy`,
      );
    }
    const file = new PageFile(octets, found.kind, found.littleEndian);
    const problem = file.#problem();
    return problem === null ? succeed(file) : fail(problem);
  }

  type(page: number): number {
    return this.u8(page, 25);
  }

  /** Whether pairs stand on pages of this type. */
  isLeaf(type: number): boolean {
    if (this.kind === "btree") return type === PageType.btreeLeaf;
    return type === PageType.hash || type === PageType.unsortedHash;
  }

  /** Whether the page can be one of this file: it knows its own number, and its type fits. */
  isWhole(page: number): boolean {
    const type = this.type(page);
    if (type === PageType.none) return true;
    const inner = this.kind === "btree" && type === PageType.btreeInner;
    const known = inner || this.isLeaf(type) || type === PageType.overflow || type === PageType.duplicates;
    return known && this.u32(page, 8) === page;
  }

  /** The next page of a chain; 0: none. */
  next(page: number): number {
    return this.u32(page, 16);
  }

  /** Where the items of a leaf stand; `null` where there are more than fit. */
  offsets(page: number): readonly number[] | null {
    const count = this.u16(page, 20);
    if (this.#headOctets + 2 * count > this.pageSize) return null;
    return Array.from({ length: count }, (_, at) => this.u16(page, this.#headOctets + 2 * at));
  }

  /** The first offset that an item of this leaf can have. */
  itemsFrom(page: number): number {
    return this.#headOctets + 2 * this.u16(page, 20);
  }

  /** What stands on an overflow page; `null` where it is more than fits. */
  overflow(page: number): Uint8Array<ArrayBuffer> | null {
    const end = this.#headOctets + this.u16(page, 22);
    return end > this.pageSize ? null : this.slice(page, this.#headOctets, end);
  }

  u8(page: number, offset: number): number {
    return this.#view.getUint8(page * this.pageSize + offset);
  }

  u16(page: number, offset: number): number {
    return this.#view.getUint16(page * this.pageSize + offset, this.#littleEndian);
  }

  u32(page: number, offset: number): number {
    return this.#view.getUint32(page * this.pageSize + offset, this.#littleEndian);
  }

  slice(page: number, start: number, end: number): Uint8Array<ArrayBuffer> {
    return this.#octets.subarray(page * this.pageSize + start, page * this.pageSize + end);
  }

  #problem(): string | null {
    const { pageSize, kind } = this;
    if (pageSize < LEAST_PAGE || pageSize > LARGEST_PAGE || (pageSize & (pageSize - 1)) !== 0) {
      return "its first page is damaged";
    }
    if (this.u8(0, 24) !== 0) return "it is encrypted";
    if (this.u32(0, 36) !== 0) return "it has several parts, which is not read";
    const [flags, known] = [this.u32(0, 48), kind === "hash" ? HASH_FLAGS : BTREE_FLAGS];
    if ((flags & known.databases) !== 0) return "it holds several databases, which is not read";
    if ((flags & known.duplicates) !== 0) return "it has several values to a key, which is not read";
    if ((flags & known.records) !== 0) return "it holds numbered records, which is not read";
    // The first page is written last or first, as it comes: a file that ends early is half written.
    return (this.lastPage + 1) * pageSize > this.#octets.length ? "it is damaged or half written: it ends early" : null;
  }
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}

function whatElse(view: DataView): string {
  for (const littleEndian of [true, false]) {
    const first = view.getUint32(0, littleEndian);
    if (GDBM_MAGICS.has(first)) return "it is a GDBM file, not one of Berkeley DB";
    if (first === HASH_MAGIC || first === BTREE_MAGIC) {
      return "it is a Berkeley DB file of version 1.85, which is not read";
    }
    const other = OTHER_MAGICS.get(view.getUint32(12, littleEndian));
    if (other !== undefined) return `it is a Berkeley DB ${other}, which is not read`;
  }
  return "it is no Berkeley DB file";
}
