/**
 * Berkeley DB files, read and never written: hash (versions 8 to 10) and btree (9 and 10), both byte orders. The layout is that of
 * Berkeley DB 4.1 to 6: pages of one size, the first one with what holds for the file, and values that are too long in chains of
 * overflow pages.
 *
 * Every leaf page is looked at once in the order of the file, and each overflow page belongs to one item: whatever a damaged file
 * says, the work and the memory are bounded by its size.
 *
 * @module
 */

import { concat } from "./octets.ts";
import { fail, type Result, succeed } from "./result.ts";
import { PageFile, PageType } from "./berkeley_db_pages.ts";

/** A key and its value. */
export type Pair = readonly [key: Uint8Array<ArrayBuffer>, value: Uint8Array<ArrayBuffer>];

/** An item as it stands on a leaf page. */
type Item =
  | { readonly kind: "here"; readonly octets: Uint8Array<ArrayBuffer> }
  | { readonly kind: "away"; readonly first: number; readonly length: number }
  /** Of a btree: marked, and not yet taken off the page. */
  | { readonly kind: "deleted" };

const HASH_ITEM = { data: 1, duplicates: 2, away: 3, awayDuplicates: 4 } as const;
const BTREE_ITEM = { data: 1, duplicates: 2, away: 3 } as const;
const BTREE_DELETED = 0x80;
/** Type, page number and whole length of an item that is elsewhere. */
const AWAY_OCTETS = 12;
const BTREE_HEAD_OCTETS = 3;

/**
 * All pairs of a file, in no order that means anything; keys and values are parts of `octets` where they stand in one piece. The problem
 * says what the file is or where it is damaged. Refused are files with more than one value to a key, several databases, partitions or encryption.
 */
export function readBerkeleyDb(octets: Uint8Array<ArrayBuffer>): Result<Iterable<Pair>, string> {
  const opened = PageFile.open(octets);
  if (!opened.ok) return opened;
  const file = opened.value;
  const pairs: Pair[] = [];
  const used = new Set<number>();
  for (let page = 1; page <= file.lastPage; page++) {
    const type = file.type(page);
    if (!file.isWhole(page)) return fail(damaged(page));
    if (type === PageType.duplicates) return fail(DUPLICATES);
    if (!file.isLeaf(type)) continue;
    const items = file.kind === "hash" ? hashItems(file, page) : btreeItems(file, page);
    if (!items.ok) return items;
    for (let at = 0; at < items.value.length; at += 2) {
      const key = whole(file, items.value[at], used);
      const value = whole(file, items.value[at + 1], used);
      if (key === null || value === null) return fail(damaged(page));
      if (key !== "deleted" && value !== "deleted") pairs.push([key, value]);
    }
  }
  return succeed(pairs);
}

const DUPLICATES = "it has several values to a key, which is not read";

function damaged(page: number): string {
  return `it is damaged or half written at page ${page}`;
}

/** A hash page is filled from its end; an item reaches from its offset to that of the one before. */
function hashItems(file: PageFile, page: number): Result<readonly Item[], string> {
  const items: Item[] = [];
  const offsets = file.offsets(page);
  let end = file.pageSize;
  if (offsets === null || offsets.length % 2 !== 0) return fail(damaged(page));
  for (const offset of offsets) {
    if (offset >= end || offset < file.itemsFrom(page)) return fail(damaged(page));
    const length = end - offset;
    switch (file.u8(page, offset)) {
      case HASH_ITEM.data:
        items.push({ kind: "here", octets: file.slice(page, offset + 1, end) });
        break;
      case HASH_ITEM.away:
        if (length < AWAY_OCTETS) return fail(damaged(page));
        items.push(away(file, page, offset));
        break;
      case HASH_ITEM.duplicates:
      case HASH_ITEM.awayDuplicates:
        return fail(DUPLICATES);
      default:
        return fail(damaged(page));
    }
    end = offset;
  }
  return succeed(items);
}

/** Items of a btree tell their own length, and lie in any order. */
function btreeItems(file: PageFile, page: number): Result<readonly Item[], string> {
  const items: Item[] = [];
  const offsets = file.offsets(page);
  if (offsets === null || offsets.length % 2 !== 0) return fail(damaged(page));
  let octets = 0;
  for (const offset of offsets) {
    if (offset < file.itemsFrom(page) || offset + BTREE_HEAD_OCTETS > file.pageSize) return fail(damaged(page));
    const type = file.u8(page, offset + 2);
    switch (type & ~BTREE_DELETED) {
      case BTREE_ITEM.data: {
        const start = offset + BTREE_HEAD_OCTETS;
        const end = start + file.u16(page, offset);
        octets += end - offset;
        if (end > file.pageSize) return fail(damaged(page));
        items.push({ kind: "here", octets: file.slice(page, start, end) });
        break;
      }
      case BTREE_ITEM.away:
        octets += AWAY_OCTETS;
        if (offset + AWAY_OCTETS > file.pageSize) return fail(damaged(page));
        items.push(away(file, page, offset));
        break;
      case BTREE_ITEM.duplicates:
        return fail(DUPLICATES);
      default:
        return fail(damaged(page));
    }
    if ((type & BTREE_DELETED) !== 0) items.splice(-1, 1, { kind: "deleted" });
  }
  // Items that overlap could be a thousand times the page.
  return octets > file.pageSize ? fail(damaged(page)) : succeed(items);
}

function away(file: PageFile, page: number, offset: number): Item {
  return { kind: "away", first: file.u32(page, offset + 4), length: file.u32(page, offset + 8) };
}

/** The octets of an item; `null` where its chain of pages is broken. */
function whole(
  file: PageFile,
  item: Item | undefined,
  used: Set<number>,
): Uint8Array<ArrayBuffer> | "deleted" | null {
  if (item === undefined) return null;
  if (item.kind === "here") return item.octets;
  if (item.kind === "deleted") return "deleted";
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (let page = item.first; page !== 0; page = file.next(page)) {
    // A page that comes twice is a circle, or belongs to two items.
    if (page > file.lastPage || used.has(page) || file.type(page) !== PageType.overflow) return null;
    used.add(page);
    const part = file.overflow(page);
    if (part === null) return null;
    parts.push(part);
    length += part.length;
  }
  return length === item.length ? concat(...parts) : null;
}
