import { parentPort } from 'node:worker_threads';
import bcrypt from 'bcryptjs';

/** A password to hash, or to compare with a hash. */
export interface BcryptTask {
  readonly id: number;
  readonly password: string;
  readonly hash?: string;
}

export interface BcryptResult {
  readonly id: number;
  readonly result: string | boolean;
}

const ROUNDS = 10;

parentPort?.on('message', ({ id, password, hash }: BcryptTask) => {
  const result = hash === undefined ? bcrypt.hashSync(password, ROUNDS) : matches(password, hash);
  parentPort?.postMessage({ id, result } satisfies BcryptResult);
});

function matches(password: string, hash: string): boolean {
  try {
    return bcrypt.compareSync(password, hash);
  } catch {
    return false; // not a hash
  }
}
