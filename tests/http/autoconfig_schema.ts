/**
 * What an autoconfig file may hold. Written for these tests after Mozilla's description of the format
 * (https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat) and the Internet-Draft that carries it on
 * (draft-ietf-mailmaint-autoconfig, sections "XML config file" to "Placeholders"). It has only what a file for IMAP, POP3 and SMTP needs,
 * and is stricter than clients: an element that is not here is a mistake.
 *
 * @module
 */

import type { XmlNode } from "./xml_tree.ts";

/** What an element may be. */
interface Rule {
  readonly attributes?: Readonly<Record<string, RegExp>>;
  /** Of an element with text alone. */
  readonly text?: RegExp;
  /** How often each child comes: at least, at most. */
  readonly children?: Readonly<Record<string, readonly [number, number]>>;
}

const HOST_REGEXP = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const SERVER: Rule["children"] = {
  hostname: [1, 1],
  port: [1, 1],
  socketType: [1, 1],
  authentication: [1, Infinity],
  username: [1, 1],
};

const RULES: Readonly<Record<string, Rule>> = {
  clientConfig: { attributes: { version: /^1\.[12]$/ }, children: { emailProvider: [1, 1] } },
  emailProvider: {
    attributes: { id: HOST_REGEXP },
    children: {
      domain: [1, Infinity],
      displayName: [1, 1],
      displayShortName: [0, 1],
      incomingServer: [1, Infinity],
      outgoingServer: [1, Infinity],
    },
  },
  domain: { text: HOST_REGEXP },
  // "no longer than 60 characters" and "no longer than 20 characters".
  displayName: { text: /^.{1,60}$/u },
  displayShortName: { text: /^.{1,20}$/u },
  incomingServer: { attributes: { type: /^(?:imap|pop3)$/ }, children: SERVER },
  outgoingServer: { attributes: { type: /^smtp$/ }, children: SERVER },
  hostname: { text: HOST_REGEXP },
  port: { text: /^[1-9]\d{0,4}$/ },
  socketType: { text: /^(?:SSL|STARTTLS)$/ },
  authentication: { text: /^password-(?:cleartext|encrypted)$/ },
  username: { text: /^(?:%EMAILADDRESS%|%EMAILLOCALPART%@[a-z0-9.-]+)$/ },
};

/** Everything in a file that the description does not allow, one line each. */
export function autoconfigMistakes(root: XmlNode): readonly string[] {
  return root.name === "clientConfig" ? mistakesOf(root, root.name) : [`the root is ${root.name}`];
}

function mistakesOf(node: XmlNode, path: string): readonly string[] {
  const rule = RULES[node.name];
  if (rule === undefined) return [`${path}: unknown element`];
  const { attributes = {}, text, children = {} } = rule;
  const names = new Set([...Object.keys(attributes), ...Object.keys(node.attributes)]);
  return [
    ...[...names].filter((name) => attributes[name]?.test(node.attributes[name] ?? "") !== true)
      .map((name) => `${path}: attribute ${name} is "${node.attributes[name]}"`),
    ...text === undefined || text.test(node.text) ? [] : [`${path}: the text is "${node.text}"`],
    ...text !== undefined || node.text.trim() === "" ? [] : [`${path}: there is text between its elements`],
    ...Object.entries(children).flatMap(([name, [least, most]]) => {
      const count = node.children.filter((child) => child.name === name).length;
      return count >= least && count <= most ? [] : [`${path}: ${count} times ${name}`];
    }),
    ...node.children.flatMap((child) =>
      children[child.name] === undefined
        ? [`${path}: no ${child.name} belongs here`]
        : mistakesOf(child, `${path}/${child.name}`)
    ),
  ];
}
