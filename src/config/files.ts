/**
 * The files that the configuration names: are they there, may we read them, do they fit together?
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { DkimDomain, SmarthostAuth } from "./config.ts";
import { DEFAULT_DATA_DIR } from "./data_dir.ts";
import { DKIM_FOLDER, readActiveKeys } from "./dkim_keys.ts";
import { toAscii } from "../lib/domain.ts";
import { AliasTable } from "../policy/alias_table.ts";
import { type AccessContents, readAccessFiles } from "./access_files.ts";
import { readAliases } from "./aliases.ts";
import { readAuthInfo } from "./auth_info.ts";
import { checkOAuthFiles } from "./oauth_files.ts";
import { type MasqueradeContents, readMasqueradeFiles } from "./masquerade_files.ts";
import { whyUnreadable } from "../lib/file_error.ts";
import { findUser, mayRead } from "./system_user.ts";
import { isTable, type KeyPath, type Mistake } from "./keys.ts";

/** What the files hold; a `null` or an empty list where there is none or it has a mistake. */
export interface FileContents {
  readonly localDomains: readonly string[];
  readonly smarthostAuth: SmarthostAuth | null;
  /** Of each [[route]], in order. */
  readonly routeAuths: readonly (SmarthostAuth | null)[];
  /** Names that the aliases file has. */
  readonly aliases: Pick<AliasTable, "has">;
  /** Of each [[webhook]], in order. */
  readonly webhookSecrets: readonly (string | null)[];
  /** DKIM keys in use, by domain; `null`: nobody has looked. */
  readonly dkimKeys: ReadonlyMap<string, DkimDomain> | null;
  readonly access: AccessContents;
  readonly masquerade: MasqueradeContents;
}

/** What is wrong, and what is only worth knowing. */
export interface Findings {
  readonly mistakes: Mistake[];
  readonly warnings: string[];
}

const SECRET_CHARACTERS = 24;

/** Looks at each file that the tree names, also where other keys beside it have mistakes. `at` makes a path absolute. */
export async function readFiles(
  tree: unknown,
  context: { readonly at: (path: string) => string; readonly hostname: string | null; readonly now: number },
  findings: Findings,
): Promise<FileContents> {
  const named = (...path: KeyPath): NamedFile | null => {
    const value = path.reduce<unknown>((part, key) => isTable(part) ? part[key] : undefined, tree);
    return typeof value === "string" && value !== "" ? { file: context.at(value), path } : null;
  };
  const certificate = named("tls", "certificate_file");
  const key = named("tls", "key_file");
  await checkPair({ certificate, key }, context, findings);
  const authorities = named("delivery", "smarthost", "ca_file");
  const mxAuthorities = named("delivery", "mx", "ca_file");
  const routeAuthorities = routeFiles(tree, context.at, "ca_file");
  for (const file of [authorities, mxAuthorities, ...routeAuthorities]) {
    if (file !== null) await readCertificate(file, findings);
  }
  await checkDataDir(named("data_dir"), findings);
  const domainsFile = named("local_domains_file");
  const authFile = named("delivery", "smarthost", "auth_info_file");
  const routeAuthFiles = routeFiles(tree, context.at, "auth_info_file");
  const oauthFiles = await checkOAuthFiles(tree, context.at, findings);
  const aliasesFile = named("delivery", "local", "aliases_file");
  const secretFiles = webhookFiles(tree, context.at);
  const dataDir = named("data_dir")?.file ?? DEFAULT_DATA_DIR;
  const dkimFolder = { file: named("dkim", "folder")?.file ?? join(dataDir, DKIM_FOLDER), path: ["dkim", "folder"] };
  const dkim = await readActiveKeys(dkimFolder.file);
  for (const text of dkim.mistakes) findings.mistakes.push({ path: dkimFolder.path, text });
  const dkimFiles = [...dkim.keys.values()].flatMap(({ keys }) => keys.map(({ file }) => ({ ...dkimFolder, file })));
  await checkUser(
    tree,
    [
      ...[certificate, key, authorities, mxAuthorities, domainsFile, authFile, aliasesFile],
      ...[named("masquerade", "domains_file"), named("masquerade", "generics_file")],
      ...[...secretFiles, ...routeAuthorities, ...routeAuthFiles, ...oauthFiles, ...dkimFiles],
    ],
    findings,
  );
  const masqueradeFiles = {
    domains: named("masquerade", "domains_file"),
    generics: named("masquerade", "generics_file"),
  };
  const accessFiles = { map: named("access", "file"), relayDomains: named("access", "relay_domains_file") };
  const localDomains = domainsFile === null ? [] : await readDomains(domainsFile, findings);
  return {
    localDomains,
    aliases: await checkAliases(aliasesFile, [...localDomains, ...domainsIn(tree)], findings),
    routeAuths: await Promise.all(routeAuthFiles.map((file) => file === null ? null : readAuth(file, findings))),
    smarthostAuth: authFile === null ? null : await readAuth(authFile, findings),
    webhookSecrets: await Promise.all(secretFiles.map((file) => file === null ? null : readSecret(file, findings))),
    dkimKeys: dkim.mistakes.length === 0 ? dkim.keys : null,
    access: await readAccessFiles(accessFiles, findings),
    masquerade: await readMasqueradeFiles(masqueradeFiles, findings.mistakes),
  };
}

