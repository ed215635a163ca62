import { randomBytes } from 'node:crypto';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';

export const systemClock: Clock = {
  now: () => Date.now(),
  every(milliseconds, callback) {
    const timer = setInterval(callback, milliseconds).unref();
    return () => clearInterval(timer);
  },
};

/** Milliseconds since the process began, by a clock that nobody sets. */
export const elapsed = (): number => performance.now();

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_BYTES = 16;

export const systemIds: Ids = {
  unique: () => base32(randomBytes(ID_BYTES)),
  secret: (bytes) => randomBytes(bytes),
};

/** RFC 4648 §6 in lower case, without padding. */
function base32(bytes: Uint8Array): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >>> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(held << (5 - bits)) & 31];
}
