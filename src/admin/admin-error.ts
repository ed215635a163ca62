/** Why an administrator's wish cannot be done, in one line. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
}
