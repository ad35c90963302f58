/**
 * A plugin: an object that somebody's file exports, and questions to it. Used where the plugin is loaded, in whichever process that is.
 *
 * @module
 */

import { decodeBase64 } from "../../src/lib/octets.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { printable } from "../../src/lib/text.ts";
import type { Fields } from "./helper_protocol.ts";

/** What is known of the object before it is asked: nothing of what it gives back. */
export interface Plugin {
  ask(question: Fields, signal: AbortSignal): unknown;
  /** Whether it can do its work now: `{ ok: true }`, or `{ ok: false, problem: "..." }`. */
  probe?(signal: AbortSignal): unknown;
}

/** Finds the one exported object that has a method `ask`; the problem is a sentence. */
export function findPlugin(module: unknown): Result<Plugin, string> {
  const exported: unknown[] = typeof module === "object" && module !== null ? Object.values(module) : [];
  const [plugin, ...others] = new Set(exported.filter(isPlugin));
  if (plugin === undefined) return fail("it exports no object with a method ask");
  return others.length === 0 ? succeed(plugin) : fail("it exports several objects with a method ask");
}

/** Asks, and gives the answer in the form of the protocol. Never rejects: what is thrown is a `fault`, which says where and not what. */
export async function askPlugin(plugin: Plugin, fields: Fields, signal: AbortSignal): Promise<Fields> {
  try {
    if (fields.kind === "ping") return await askProbe(plugin, signal);
    const answer = await plugin.ask(withOctets(fields), signal);
    if (typeof answer !== "object" || answer === null) {
      return { kind: "fault", text: `answered with ${answer === null ? "null" : `a value of type ${typeof answer}`}` };
    }
    // As it would arrive from another process: functions are gone, octets are base64, and what is no JSON is thrown here.
    return JSON.parse(JSON.stringify(answer, (_, value) => value instanceof Uint8Array ? value.toBase64() : value));
  } catch (error) {
    return { kind: "fault", text: `threw ${whereThrown(error)}` };
  }
}

/**
 * The name of an error, and where in the file it was thrown. The message stays out: it may quote what the plugin was asked, and that may
 * be a password.
 */
export function whereThrown(error: unknown): string {
  if (!(error instanceof Error)) return `a value of type ${typeof error}`;
  const frame = (error.stack ?? "").split("\n").map((line) => line.trim()).find((line) => line.startsWith("at "));
  return printable(frame === undefined ? error.name : `${error.name} ${frame}`, 200);
}

async function askProbe(plugin: Plugin, signal: AbortSignal): Promise<Fields> {
  const told = await plugin.probe?.(signal);
  if (typeof told !== "object" || told === null || !("ok" in told) || told.ok !== false) return { kind: "pong" };
  const cause = "problem" in told && typeof told.problem === "string" ? told.problem : "the plugin's probe says no";
  return { kind: "unavailable", cause: printable(cause) };
}

function withOctets(fields: Fields): Fields {
  const octets = fields.kind === "token" && typeof fields.octets === "string" ? decodeBase64(fields.octets) : null;
  return octets === null ? fields : { ...fields, octets };
}

function isPlugin(value: unknown): value is Plugin {
  return typeof value === "object" && value !== null && "ask" in value && typeof value.ask === "function";
}
