import {
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Pair,
  type YAMLError,
  type YAMLMap,
  isNode,
} from 'yaml';
import { aliasedValue } from './aliased-value.js';
import { configKeys, sectionPaths } from './keys.js';
import { nearest } from './nearest.js';
import type { Setting, Source } from './settings.js';

/** Reads the YAML text of a configuration file; `name` is how messages call the file. */
export function parseFile(name: string, text: string): Source {
  return new FileReader(name, text).read();
}

const keyPaths = configKeys.map(({ path }) => path);

class FileReader {
  readonly #name: string;
  readonly #text: string;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;
  readonly #settings = new Map<string, Setting>();
  readonly #problems: string[] = [];

  constructor(name: string, text: string) {
    this.#name = name;
    this.#text = text;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
  }

  read(): Source {
    for (const error of [...this.#document.errors, ...this.#document.warnings]) {
      this.#problems.push(`${this.#at(error.pos[0])}: ${this.#explain(error)}`);
    }
    const readable = this.#problems.length === 0;
    if (readable) this.#readRoot();
    return { settings: this.#settings, problems: this.#problems, readable };
  }

  #readRoot(): void {
    const root = this.#resolve(this.#document.contents);
    if (isMap(root)) this.#readSection(root, '');
    else if (!isEmpty(root)) {
      this.#problems.push(`${this.#name}: this is no configuration; write keys such as "server:" at the top`);
    }
  }

  #readSection(section: YAMLMap, parent: string): void {
    for (const pair of section.items) {
      const path = parent + keyText(pair);
      const where = this.#at(isNode(pair.key) ? pair.key.range?.[0] : undefined);
      const value = this.#resolve(pair.value);
      if (sectionPaths.includes(path)) this.#readChild(path, where, value);
      else if (!keyPaths.includes(path)) this.#refuse(path, where, parent);
      else if (parent === '' && path.includes('.')) this.#refuse(path, where, parent);
      else if (isEmpty(value))
        this.#problems.push(`${path} (${where}): it has no value; give one or remove the line`);
      else this.#set(path, where, value);
    }
  }

  #set(path: string, where: string, node: Node | undefined): void {
    const value = aliasedValue(() => node?.toJS(this.#document));
    if (value === undefined)
      this.#problems.push(
        `${path} (${where}): an alias in it leads nowhere; put text that begins with * in quotes`,
      );
    else this.#settings.set(path, { value, where, from: 'file' });
  }

  #readChild(path: string, where: string, value: Node | undefined): void {
    if (isMap(value)) this.#readSection(value, `${path}.`);
    else if (!isEmpty(value)) {
      const first = keyPaths.find((key) => key.startsWith(`${path}.`)) ?? path;
      this.#problems.push(`${path} (${where}): it is a section; put its keys below it, such as ${first}`);
    }
  }

  #refuse(path: string, where: string, parent: string): void {
    const hint =
      parent === '' && keyPaths.includes(path)
        ? `write ${path.split('.').join(': and below it ')}:`
        : `did you mean ${nearest(path, [...keyPaths, ...sectionPaths])}?`;
    this.#problems.push(`${path} (${where}): there is no such key; ${hint}`);
  }

  #explain(error: YAMLError): string {
    if (error.code !== 'DUPLICATE_KEY') return `${oneLine(error.message)}; correct the YAML`;
    const key = /^[^:\s]*/.exec(this.#text.slice(error.pos[0]))?.[0] ?? '';
    return `the key ${key} is given twice; remove one`;
  }

  #resolve(node: unknown): Node | undefined {
    if (isAlias(node)) return node.resolve(this.#document);
    return isNode(node) ? node : undefined;
  }

  #at(offset: number | undefined): string {
    return offset === undefined ? this.#name : `${this.#name}:${this.#lines.linePos(offset).line}`;
  }
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function isEmpty(node: Node | null | undefined): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

function oneLine(message: string): string {
  return message.replace(/\s+/g, ' ').trim();
}
