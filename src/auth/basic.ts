import { RegistryError } from '../errors/registry-error.js';
import type { Credentials } from '../ports/auth.js';

/** RFC 7617; the password is what follows the first colon. @throws RegistryError UNAUTHORIZED */
export function credentialsOf(header: string): Credentials {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(header) ?? [];
  const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 1)
    throw new RegistryError('UNAUTHORIZED', 'the Authorization header is not Basic with a username');
  return { username: text.slice(0, colon), secret: text.slice(colon + 1) };
}
