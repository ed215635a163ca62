import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The answers of each connection that wait for those before them to be sent. */
const waiting = new WeakMap<Socket, Set<ServerResponse>>();

/**
 * Node emits `close` of an answer only once it is its turn on the connection. Where the connection ends before, this
 * emits it, so that nothing waits for ever for the answer to a pipelined request.
 */
export function closeWithConnection({ socket }: IncomingMessage, res: ServerResponse): void {
  if (res.socket !== null) return;
  const answers = waiting.get(socket) ?? watch(socket);
  answers.add(res);
  res.once('socket', () => answers.delete(res));
}

function watch(socket: Socket): Set<ServerResponse> {
  const answers = new Set<ServerResponse>();
  waiting.set(socket, answers);
  socket.once('close', () => {
    for (const res of answers) {
      res.destroy();
      res.emit('close');
    }
  });
  return answers;
}
