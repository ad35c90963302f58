/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/**
 * The Worker of the spool, which dies for real where a mail of a certain account is in the batch: with an uncaught error before it
 * touches the batch or after its COMMIT, or without a word.
 *
 * @module
 */

import "../../src/spool/spool_worker.ts";
import type { ToWorker } from "../../src/spool/protocol.ts";

const work: unknown = self.onmessage;
const post = self.postMessage.bind(self);

self.onmessage = (event: MessageEvent<ToWorker>) => {
  const accounts = event.data.kind === "batch"
    ? event.data.requests.map((request) => request.kind === "commit" ? request.mail.account : null)
    : [];
  if (accounts.includes("dies-before")) throw new Error("dies before the batch");
  if (accounts.includes("dies-silently")) {
    self.close();
    return;
  }
  if (accounts.includes("dies-after")) self.postMessage = () => {};
  if (typeof work === "function") work(event);
  self.postMessage = post;
  if (accounts.includes("dies-after")) throw new Error("dies after COMMIT");
};
