/**
 * One POST to an HTTP service: octets out, a status and octets back. Through node:http, since `fetch` would hand what is sent to whatever
 * proxy the environment names.
 *
 * @module
 */

import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { concat, utf8 } from "../../src/lib/octets.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { printable } from "../../src/lib/text.ts";

/** Where and how. */
export interface HttpPlace {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** PEM of the authorities that are trusted; `null`: those of the runtime. */
  readonly ca: string | null;
}

/** What came back. Redirects are not followed. */
export interface HttpReply {
  readonly status: number;
  readonly octets: Uint8Array;
}

const REPLY_LIMIT_OCTETS = 65_536;

/** Posts. The problem is a short sentence, without anything that was sent. An aborted signal closes the connection. Never rejects. */
export function post(
  { url, headers, ca }: HttpPlace,
  body: string,
  signal: AbortSignal,
): Promise<Result<HttpReply, string>> {
  const { promise, resolve } = Promise.withResolvers<Result<HttpReply, string>>();
  if (signal.aborted) return Promise.resolve(fail("given up before it was asked"));
  const octets = utf8(body);
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    method: "POST",
    // A connection for each question: none is kept that the service may have closed.
    agent: false,
    headers: { ...headers, "content-length": String(octets.length) },
    ...(ca === null ? {} : { ca }),
  });
  const end = (result: Result<HttpReply, string>) => {
    signal.removeEventListener("abort", leave);
    resolve(result);
    request.destroy();
  };
  const leave = () => end(fail(`given up before ${url.host} answered`));
  signal.addEventListener("abort", leave, { once: true });
  request.on("error", (error) => end(fail(`${url.host}: ${printable(error.message, 200)}`)));
  request.on("response", (response) => {
    let have = new Uint8Array();
    response.on("data", (chunk: Uint8Array) => {
      have = concat(have, chunk);
      if (have.length > REPLY_LIMIT_OCTETS) end(fail(`${url.host} sent more than ${REPLY_LIMIT_OCTETS} octets`));
    });
    response.on("error", (error) => end(fail(`${url.host}: ${printable(error.message, 200)}`)));
    response.on("end", () => {
      if (response.complete) end(succeed({ status: response.statusCode ?? 0, octets: have }));
    });
    response.on("close", () => end(fail(`${url.host} closed the connection before the end of its answer`)));
  });
  request.end(octets);
  return promise;
}
