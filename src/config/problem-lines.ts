/** Lines that are shown of one key; the others are counted. */
const MOST_SHOWN = 10;

/** What is wrong with one key: the first lines, and how many more there are. */
export class ProblemLines {
  readonly #shown: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(line: string): void {
    this.#count += 1;
    if (this.#shown.length < MOST_SHOWN) this.#shown.push(line);
  }

  lines(): readonly string[] {
    const more = this.#count - this.#shown.length;
    return more === 0 ? this.#shown : [...this.#shown, `${more} more problems of it; correct these first`];
  }
}
