import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import type { AdminApi, Answer, Wish } from '../../admin/admin-api.js';
import type { OperationId } from '../../api/operations.js';
import { idempotencyKey } from '../../domain/keys.js';
import type { Key } from '../../domain/keys.js';
import { NotRecorded } from '../../admin/not-recorded.js';
import type { AdminCaller } from '../../ports/admin-caller.js';
import type { Clock } from '../../ports/clock.js';
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
/** Of a time, in milliseconds since 1970. */
const TIME_BYTES = 8;
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Answers a request that is sent again, with the same `Idempotency-Key` within a day, as it was answered at first
 * (draft-ietf-httpapi-idempotency-key-header). An answer may hold a secret: it is kept sealed by the key, which is not
 * kept. Where a server ended before it kept the answer, or could not record what was done, what came of the request is not
 * known: 409.
 */
export class RepeatedRequests {
  constructor(
    private readonly parts: {
      readonly driver: StorageDriver;
      readonly clock: Clock;
      readonly ids: Ids;
      readonly locker: Locker;
    },
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
    const kept = await this.claim(place, asked);
    if (kept !== undefined) return earlier(kept, asked, key);
    let answer: Answered;
    try {
      answer = await ask();
    } catch (error) {
      if (!(error instanceof NotRecorded)) await driver.delete(place);
      throw error;
    }
    await driver.put(place, this.sealed(asked, key, answer), { expiresAfter: DAY_SECONDS });
    return answer;
  }

  /** Undefined where it is the first; else what is kept of that. One that is older than a day is none. */
  private async claim(place: Key, asked: string): Promise<Buffer | undefined> {
    const { driver, clock } = this.parts;
    const options = { ifAbsent: true, expiresAfter: DAY_SECONDS };
    try {
      await driver.put(place, this.begun(asked), options);
      return undefined;
    } catch (error) {
      if (!isStorageError(error, 'EXISTS')) throw error;
    }
    const kept = await driver.read(place, { fresh: true });
    const since = Number(kept.readBigUInt64BE(0));
    if (clock.now() - since < DAY_SECONDS * 1000) return kept.subarray(TIME_BYTES);
    await driver.delete(place);
    await driver.put(place, this.begun(asked), options);
    return undefined;
  }

  private begun(asked: string): Buffer {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeBigUInt64BE(BigInt(this.parts.clock.now()));
    return Buffer.concat([time, Buffer.from(asked)]);
  }

  private sealed(asked: string, key: string, answer: Answered): Buffer {
    const salt = this.parts.ids.secret(SALT_BYTES);
    const iv = this.parts.ids.secret(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', sealingKey(key, salt), iv);
    const text = Buffer.concat([cipher.update(JSON.stringify(answer)), cipher.final()]);
    return Buffer.concat([this.begun(asked), salt, iv, cipher.getAuthTag(), text]);
  }
}

/** @throws Problem */
function earlier(kept: Buffer, asked: string, key: string): Answer<OperationId> {
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
