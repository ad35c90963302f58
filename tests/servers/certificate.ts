/**
 * A certificate authority and a server certificate (ECDSA, P-256) made by openssl, for one test.
 *
 * @module
 */

import { runOrThrow } from "./lib.ts";

/** Paths of PEM files. */
export interface Certificate {
  /** The authority that a client has to trust. */
  readonly caFile: string;
  /** The server's certificate, for `names` and 127.0.0.1. */
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Makes both in `folder`. `label` goes into the file names, so that one folder can hold several. */
export async function makeCertificate(
  folder: string,
  options: { readonly names?: readonly string[]; readonly label?: string } = {},
): Promise<Certificate> {
  const names = options.names ?? ["localhost"];
  const at = (name: string) => `${folder}/${options.label ?? "test"}-${name}`;
  const openssl = (...args: string[]) => runOrThrow("openssl", { args });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-sha256"];
  const subjectAltName = [...names.map((name) => `DNS:${name}`), "IP:127.0.0.1"].join(",");
  await Deno.writeTextFile(at("extensions"), `subjectAltName=${subjectAltName}\nextendedKeyUsage=serverAuth\n`);
  await openssl(
    ...["req", "-x509", ...newKey, "-days", "3650", "-subj", "/CN=dokodemo test authority"],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", at("ca-key.pem"), "-out", at("ca.pem")],
  );
  await openssl(
    ...["req", "-new", ...newKey, "-subj", `/CN=${names[0] ?? "localhost"}`],
    ...["-keyout", at("key.pem"), "-out", at("request.pem")],
  );
  await openssl(
    ...["x509", "-req", "-in", at("request.pem"), "-CA", at("ca.pem"), "-CAkey", at("ca-key.pem")],
    ...["-CAcreateserial", "-days", "3650", "-sha256", "-extfile", at("extensions"), "-out", at("certificate.pem")],
  );
  return { caFile: at("ca.pem"), certificateFile: at("certificate.pem"), keyFile: at("key.pem") };
}
