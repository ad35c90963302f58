/**
 * What walks have in common.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Translate, translator } from "../../src/http/pages/language.ts";
import type { Visitor } from "./browser.ts";
import type { Scene, WalkParts } from "./scene.ts";

/** Somebody on the way. */
export class Walk {
  protected readonly scene: Scene;
  protected readonly visitor: Visitor;
  /** The language that the visitor's browser asks for. */
  protected readonly t: Translate;
  readonly #inspector: WalkParts["inspector"];

  constructor({ scene, inspector, visitor }: WalkParts) {
    this.scene = scene;
    this.visitor = visitor;
    this.#inspector = inspector;
    this.t = translator(visitor.options.locale === "ja-JP" ? "ja" : "en");
  }

  protected async go(path: string): Promise<void> {
    await this.visitor.page.goto(path, { waitUntil: "domcontentloaded" });
  }

  /** Looks closely at the page that is open: it has this status and this text, and no fault. */
  protected async look(name: string, { status = 200, text }: { status?: number; text?: string } = {}): Promise<void> {
    const { visitor } = this;
    assert.equal((await visitor.served()).status, status, name);
    if (text !== undefined) await this.expect(text);
    await this.#inspector?.inspect(visitor, name);
    assert.deepEqual(visitor.faults, []);
  }

  /** The page that is open says so. */
  protected async expect(text: string): Promise<void> {
    const read = await this.visitor.read();
    assert.ok(read.includes(text), `expected "${text}" at ${this.visitor.path}, which reads: ${read}`);
  }

  /** The visitor is led there. */
  protected arrive(path: string): void {
    assert.equal(this.visitor.path, path);
  }
}
