/**
 * A real KDC of MIT Kerberos on loopback, with a database, a keytab and a krb5.conf of its own.
 *
 * @module
 */

import { Daemon } from "./daemon.ts";
import { freePort, type RegisterTest, requirePrograms, runOrThrow } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const KRB5_PROGRAMS: readonly string[] = ["krb5kdc", "kdb5_util", "kadmin.local"];

/** For tests with a KDC; it needs no root. */
export const withKdc: RegisterTest = requirePrograms(KRB5_PROGRAMS);

/** Whose key `makeKdc` puts into the keytab. */
export const KDC_SERVICE = "smtp/mail.baz.co.jp";

/** How it is made. */
export interface KdcOptions {
  /** Commands of kadmin.local, such as `addprinc -pw PASSWORD NAME`. */
  readonly commands: readonly string[];
  readonly realm?: string;
  /** Default: a free one. The port of another KDC, which is stopped, makes this one a false one. */
  readonly port?: number;
  /** Words in front of the program, such as faketime and its arguments. */
  readonly under?: readonly string[];
}

/** A KDC that runs. Disposing ends it. */
export interface Kdc extends AsyncDisposable {
  readonly daemon: Daemon;
  readonly port: number;
  /** For clients. */
  readonly config: string;
  /** With the key of `KDC_SERVICE`. */
  readonly keytab: string;
  /** Runs commands of kadmin.local. */
  admin(...commands: readonly string[]): Promise<void>;
}

/** Starts one. Each of its principals needs preauthentication, but where a command says otherwise; the service does not ask for it. */
export async function startKdc(options: KdcOptions): Promise<Kdc> {
  const { commands, realm = "BAZ.CO.JP", port = freePort(), under = [] } = options;
  const environment = (folder: string) => ({
    KRB5_CONFIG: `${folder}/krb5.conf`,
    KRB5_KDC_PROFILE: `${folder}/kdc.conf`,
  });
  const administer = (folder: string, given: readonly string[]) =>
    runOrThrow("kadmin.local", { args: ["-r", realm], env: environment(folder), input: `${given.join("\n")}\n` });
  const daemon = await Daemon.start(async (folder) => {
    await Deno.writeTextFile(`${folder}/krb5.conf`, clientConfig(realm, port));
    await Deno.writeTextFile(`${folder}/kdc.conf`, kdcConfig(realm, { folder, port }));
    const created = ["create", "-s", "-r", realm, "-P", crypto.randomUUID()];
    await runOrThrow("kdb5_util", { args: created, env: environment(folder) });
    await administer(folder, [
      `addprinc -randkey -requires_preauth ${KDC_SERVICE}`,
      `ktadd -k ${folder}/keytab ${KDC_SERVICE}`,
      ...commands,
    ]);
    const variables = Object.entries(environment(folder)).map(([name, value]) => `${name}=${value}`);
    return {
      program: "env",
      args: [...variables, ...under, "krb5kdc", "-n", "-r", realm],
      ready: (line) => line.includes("commencing operation"),
    };
  });
  const { folder } = daemon;
  return {
    ...{ daemon, port, config: `${folder}/krb5.conf`, keytab: `${folder}/keytab` },
    admin: async (...given) => {
      await administer(folder, given);
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

function clientConfig(realm: string, port: number): string {
  return `[libdefaults]
default_realm = ${realm}
dns_lookup_kdc = false
dns_lookup_realm = false
rdns = false
[realms]
${realm} = {
  kdc = 127.0.0.1:${port}
}
[logging]
kdc = STDERR
`;
}

function kdcConfig(realm: string, { folder, port }: { readonly folder: string; readonly port: number }): string {
  return `[kdcdefaults]
kdc_listen = 127.0.0.1:${port}
kdc_tcp_listen = 127.0.0.1:${port}
[realms]
${realm} = {
  database_name = ${folder}/principal
  key_stash_file = ${folder}/stash
  acl_file = ${folder}/acl
  default_principal_flags = +preauth
}
`;
}