/** Whether others than owner and group may read a file; `false` where it cannot be told. */
export async function readableByOthers(file: string): Promise<boolean> {
  try {
    return ((await Deno.stat(file)).mode ?? 0) % 8 >= 4;
  } catch {
    return false;
  }
}

/** A file and the key that names it. */
interface NamedFile {
  readonly file: string;
  readonly path: KeyPath;
}

async function readText({ file, path }: NamedFile, { mistakes }: Findings): Promise<string | null> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    mistakes.push({ path, text: `Cannot read ${file}: ${whyUnreadable(error)}` });
    return null;
  }
}

/** It may be missing: `serve` makes it. */
async function checkDataDir(dataDir: NamedFile | null, { mistakes }: Findings): Promise<void> {
  if (dataDir === null) return;
  const { file, path } = dataDir;
  const info = await Deno.stat(file).catch(() => null);
  if (info?.isDirectory === false) mistakes.push({ path, text: `${file} is no folder` });
}

/** Root reads everything, and the user that it becomes does not: a file that only root may read fails after the start, or at a reload. */
async function checkUser(tree: unknown, files: readonly (NamedFile | null)[], { mistakes }: Findings): Promise<void> {
  const name = isTable(tree) ? tree["user"] : undefined;
  if (typeof name !== "string" || name === "") return;
  const user = await findUser(name);
  if (!user.ok) return void mistakes.push({ path: ["user"], text: user.problem });
  for (const named of files) {
    if (named === null || await mayRead(named.file, user.value)) continue;
    mistakes.push({
      path: named.path,
      text: `the user ${name} cannot read ${named.file}: give it the file, or its group`,
    });
  }
}

async function checkPair(
  files: { readonly certificate: NamedFile | null; readonly key: NamedFile | null },
  { hostname, now }: { readonly hostname: string | null; readonly now: number },
  findings: Findings,
): Promise<void> {
  const certificate = files.certificate === null ? null : await readCertificate(files.certificate, findings);
  const key = files.key === null ? null : await readKey(files.key, findings);
  if (certificate === null || files.certificate === null) return;
  if (key !== null && !certificate.checkPrivateKey(key)) {
    findings.mistakes.push({ path: ["tls", "key_file"], text: `the key is not that of ${files.certificate.file}` });
  }
  if (Date.parse(certificate.validTo) < now) {
    findings.warnings.push(`tls.certificate_file: the certificate expired on ${certificate.validTo}`);
  } else if (Date.parse(certificate.validFrom) > now) {
    findings.warnings.push(`tls.certificate_file: the certificate is not valid before ${certificate.validFrom}`);
  }
  if (hostname !== null && certificate.checkHost(hostname) === undefined) {
    findings.warnings.push(`tls.certificate_file: the certificate is not for ${hostname}, so clients will refuse it`);
  }
}

