/**
 * [notices] and what [delivery] says of them: the keys.
 *
 * @module
 */

import { z } from "zod";
import { duration, flag, list, oneOf, table } from "./quantities.ts";

/** [notices] */
export const noticesSchema = table({
  languages: list(oneOf(["en", "ja"])).min(1, { error: "expected at least one language" }).prefault(["en", "ja"]).meta({
    description: "of the text for people in reports, in this order",
  }),
  postmasterCopies: flag.default(false).meta({
    description: "copies of reports of failures, header only, and word of reports that cannot be delivered",
  }),
});

/** [delivery] delay_notice; `null`: never. */
export const delayNotice = z.union([z.literal("never").transform(() => null), duration], {
  error: 'expected a duration such as "4h", or "never"',
});
