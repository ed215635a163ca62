/**
 * A server that answers from prepared bytes and looks at nothing but the framing of a request: what a load
 * generator reaches against it is the generator's ceiling, for nothing could be answered with less work.
 * The lengths of answers are set by `PUT /lengths/<blob>/<other>`.
 */
import { createServer, type Socket } from 'node:net';

const block = Buffer.alloc(1024 * 1024, 0x61);
const finalChunk = '0\r\n\r\n';
const accepted =
  'HTTP/1.1 202 Accepted\r\nLocation: /v2/ceiling/blobs/uploads/1\r\nContent-Length: 0\r\n\r\n';
const created = Buffer.from('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n');

let blobLength = 0;
let otherLength = 2;
let blobAnswer = answerOf(blobLength);
let otherAnswer = answerOf(otherLength);

function answerOf(length: number): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ${length}\r\n\r\n`;
  return length <= block.length
    ? Buffer.concat([Buffer.from(head), block.subarray(0, length)])
    : Buffer.from(head);
}

function setLengths(path: string): void {
  const [, blob, other] = /^\/lengths\/(\d+)\/(\d+)$/.exec(path) ?? [];
  if (blob === undefined || other === undefined) return;
  blobLength = Number(blob);
  otherLength = Number(other);
  blobAnswer = answerOf(blobLength);
  otherAnswer = answerOf(otherLength);
}

/** Resolves when more may be written, or never will be. */
async function writable(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const proceed = (): void => {
      socket.off('drain', proceed).off('close', proceed);
      resolve();
    };
    socket.on('drain', proceed).on('close', proceed);
  });
}

async function sendLong(socket: Socket, length: number): Promise<void> {
  socket.write(blobAnswer);
  for (let left = length; left > 0 && !socket.destroyed; left -= block.length) {
    if (!socket.write(left < block.length ? block.subarray(0, left) : block)) {
      await writable(socket);
    }
  }
}

function answer(socket: Socket, method: string, path: string): void {
  if (method === 'GET') {
    const isBlob = path.includes('/blobs/');
    if (isBlob && blobLength > block.length) {
      sendLong(socket, blobLength).catch((error: unknown) => socket.destroy(error as Error));
    } else socket.write(isBlob ? blobAnswer : otherAnswer);
  } else if (method === 'HEAD') {
    socket.write(otherAnswer.subarray(0, otherAnswer.length - otherLength));
  } else if (method === 'PUT') {
    setLengths(path);
    socket.write(created);
  } else socket.write(accepted);
}

/** Requests of one connection come one after another, each only after the answer to the one before. */
function serve(socket: Socket): void {
  let head = '';
  let left = 0; // body bytes still to come; -1 for a chunked body
  let tail = '';
  let method = '';
  let path = '';
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy()); // a generator that goes away is the end of this connection
  socket.on('data', (data: Buffer) => {
    let body = data;
    if (left === 0) {
      head += data.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      [method = '', path = ''] = head.split(' ', 2);
      body = Buffer.from(head.slice(end + 4), 'latin1');
      const fields = head.slice(0, end);
      head = '';
      tail = '';
      left = /\r\ntransfer-encoding: chunked/i.test(fields)
        ? -1
        : Number(/\r\ncontent-length: (\d+)/i.exec(fields)?.[1] ?? 0);
    }
    if (left < 0) {
      tail = (tail + body.toString('latin1', Math.max(0, body.length - finalChunk.length))).slice(
        -finalChunk.length,
      );
      if (tail !== finalChunk) return;
      left = 0;
    } else {
      left -= body.length;
      if (left > 0) return;
    }
    answer(socket, method, path);
  });
}

createServer(serve).listen(Number(process.argv[2]), '127.0.0.1');
