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

  #show() {
    for (let first; (first = this.#parts[0]) !== undefined; this.#parts.shift()) {
      for (const chunk of first.chunks.splice(0)) this.#out(chunk);
      if (!first.ended) return;
    }
  }
}
