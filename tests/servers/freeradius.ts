/**
 * A real FreeRADIUS with a configuration of its own: nothing of /etc/freeradius is read.
 *
 * @module
 */

import { Daemon } from "./daemon.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const FREERADIUS_PROGRAMS: readonly string[] = ["freeradius"];

/** How it is set up. */
export interface FreeradiusOptions {
  readonly secret: string;
  /** Passwords by name, exactly as User-Name has it. No `'` in either. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Whether replies carry Message-Authenticator; Debian 12's does so only when it is told to. Default true. */
  readonly signs?: boolean;
  /** Answers this name only after 2 seconds. */
  readonly slow?: string;
  /** Answers this name with Access-Challenge. */
  readonly challenged?: string;
}

/** A running one on 127.0.0.1. */
export interface Freeradius {
  readonly daemon: Daemon;
  readonly port: number;
  /** What it was asked: a line of `name|NAS-Identifier|Calling-Station-Id|Service-Type` for each Access-Request. */
  asked(): Promise<readonly string[]>;
}

/** Starts one and resolves when it answers. */
export async function startFreeradius(options: FreeradiusOptions): Promise<Freeradius> {
  const port = freeUdpPort();
  const daemon = await Daemon.start(async (folder) => {
    await Deno.writeTextFile(`${folder}/dictionary`, "");
    await Deno.writeTextFile(`${folder}/users`, users(options.accounts));
    await Deno.writeTextFile(`${folder}/radiusd.conf`, configuration(folder, { options, port }));
    return {
      program: "freeradius",
      args: ["-f", "-l", "stdout", "-d", folder, "-n", "radiusd"],
      ready: (line) => line.includes("Ready to process requests"),
    };
  });
  return {
    daemon,
    port,
    asked: async () => (await Deno.readTextFile(`${daemon.folder}/asked`)).trimEnd().split("\n"),
  };
}

/** A UDP port on 127.0.0.1 that was free a moment ago. */
function freeUdpPort(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { addr } = socket;
  socket.close();
  if (addr.transport !== "udp") throw new TypeError("Cannot choose a port: the socket is not UDP");
  return addr.port;
}

function users(accounts: FreeradiusOptions["accounts"]): string {
  return Object.entries(accounts).map(([name, password]) => `"${name}" Cleartext-Password := '${password}'\n`).join("");
}

function configuration(
  folder: string,
  { options, port }: { readonly options: FreeradiusOptions; readonly port: number },
): string {
  const { secret, signs = true, slow, challenged } = options;
  const sign = signs ? "update reply {\nMessage-Authenticator := 0x00\n}" : "ok";
  return `
name = radiusd
prefix = /usr
logdir = ${folder}
raddbdir = ${folder}
run_dir = ${folder}
libdir = /usr/lib/freeradius
pidfile = ${folder}/radiusd.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 16384
hostname_lookups = no
security {
  reject_delay = 0
  status_server = yes
}
thread pool {
  start_servers = 4
  max_servers = 16
  min_spare_servers = 2
  max_spare_servers = 8
}
client loopback {
  ipaddr = 127.0.0.1
  secret = "${secret}"
  require_message_authenticator = yes
}
modules {
  pap {
  }
  chap {
  }
  exec {
    wait = yes
  }
  always ok {
    rcode = ok
  }
  always handled {
    rcode = handled
  }
  files {
    filename = ${folder}/users
  }
  linelog {
    filename = ${folder}/asked
    format = "%{User-Name}|%{NAS-Identifier}|%{Calling-Station-Id}|%{Service-Type}"
  }
}
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = ${port}
  }
  authorize {
    linelog
    ${
    slow === undefined ? "" : `if (&User-Name == "${slow}") {\nupdate request {\nTmp-String-0 := \`/bin/sleep 2\`\n}\n}`
  }
    ${
    challenged === undefined
      ? ""
      : `if (&User-Name == "${challenged}") {\nupdate control {\nResponse-Packet-Type := Access-Challenge\n}\n${sign}\nhandled\n}`
  }
    files
    chap
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
    Auth-Type CHAP {
      chap
    }
  }
  post-auth {
    ${sign}
    Post-Auth-Type REJECT {
      ${sign}
    }
    Post-Auth-Type Challenge {
      ${sign}
    }
  }
}
`;
}
