/**
 * Where the HTTP applications of a running server are reached: two Unix sockets in `data_dir`, and [http].
 *
 * @module
 */

import { join } from "node:path";
import type { Config, HttpConfig } from "../config/config.ts";
import { controlApp, httpApp, publicApp, type SidecarParts } from "../http/app.ts";
import { type HttpServer, PUBLIC_LIMITS, serveTcp, serveUnix } from "../http/sockets.ts";
import type { ServerCertificate } from "./certificate.ts";
import { type Result, succeed } from "../lib/result.ts";

/** For the administrator: whoever may open it may do everything. */
export const CONTROL_SOCKET = "control.sock";
/** For everybody on this machine: health, and the own password. */
export const PUBLIC_SOCKET = "public.sock";

/** The applications' parts. */
export type SocketParts = SidecarParts;

/** Listens on `control.sock` (mode 660) and `public.sock` (mode 666). */
export async function openSockets(
  config: Pick<Config, "dataDir">,
  parts: SocketParts,
): Promise<Result<AsyncDisposable, string>> {
  await using opened = new AsyncDisposableStack();
  const control = await serveUnix(join(config.dataDir, CONTROL_SOCKET), {
    mode: 0o660,
    handler: controlApp(parts).fetch,
  });
  if (!control.ok) return control;
  opened.use(control.value);
  const everybody = await serveUnix(join(config.dataDir, PUBLIC_SOCKET), {
    mode: 0o666,
    handler: publicApp(parts).fetch,
    limits: PUBLIC_LIMITS,
  });
  if (!everybody.ok) return everybody;
  opened.use(everybody.value);
  return succeed(opened.move());
}

/** Listens on the address of [http]. */
export function openHttp(
  config: HttpConfig,
  { parts, certificate }: { readonly parts: SocketParts; readonly certificate: ServerCertificate | null },
): Result<HttpServer, string> {
  const tls = config.tls && certificate !== null ? { tls: certificate.pem } : {};
  return serveTcp({ host: config.host, port: config.port, handler: httpApp(parts).fetch, ...tls });
}
