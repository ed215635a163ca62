import { malformed } from './invalid-archive.js';

/** Bytes of a header, and of what every body is filled up to. */
export const TAR_BLOCK = 512;

/** What a tar header tells (POSIX.1-2017 pax "ustar Interchange Format"). */
export interface TarHeader {
  readonly name: string;
  /** Bytes of the body. */
  readonly size: number;
  /** The type flag: `0` file, `1` hard link, `2` symbolic link, `5` directory, … */
  readonly type: string;
  /** Where a link leads. */
  readonly link: string;
}

const CHECKSUM = { start: 148, end: 156 } as const;
const FILE = '0';
const PAX = 'x';
const LONGEST_NAME = 100;
const SPACES = 8 * 0x20;
const LARGEST_OCTAL = 0o77777777777;
const MAGIC = { start: 257, text: 'ustar' } as const;

/** Undefined for a block of zeros, with which an archive ends. @throws InvalidArchive */
export function decodeTarHeader(block: Buffer): TarHeader | undefined {
  const sum = checksumOf(block);
  if (sum === SPACES) return undefined;
  if (sum !== octalIn(block, CHECKSUM.start, CHECKSUM.end)) {
    throw malformed('the archive is no tar archive, or is damaged: the checksum of a header is wrong');
  }
  if (block.toString('latin1', MAGIC.start, MAGIC.start + MAGIC.text.length) !== MAGIC.text) {
    throw malformed('the archive is of a tar format older than ustar, which is not supported');
  }
  const name = text(block, 0, 100);
  // GNU's own format, `ustar` and a space, has other things in the place of the prefix.
  const prefix = block[MAGIC.start + MAGIC.text.length] === 0 ? text(block, 345, 500) : '';
  const flag = String.fromCharCode(block[156] ?? 0);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    size: number(block, 124, 136),
    type: flag === '\0' ? '0' : flag,
    link: text(block, 157, 257),
  };
}

/**
 * The headers of a regular file that anybody may read and nobody owns, of no time: equal files have equal headers. A
 * name above 100 bytes stands in an extended header of pax.
 */
export function encodeTarHeaders(name: string, size: number): Buffer {
  if (Buffer.byteLength(name) <= LONGEST_NAME) return encodeTarHeader(name, size, FILE);
  const record = paxRecord('path', name);
  const padding = Buffer.alloc(tarPadding(record.byteLength));
  return Buffer.concat([
    encodeTarHeader('PaxHeader', record.byteLength, PAX),
    record,
    padding,
    encodeTarHeader('LongName', size, FILE),
  ]);
}

function encodeTarHeader(name: string, size: number, type: string): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  block.write(name, 0, LONGEST_NAME);
  block.write('0000644\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  if (size <= LARGEST_OCTAL) block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(size), 128);
  }
  block.write('00000000000\0', 136);
  block.write(type, 156);
  block.write('ustar\x0000', MAGIC.start, 'latin1');
  block.write(`${checksumOf(block).toString(8).padStart(6, '0')}\0 `, CHECKSUM.start);
  return block;
}

/** Its length counts its own digits too. */
function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (Buffer.byteLength(`${length}${rest}`) !== length) length = Buffer.byteLength(`${length}${rest}`);
  return Buffer.from(`${length}${rest}`);
}

/** Bytes of zeros that follow a body of this size. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

function checksumOf(block: Buffer): number {
  let sum = SPACES;
  for (let i = 0; i < CHECKSUM.start; i++) sum += block[i] ?? 0;
  for (let i = CHECKSUM.end; i < TAR_BLOCK; i++) sum += block[i] ?? 0;
  return sum;
}

function text(block: Buffer, start: number, end: number): string {
  const zero = block.indexOf(0, start);
  return block.toString('utf8', start, zero < 0 || zero > end ? end : zero);
}

/** Octal digits, or a number in base 256 where the first bit is set. */
function number(block: Buffer, start: number, end: number): number {
  if (((block[start] ?? 0) & 0x80) === 0) return octal(block, start, end);
  let value = (block[start] ?? 0) & 0x7f;
  for (let i = start + 1; i < end; i++) value = value * 256 + (block[i] ?? 0);
  if (!Number.isSafeInteger(value))
    throw malformed('the archive is damaged: a header tells an impossible size');
  return value;
}

function octal(block: Buffer, start: number, end: number): number {
  const value = octalIn(block, start, end);
  if (value === undefined) throw malformed('the archive is damaged: a number in a header is not octal');
  return value;
}

/** Undefined where there are other characters; spaces may stand before, zeros and spaces after. */
function octalIn(block: Buffer, start: number, end: number): number | undefined {
  const digits = /^ *([0-7]*)[\0 ]*$/.exec(block.toString('latin1', start, end))?.[1];
  if (digits === undefined) return undefined;
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}
