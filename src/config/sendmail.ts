/**
 * [sendmail]: its keys.
 *
 * @module
 */

import { z } from "zod";
import { hasControl } from "../lib/text.ts";
import { list, table } from "./quantities.ts";

const user = z.string({ error: "expected the name of a user of this system" }).refine(
  (text) => text !== "" && !/[:,\s]/.test(text) && !hasControl(text),
  { error: "expected the name of a user of this system" },
);

/** [sendmail] */
export const sendmailSchema = table({
  trustedUsers: list(user).prefault(["root", "daemon"]).meta({
    description: "users who may send in the name of others; the service's own user always may",
  }),
});
