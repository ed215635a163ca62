/** What one check of a store came to. Its texts are one line each and hold no secret. */
export interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'warning' | 'error';
  readonly found: string;
  /** What the operator does about it. */
  readonly fix?: string;
}

/** A finding before it is known whose it is. */
export type Verdict = Omit<Finding, 'check'>;

export function ok(found: string): Verdict {
  return { level: 'ok', found };
}

export function warning(found: string, fix?: string): Verdict {
  return { level: 'warning', found, ...(fix !== undefined && { fix }) };
}

export function failure(found: string, fix: string): Verdict {
  return { level: 'error', found, fix };
}

/** What an error's one line says: the cause, and after its last semicolon the fix. */
export function failureOf(error: unknown, fixWhereNone: string): Verdict {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
  const end = text.lastIndexOf('; ');
  return end < 0 ? failure(text, fixWhereNone) : failure(text.slice(0, end), text.slice(end + 2));
}
