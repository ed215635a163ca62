import assert from 'node:assert/strict';
import { Client } from '../http/client.js';
import type { Answer, CallOptions } from '../http/client.js';

/** The registry said, as it should, that it cannot now; or a pull broke off or differed from its digest. */
export class NotNow extends Error {
  override readonly name = 'NotNow';
  constructor(
    message: string,
    /** Seconds. */
    readonly retryAfter = 0,
  ) {
    super(message);
  }
}

/** A client that takes nothing for an answer but what it expects, or an honest refusal. */
export class PatientClient extends Client {
  /** @throws NotNow for a 503 or 429 with Retry-After, and where a GET breaks off */
  async ask(
    method: string,
    path: string,
    expected: number | readonly number[],
    options: CallOptions = {},
  ): Promise<Answer> {
    const answer = await this.call(method, path, options).catch((error: NodeJS.ErrnoException) => {
      if (method === 'GET' && (error.code === 'ECONNRESET' || error.message === 'aborted'))
        throw new NotNow(`${method} broke off: ${error.message}`);
      throw new Error(`${method} ${path.slice(0, 60)}: ${error.message}`, { cause: error });
    });
    if ([expected].flat().includes(answer.status)) return answer;
    const told = `${method} ${path.slice(0, 120)}: ${answer.status} ${answer.body.toString().slice(0, 200)}`;
    assert.ok(answer.status === 503 || answer.status === 429, told);
    assert.match(answer.headers['retry-after'] ?? '', /^\d+$/, `${told} without Retry-After`);
    throw new NotNow(told, Number(answer.headers['retry-after']));
  }
}
