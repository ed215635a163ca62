import { malformed, quoted } from './invalid-archive.js';

/** What extended headers tell of the entry that follows them. */
export interface TarExtensions {
  name?: string;
  link?: string;
  size?: number;
}

/** The type flags of headers that only tell something of the entry after them, or of all. */
const EXTENSIONS = { pax: 'x', paxGlobal: 'g', gnuName: 'L', gnuLink: 'K' } as const;

export function isExtension(type: string): boolean {
  return (Object.values(EXTENSIONS) as string[]).includes(type);
}

/** Adds what one extended header tells. @throws InvalidArchive for what archives of images have no use for */
export function addExtension(known: TarExtensions, type: string, body: Buffer): void {
  if (type === EXTENSIONS.gnuName) known.name ??= untilZero(body);
  else if (type === EXTENSIONS.gnuLink) known.link ??= untilZero(body);
  else addPax(known, body, type === EXTENSIONS.paxGlobal);
}

function addPax(known: TarExtensions, body: Buffer, isGlobal: boolean): void {
  for (const [key, value] of paxRecords(body)) {
    if (key.startsWith('GNU.sparse.'))
      throw malformed('the archive holds a sparse file, which is not supported');
    if (key !== 'path' && key !== 'linkpath' && key !== 'size') continue;
    if (isGlobal) throw malformed(`the archive gives all its entries one ${key}`);
    if (key === 'path') known.name = value;
    else if (key === 'linkpath') known.link = value;
    else known.size = paxSize(value);
  }
}

/** Records of the form `length key=value\n`, the length being of all of it. */
function* paxRecords(body: Buffer): Generator<readonly [key: string, value: string]> {
  for (let start = 0; start < body.byteLength;) {
    const space = body.indexOf(0x20, start);
    const digits = space < 0 || space - start > 6 ? '' : body.toString('latin1', start, space);
    const end = start + (/^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0);
    const equals = body.indexOf(0x3d, space);
    if (end <= space || end > body.byteLength || body[end - 1] !== 0x0a || equals < 0 || equals >= end) {
      throw malformed('the archive is damaged: an extended header is not made of records');
    }
    yield [body.toString('utf8', space + 1, equals), body.toString('utf8', equals + 1, end - 1)];
    start = end;
  }
}

function paxSize(value: string): number {
  const size = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(size))
    throw malformed(`the size ${quoted(value)} of an entry is not a number of bytes`);
  return size;
}

function untilZero(body: Buffer): string {
  const zero = body.indexOf(0);
  return body.toString('utf8', 0, zero < 0 ? undefined : zero);
}
