import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';

/**
 * Serves the files of a folder, each with its ETag, and prints a line of each request: method, path, status.
 *   node web-server.js FOLDER ADDRESS PORT
 */
const [folder = '', address, port] = process.argv.slice(2);

const server = createServer((request, response) => {
  const path = normalize(decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/'));
  const answer = (status: number, headers: Record<string, string> = {}, body?: Buffer): void => {
    console.log(`${request.method} ${path} ${status}`);
    response.writeHead(status, headers).end(body);
  };
  readFile(join(folder, path)).then(
    (body) => {
      const etag = `"${createHash('sha256').update(body).digest('hex')}"`;
      if (request.headers['if-none-match'] === etag) answer(304, { etag });
      else answer(200, { etag, 'content-length': String(body.length) }, body);
    },
    () => {
      answer(404, { 'content-type': 'application/json' }, Buffer.from('{"error":"Not found"}'));
    },
  );
});
server.listen(Number(port), address, () => {
  console.log('listening');
});
