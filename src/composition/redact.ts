const CENSOR = '***';
const DEEPEST = 6;

const SECRET_NAME =
  /authorization|cookie|passw|secret|token|credential|api-?key|private-?key|^_state$|temp_url_sig/i;
/** `name=value` in a query or form, whichever way it is joined. */
const SECRET_PARAMETER = /\b((?:\w*(?:password|passwd|secret|token)|_state|temp_url_sig)=)[^&\s"'#;,]+/gi;
const SCHEME_AND_CREDENTIAL = /\b(basic|bearer)\s+[\w.~+/=-]{8,}/gi;
const USER_AND_PASSWORD = /(:\/\/[^/\s:@]*):[^/\s@]+@/g;

/** Field names are few; testing each again would cost more than the rest of the line. */
const knownNames = new Map<string, boolean>();
const MOST_KNOWN_NAMES = 1000;

/** The text without passwords, tokens and signatures in URLs, queries and Authorization values. */
export function redactText(text: string): string {
  if (!text.includes('=') && !text.includes(' ') && !text.includes('@')) return text;
  return text
    .replace(SECRET_PARAMETER, `$1${CENSOR}`)
    .replace(SCHEME_AND_CREDENTIAL, `$1 ${CENSOR}`)
    .replace(USER_AND_PASSWORD, `$1:${CENSOR}@`);
}

/** A copy fit for the log: values under secret names are `***`, errors are objects, texts are scrubbed. */
export function redactFields(fields: object): Record<string, unknown> {
  return copyObject(fields, 0);
}

function copyValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEEPEST) return '…';
  if (Array.isArray(value)) return value.map((item) => copyValue(item, depth + 1));
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (value instanceof Error) return copyError(value, depth);
  if (value instanceof Map) return copyObject(Object.fromEntries(value as Map<string, unknown>), depth);
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return copyValue((value.toJSON as () => unknown)(), depth + 1);
  }
  return copyObject(value, depth);
}

function copyObject(source: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(source)) {
    copy[name] = isSecretName(name) ? CENSOR : copyValue(value, depth + 1);
  }
  return copy;
}

function copyError(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    message: redactText(error.message),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: copyValue(error.cause, depth + 1) }),
    ...copyObject(error, depth),
  };
}

function isSecretName(name: string): boolean {
  let secret = knownNames.get(name);
  if (secret === undefined) {
    secret = SECRET_NAME.test(name);
    if (knownNames.size < MOST_KNOWN_NAMES) knownNames.set(name, secret);
  }
  return secret;
}
