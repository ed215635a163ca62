import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { UsageError } from './exit.js';

/**
 * Asks at the terminal of this process, on stderr so that the output stays the command's own.
 * @throws UsageError where the terminal is closed instead
 */
export async function askAtTerminal(
  question: string,
  { secret }: { readonly secret: boolean } = { secret: false },
): Promise<string> {
  const output = secret ? nowhere() : process.stderr;
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const closed = new AbortController();
  lines.once('close', () => closed.abort());
  lines.once('SIGINT', () => {
    lines.close();
    process.kill(process.pid, 'SIGINT');
  });
  try {
    if (secret) process.stderr.write(question);
    return await lines.question(secret ? '' : question, { signal: closed.signal });
  } catch (error) {
    if (closed.signal.aborted) throw new UsageError('nothing was entered', { cause: error });
    throw error;
  } finally {
    lines.close();
    if (secret) process.stderr.write('\n');
  }
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
