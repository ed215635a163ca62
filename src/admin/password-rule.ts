/** bcrypt reads no more. */
const MOST_BYTES = 72;
const LEAST_CHARACTERS = 8;

export const PASSWORD_RULE = `a password has at least ${LEAST_CHARACTERS} characters and at most ${MOST_BYTES} bytes`;

/** Whether a text may be somebody's password: see `PASSWORD_RULE`. */
export function isPassword(text: string): boolean {
  return text.length >= LEAST_CHARACTERS && Buffer.byteLength(text) <= MOST_BYTES;
}
