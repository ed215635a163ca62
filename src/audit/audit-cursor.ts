import { InvalidValue } from '../domain/invalid-value.js';
import { AUDIT_PREFIX } from '../domain/keys.js';
import { timeOfObject } from './audit-object.js';

/** Where a reader of the trail stands: after a line of an object, which may be gone meanwhile. */
export interface AuditPosition {
  readonly key: string;
  /** Lines of it that were read. */
  readonly lines: number;
}

const CURSOR = /^([0-9T/:-]+[a-z0-9]+)#(\d{1,9})$/;
const MAX_LENGTH = 200;

/** An opaque text for clients. */
export function cursorOf({ key, lines }: AuditPosition): string {
  return Buffer.from(`${key.slice(AUDIT_PREFIX.length)}#${lines}`).toString('base64url');
}

/** @throws InvalidValue for what `cursorOf` did not make */
export function parseCursor(text: string): AuditPosition {
  const plain = text.length > MAX_LENGTH ? '' : Buffer.from(text, 'base64url').toString();
  const [, name, lines] = CURSOR.exec(plain) ?? [];
  const position = { key: `${AUDIT_PREFIX}${name}`, lines: Number(lines) };
  if (timeOfObject(position.key) === undefined || cursorOf(position) !== text) {
    throw new InvalidValue(
      'cursor',
      'this is no cursor of the audit trail: give the one that the page before had',
    );
  }
  return position;
}
