/**
 * What several processes print, as one text: that of the first as it comes, that of each other once those that began
 * before it have ended.
 */
export class Transcript {
  #out;
  #parts = [];

  /** @param out takes the text, chunk by chunk */
  constructor(out) {
    this.#out = out;
  }

  /** @returns `write(chunk)` and `end()` of one process */
  begin() {
    const part = { chunks: [], ended: false };
    this.#parts.push(part);
    const show = () => this.#show();
    return {
      write(chunk) {
        part.chunks.push(chunk);
        show();
      },
      end() {
        part.ended = true;
        show();
      },
    };
  }

  /** Shows all there is, also of those that are not at their turn. */
  flush() {
    for (const part of this.#parts) part.ended = true;
    this.#show();
  }

  #show() {
    for (let first; (first = this.#parts[0]) !== undefined; this.#parts.shift()) {
      for (const chunk of first.chunks.splice(0)) this.#out(chunk);
      if (!first.ended) return;
    }
  }
}
