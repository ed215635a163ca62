import type { Digest } from '../domain/digest.js';

/**
 * Every error code of the registry API with its status and default message: the OCI distribution-spec
 * "Error Codes" and those that only the Docker Registry HTTP API v2 has.
 */
export const ERROR_CODES = {
  UNAUTHORIZED: { status: 401, message: 'authentication required' },
  DENIED: { status: 403, message: 'requested access to the resource is denied' },
  UNSUPPORTED: { status: 405, message: 'the operation is unsupported' },
  TOOMANYREQUESTS: { status: 429, message: 'too many requests' },
  NAME_INVALID: { status: 400, message: 'invalid repository name' },
  NAME_UNKNOWN: { status: 404, message: 'repository name not known to registry' },
  MANIFEST_UNKNOWN: { status: 404, message: 'manifest unknown' },
  MANIFEST_INVALID: { status: 400, message: 'manifest invalid' },
  MANIFEST_BLOB_UNKNOWN: {
    status: 400,
    message: 'manifest references a manifest or blob unknown to the repository',
  },
  MANIFEST_UNVERIFIED: { status: 400, message: 'manifest failed signature verification' },
  BLOB_UNKNOWN: { status: 404, message: 'blob unknown to repository' },
  BLOB_UPLOAD_UNKNOWN: { status: 404, message: 'blob upload unknown to repository' },
  BLOB_UPLOAD_INVALID: { status: 400, message: 'blob upload invalid' },
  DIGEST_INVALID: { status: 400, message: 'provided digest did not match uploaded content' },
  SIZE_INVALID: { status: 400, message: 'provided length did not match content length' },
  RANGE_INVALID: { status: 416, message: 'invalid content range' },
  TAG_INVALID: { status: 400, message: 'invalid tag' },
  PAGINATION_NUMBER_INVALID: { status: 400, message: 'invalid number of results requested' },
  UNKNOWN: { status: 500, message: 'unknown error' },
  UNAVAILABLE: { status: 503, message: 'service unavailable' },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface RegistryErrorOptions {
  /** Goes into the error's `detail` member. */
  readonly detail?: unknown;
  /** Replaces the code's own status where the specification gives one code two statuses. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An answer of the registry API that is an error; http/error-handler.ts alone turns it into a response. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly code: ErrorCode,
    message: string = ERROR_CODES[code].message,
    options: RegistryErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = options.status ?? ERROR_CODES[code].status;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
  }

  /** The members of the answer's `errors` array. */
  get entries(): readonly { code: ErrorCode; message: string; detail?: unknown }[] {
    return [
      {
        code: this.code,
        message: this.message,
        ...(this.detail === undefined ? {} : { detail: this.detail }),
      },
    ];
  }
}

/** A manifest whose references are not in its repository: one entry a missing digest. */
export class MissingReferences extends RegistryError {
  constructor(private readonly missing: readonly string[]) {
    super('MANIFEST_BLOB_UNKNOWN');
  }

  override get entries(): RegistryError['entries'] {
    return this.missing.map((digest) => ({ code: this.code, message: this.message, detail: { digest } }));
  }
}

/** Stored bytes that are proven not to be those of their digest. */
export class DamagedContent extends RegistryError {
  constructor(digest: Digest) {
    super('UNKNOWN', `the stored bytes of ${digest.toString()} are damaged; push them again`);
  }
}
