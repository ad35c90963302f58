/**
 * Splits text into lines.
 *
 * @module
 */

/** Gives the complete lines of a text without their ends; what follows the last end is dropped, as a killed process leaves it. */
export class TextLineStream extends TransformStream<string, string> {
  constructor() {
    let rest = "";
    super({
      transform(text, controller) {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) controller.enqueue(line);
      },
    });
  }
}
