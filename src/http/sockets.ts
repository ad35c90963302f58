/**
 * Where the HTTP applications are reached: Unix sockets in `data_dir`, and TCP for [http].
 *
 * @module
 */

import { dirname, join } from "node:path";
import { utf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { HttpBindings } from "./caller.ts";
import { serveStrangers, type StrangerLimits } from "./stranger_server.ts";

/** Answers a request; an application's `fetch`. `peer`: the address of the other end, `local` for a Unix socket. */
export type HttpHandler = (request: Request, bindings: HttpBindings) => Response | Promise<Response>;

/** A server that listens. Disposing it lets requests under way end, for five seconds at most, and removes its socket. */
export interface HttpServer extends AsyncDisposable {
  /** The socket's path, or `host:port`. */
  readonly address: string;
}

/** The limits of `public.sock`. */
export const PUBLIC_LIMITS: StrangerLimits = {
  connections: 64,
  headOctets: 8192,
  bodyOctets: 4096,
  requestMs: 10_000,
  answerMs: 70_000,
};

const GRACE_MS = 5_000;
/** `sun_path` has 108 octets, the last one NUL; the kernel's own error would not name the limit. */
const PATH_LIMIT_OCTETS = 107;

/**
 * Listens on a Unix socket with this mode from its first moment. A stale socket at the path is replaced; a file that is no socket, or
 * a socket that somebody answers, is a problem.
 */
export async function serveUnix(
  path: string,
  options: {
    readonly mode: number;
    readonly handler: HttpHandler;
    /** For a socket that is open to everybody. */
    readonly limits?: StrangerLimits;
  },
): Promise<Result<HttpServer, string>> {
  const taken = await whyTaken(path);
  if (taken !== null) return fail(`Cannot listen on ${path}: ${taken}`);
  // Made in a folder that nobody else can enter and moved into place when its mode is right: bind and chmod are two steps.
  let folder: string | null = null;
  try {
    folder = await Deno.makeTempDir({ dir: dirname(path), prefix: ".s" });
    const made = join(folder, "s");
    if (utf8(made).length > PATH_LIMIT_OCTETS) {
      return fail(`Cannot listen on ${path}: the path is too long for a socket, choose a shorter data_dir`);
    }
    const server = listenUnix(made, options);
    try {
      await Deno.chmod(made, options.mode);
      await Deno.rename(made, path);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return succeed({
      address: path,
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await Deno.remove(path).catch(() => {});
      },
    });
  } catch (error) {
    return fail(`Cannot listen on ${path}: ${reasonOf(error)}`);
  } finally {
    if (folder !== null) await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

/** Listens on TCP; port 0 lets the system choose. */
export function serveTcp(
  options: {
    readonly host: string;
    readonly port: number;
    readonly handler: HttpHandler;
    /** PEM. Absent: without TLS. */
    readonly tls?: { readonly cert: string; readonly key: string };
  },
): Result<HttpServer, string> {
  const { host, port, handler, tls } = options;
  try {
    // Reused where a new certificate takes over: `Deno.serve` cannot change it, and the address must not be closed meanwhile.
    const listening = { hostname: host, port, onListen: () => {}, ...tls !== undefined && { ...tls, reusePort: true } };
    const server = Deno.serve(listening, (request, { remoteAddr }) => handler(request, { peer: remoteAddr.hostname }));
    const address = hostAndPort(host, server.addr.port);
    return succeed({ address, [Symbol.asyncDispose]: () => stop(server) });
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrInUse
      ? "another program listens there; end it, or set another address in [http]"
      : reasonOf(error);
    return fail(`Cannot listen on ${hostAndPort(host, port)}: ${reason}`);
  }
}

function listenUnix(
  path: string,
  { handler, limits }: { readonly handler: HttpHandler; readonly limits?: StrangerLimits },
): AsyncDisposable {
  const local = (request: Request) => handler(request, { peer: "local" });
  if (limits !== undefined) {
    return serveStrangers(Deno.listen({ transport: "unix", path }), { handler: local, limits, graceMs: GRACE_MS });
  }
  const server = Deno.serve({ path, onListen: () => {} }, local);
  return { [Symbol.asyncDispose]: () => stop(server) };
}

async function whyTaken(path: string): Promise<string | null> {
  try {
    const info = await Deno.lstat(path);
    if (info.isSocket !== true) return "a file that is no socket is there; move it away";
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? null : reasonOf(error);
  }
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
    return "another server answers there; stop it first";
  } catch (error) {
    // Any other refusal, such as that of a full queue, may be a server's.
    const gone = error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.NotFound;
    return gone ? null : `a socket is there that may be in use: ${reasonOf(error)}`;
  }
}

/** Not by the signal of `Deno.serve`: with Deno 2.9 an abort after `shutdown` is an uncaught error that ends the process. */
async function stop(server: Deno.HttpServer): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, GRACE_MS);
  await Promise.race([server.shutdown(), late.promise]);
  clearTimeout(timer);
}

function hostAndPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
