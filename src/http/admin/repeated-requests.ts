import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import type { AdminApi, Answer, Wish } from '../../admin/admin-api.js';
import type { OperationId } from '../../api/operations.js';
import { idempotencyKey } from '../../domain/keys.js';
import type { AdminCaller } from '../../ports/admin-caller.js';
import type { Ids } from '../../ports/ids.js';
import type { Locker } from '../../ports/locker.js';
import { isStorageError } from '../../ports/storage-driver.js';
import type { StorageDriver } from '../../ports/storage-driver.js';
import { Problem } from './problem-answer.js';

/** A request that may be sent again. */
export interface RepeatableRequest {
  /** Of the header. */
  readonly key: string;
  readonly id: OperationId;
  readonly wish: Wish;
  readonly caller: AdminCaller;
}

type Answered = Awaited<ReturnType<AdminApi['call']>>;

const KEY = /^[\x21-\x7e]{16,255}$/;
const DAY_SECONDS = 24 * 60 * 60;
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Answers a request that is sent again, with the same `Idempotency-Key` within a day, as it was answered at first
 * (draft-ietf-httpapi-idempotency-key-header). An answer may hold a secret: it is kept sealed by the key, which is not
 * kept. Where a server ended before it kept the answer, what came of the request is not known: 409.
 */
export class RepeatedRequests {
  constructor(
    private readonly parts: { readonly driver: StorageDriver; readonly ids: Ids; readonly locker: Locker },
  ) {}

  /** @throws Problem; what `ask` throws, after which the request may be sent again */
  async answer(request: RepeatableRequest, ask: () => Promise<Answered>): Promise<Answer<OperationId>> {
    const { key, caller } = request;
    if (!KEY.test(key)) {
      throw new Problem(
        'invalid-request',
        'Idempotency-Key has 16 to 255 visible characters, such as a UUID',
      );
    }
    // Who is no admin, or no more, is refused as anybody: what an admin was answered is another's.
    const name = digest(['name', caller.by, String(caller.isAdmin), key]);
    return this.parts.locker.alone(`idempotency:${name}`, () => this.answerOnce(name, request, ask));
  }

  private async answerOnce(
    name: string,
    { key, id, wish, caller }: RepeatableRequest,
    ask: () => Promise<Answered>,
  ): Promise<Answer<OperationId>> {
    const { driver } = this.parts;
    const place = idempotencyKey(name);
    const asked = digest([
      'request',
      key,
      id,
      caller.by,
      JSON.stringify([wish.params, wish.query, wish.body]),
    ]);
    try {
      await driver.put(place, Buffer.from(asked), { ifAbsent: true, expiresAfter: DAY_SECONDS });
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
      return this.earlier(name, asked, key);
    }
    let answer: Answered;
    try {
      answer = await ask();
    } catch (error) {
      await driver.delete(place);
      throw error;
    }
    await driver.put(place, this.sealed(asked, key, answer), { expiresAfter: DAY_SECONDS });
    return answer;
  }

  private async earlier(name: string, asked: string, key: string): Promise<Answer<OperationId>> {
    const kept = await this.parts.driver.read(idempotencyKey(name), { fresh: true });
    if (kept.subarray(0, asked.length).toString() !== asked) {
      throw new Problem('key-used', 'this Idempotency-Key was used for another request; use a new one');
    }
    const sealed = kept.subarray(asked.length);
    if (sealed.byteLength === 0) {
      throw new Problem(
        'conflict',
        'the first request with this Idempotency-Key is not answered yet, or never was: look what there is, then use a new key',
      );
    }
    return opened(sealed, key);
  }

  private sealed(asked: string, key: string, answer: Answered): Buffer {
    const salt = this.parts.ids.secret(SALT_BYTES);
    const iv = this.parts.ids.secret(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', sealingKey(key, salt), iv);
    const text = Buffer.concat([cipher.update(JSON.stringify(answer)), cipher.final()]);
    return Buffer.concat([Buffer.from(asked), salt, iv, cipher.getAuthTag(), text]);
  }
}

function opened(sealed: Buffer, key: string): Answer<OperationId> {
  const salt = sealed.subarray(0, SALT_BYTES);
  const iv = sealed.subarray(SALT_BYTES, SALT_BYTES + IV_BYTES);
  const tag = sealed.subarray(SALT_BYTES + IV_BYTES, SALT_BYTES + IV_BYTES + TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(key, salt), iv);
  decipher.setAuthTag(tag);
  const text = Buffer.concat([
    decipher.update(sealed.subarray(SALT_BYTES + IV_BYTES + TAG_BYTES)),
    decipher.final(),
  ]);
  return JSON.parse(text.toString()) as Answer<OperationId>;
}

function sealingKey(key: string, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, 'stackyard idempotency', 32));
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