async function readCertificate(named: NamedFile, findings: Findings): Promise<X509Certificate | null> {
  const pem = await readText(named, findings);
  if (pem === null) return null;
  try {
    return new X509Certificate(pem);
  } catch {
    findings.mistakes.push({
      path: named.path,
      text: `Cannot read ${named.file}: it holds no certificate in PEM form`,
    });
    return null;
  }
}

async function readKey(named: NamedFile, findings: Findings): Promise<ReturnType<typeof createPrivateKey> | null> {
  const pem = await readText(named, findings);
  if (pem === null) return null;
  if (await readableByOthers(named.file)) {
    findings.mistakes.push({ path: named.path, text: `everybody can read ${named.file}: run chmod o= on it` });
  }
  try {
    return createPrivateKey(pem);
  } catch {
    // The reason could quote the key.
    findings.mistakes.push({
      path: named.path,
      text: `Cannot read ${named.file}: it holds no private key in PEM form`,
    });
    return null;
  }
}

async function readDomains(named: NamedFile, findings: Findings): Promise<readonly string[]> {
  const text = await readText(named, findings);
  if (text === null) return [];
  const domains: string[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    const word = line.replace(/#.*$/, "").trim();
    if (word === "") continue;
    const domain = toAscii(word);
    if (domain !== null) domains.push(domain);
    else findings.mistakes.push({ path: named.path, text: `${named.file}, line ${at + 1}: expected a domain name` });
  }
  return domains;
}

function webhookFiles(tree: unknown, at: (path: string) => string): readonly (NamedFile | null)[] {
  const sections = isTable(tree) ? tree["webhook"] : undefined;
  if (!Array.isArray(sections)) return [];
  return sections.map((section: unknown, index) => {
    const value = isTable(section) ? section["secret_file"] : undefined;
    if (typeof value !== "string" || value === "") return null;
    return { file: at(value), path: ["webhook", index, "secret_file"] };
  });
}

/** A file of the smarthost of each [[route]]. */
function routeFiles(tree: unknown, at: (path: string) => string, key: string): readonly (NamedFile | null)[] {
  const sections = isTable(tree) ? tree["route"] : undefined;
  if (!Array.isArray(sections)) return [];
  return sections.map((section: unknown, index) => {
    const smarthost = isTable(section) ? section["smarthost"] : undefined;
    const value = isTable(smarthost) ? smarthost[key] : undefined;
    if (typeof value !== "string" || value === "") return null;
    return { file: at(value), path: ["route", index, "smarthost", key] };
  });
}

function domainsIn(tree: unknown): readonly string[] {
  const given = isTable(tree) ? tree["local_domains"] : undefined;
  if (!Array.isArray(given)) return [];
  return given.map((domain) => typeof domain === "string" ? toAscii(domain) : null).filter((domain) => domain !== null);
}

async function checkAliases(
  named: NamedFile | null,
  localDomains: readonly string[],
  { mistakes }: Findings,
): Promise<AliasTable> {
  if (named === null) return new AliasTable(new Map(), localDomains);
  const read = await readAliases(named.file, localDomains);
  for (const text of read.mistakes) mistakes.push({ path: named.path, text });
  return read.table;
}

/** One line. A short key would be guessed from one signature. */
async function readSecret(named: NamedFile, findings: Findings): Promise<string | null> {
  const text = await readText(named, findings);
  if (text === null) return null;
  if (await readableByOthers(named.file)) {
    findings.mistakes.push({ path: named.path, text: `everybody can read ${named.file}: run chmod o= on it` });
  }
  const secret = text.trim();
  if (secret.length >= SECRET_CHARACTERS) return secret;
  const expected =
    `expected a secret of ${SECRET_CHARACTERS} characters at least in ${named.file}: openssl rand -base64 32 makes one`;
  findings.mistakes.push({ path: named.path, text: expected });
  return null;
}

async function readAuth(named: NamedFile, { mistakes }: Findings): Promise<SmarthostAuth | null> {
  const auth = await readAuthInfo(named.file);
  if (auth.ok) return auth.value;
  mistakes.push({ path: named.path, text: auth.problem });
  return null;
}
