import { createHmac, createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { TOKEN_KEYS_PREFIX, listedKey } from '../../../src/domain/keys.js';
import { listAll } from '../../../src/ports/listing.js';
import type { TestStore } from '../../support/in-process.js';

/** The signing key that a node made, as whoever reads the store would see it. */
export async function storedKey(store: TestStore): Promise<{ id: string; key: KeyObject }> {
  const driver = store.driver();
  for await (const text of listAll(driver, { prefix: TOKEN_KEYS_PREFIX })) {
    const { privateKey } = JSON.parse((await driver.read(listedKey(text))).toString()) as {
      privateKey: Record<string, string>;
    };
    const key = createPrivateKey({ key: privateKey, format: 'jwk' });
    return { id: text.slice(TOKEN_KEYS_PREFIX.length), key };
  }
  throw new Error('the store has no signing key');
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function partsOf(token: string): {
  header: Record<string, unknown>;
  payload: Record<string, unknown>;
  rest: string;
} {
  const [header = '', payload = '', rest = ''] = token.split('.');
  const read = (text: string) =>
    JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>;
  return { header: read(header), payload: read(payload), rest };
}

/** The same signature under other claims. */
export function withPayload(token: string, change: Readonly<Record<string, unknown>>): string {
  const { header, payload, rest } = partsOf(token);
  return `${part(header)}.${part({ ...payload, ...change })}.${rest}`;
}

/** The same claims and signature under another header. */
export function withHeader(
  token: string,
  change: Readonly<Record<string, unknown>>,
  signature?: string,
): string {
  const { header, rest } = partsOf(token);
  return `${part({ ...header, ...change })}.${token.split('.')[1]}.${signature ?? rest}`;
}

/** With the published key as the secret of an HMAC (CVE-2015-9235). */
export async function signedWithPublicKey(token: string, store: TestStore): Promise<string> {
  const pem = createPublicKey((await storedKey(store)).key).export({ format: 'pem', type: 'spki' });
  const text = withHeader(token, { alg: 'HS256' }).split('.').slice(0, 2).join('.');
  return `${text}.${createHmac('sha256', pem).update(text).digest('base64url')}`;
}

/** What the node itself would sign if its claims were these; undefined ones are left out. */
export async function resigned(
  token: string,
  store: TestStore,
  change: Readonly<Record<string, unknown>>,
): Promise<string> {
  const { id, key } = await storedKey(store);
  const payload = Object.fromEntries(
    Object.entries({ ...partsOf(token).payload, ...change }).filter(([, value]) => value !== undefined),
  );
  return jwt.sign(payload, key, { algorithm: 'ES256', keyid: id });
}
