/**
 * XML and property lists, read by Python's parsers.
 *
 * @module
 */

import { runOrThrow } from "../servers/lib.ts";

/** An element; a name in a namespace is `{NAMESPACE}NAME`. */
export interface XmlNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
  readonly children: readonly XmlNode[];
}

/** The root of a document; throws where it is not well-formed. */
export async function parseXml(text: string): Promise<XmlNode> {
  const [root] = await parseDocuments([text]);
  if (root === undefined) throw new TypeError("Cannot find the root");
  return root;
}

/** The roots of several documents, in one process. */
export async function parseDocuments(documents: readonly string[]): Promise<readonly XmlNode[]> {
  return JSON.parse(await runOrThrow("python3", { args: ["-c", READ_XML], input: JSON.stringify(documents) }));
}

/** A property list as plain values. */
export async function parsePlist(text: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await runOrThrow("python3", { args: ["-c", READ_PLIST], input: text }));
}

/** The elements on a path of names below a node, whatever their namespaces are. */
export function elements(node: XmlNode, ...path: readonly string[]): readonly XmlNode[] {
  const [first, ...rest] = path;
  if (first === undefined) return [node];
  return node.children.filter(({ name }) => name.replace(/^\{.*\}/, "") === first)
    .flatMap((child) => elements(child, ...rest));
}

/** The texts of the children of a node by their names. */
export function texts(node: XmlNode): Readonly<Record<string, string>> {
  return Object.fromEntries(node.children.map(({ name, text }) => [name.replace(/^\{.*\}/, ""), text]));
}

const READ_XML = `
import json, sys
from xml.etree import ElementTree
def tree(it):
    return {"name": it.tag, "attributes": it.attrib, "text": it.text or "", "children": [tree(child) for child in it]}
print(json.dumps([tree(ElementTree.fromstring(document.encode())) for document in json.load(sys.stdin)]))
`;

const READ_PLIST = `
import json, plistlib, sys
print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))
`;
