import type { OutgoingHttpHeaders } from 'node:http';
import { API_PREFIX } from '../../../src/api/operations.js';
import { basic } from '../access/logins.js';
import type { Wire } from '../client.js';

export const BOUNDARY = 'a-boundary-of-a-form';
export const FORM = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
const MIB = 1024 * 1024;

/** A part of a form; a file where it has a filename. */
export interface Part {
  readonly name?: string;
  readonly filename?: string;
  readonly type?: string;
  readonly bytes: Buffer | string;
}

export function fileOf(bytes: Buffer | string, name = 'archive'): Part {
  return { name, filename: 'image.tar', type: 'application/x-tar', bytes };
}

export function headOf({ name, filename, type }: Part): string {
  const named = name === undefined ? '' : `; name="${name}"`;
  const filed = filename === undefined ? '' : `; filename="${filename}"`;
  const typed = type === undefined ? '' : `content-type: ${type}\r\n`;
  return `--${BOUNDARY}\r\ncontent-disposition: form-data${named}${filed}\r\n${typed}\r\n`;
}

/** RFC 7578; without its `end` a form is cut off. */
export function formOf(parts: readonly Part[], end = `--${BOUNDARY}--\r\n`): Buffer {
  const pieces = parts.flatMap((part) => [headOf(part), part.bytes, '\r\n']);
  return Buffer.concat([...pieces, end].map((piece) => Buffer.from(piece)));
}

/** The path of an import. */
export function importInto(repository = 'team/new', query = ''): string {
  return `${API_PREFIX}/repositories/${encodeURIComponent(repository)}/import${query}`;
}

/** The lines of a request that sends a form. */
export function requestLines(user: string, headers: OutgoingHttpHeaders, path = importInto()): string[] {
  const all = { ...basic(user), ...FORM, ...headers };
  return [
    `POST ${path} HTTP/1.1`,
    ...Object.entries(all).map(([name, value]) => `${name}: ${String(value)}`),
  ];
}

/** Sends without end until the server closes the connection. Answers how many bytes it was let send. */
export async function sendForEver({ socket }: Wire): Promise<number> {
  const piece = Buffer.alloc(MIB / 4);
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.once('end', () => socket.destroy());
    const go = (): void => {
      if (!socket.destroyed) socket.write(piece, (error) => (error ? resolve() : go()));
    };
    go();
  });
  socket.destroy();
  return socket.bytesWritten;
}
