import type { Readable } from 'node:stream';
import type { RepositoryName } from '../../domain/repository-name.js';
import type { UpstreamFailure } from './upstream-error.js';

/** One question to an upstream about one of its repositories. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'HEAD';
  /** By the name that it has there. */
  readonly repository: RepositoryName;
  /** What follows `/v2/<repository>/`, with its query: `manifests/latest`, `blobs/sha256:…`, `tags/list?n=100`. */
  readonly path: string;
  readonly accept?: string;
  /** Of a body the first byte that is wanted, 0 without it (RFC 9110 §14.2); one that starts elsewhere is an error. */
  readonly from?: number;
  readonly signal?: AbortSignal;
}

/** What an upstream answered: 200, or 206 where it was asked for less than all. */
export interface UpstreamAnswer {
  readonly contentType: string | undefined;
  /** Bytes, as Content-Length tells; undefined where it does not. */
  readonly length: number | undefined;
  /** Docker-Content-Digest, unchecked. */
  readonly digest: string | undefined;
  readonly link: string | undefined;
  /**
   * As it was sent, never decoded, and never longer than announced; fails with UpstreamError `unavailable` where it stops
   * or breaks off. Must be read to its end or destroyed; empty for HEAD.
   */
  readonly body: Readable;
}

/** How an upstream is, as far as this process knows. */
export interface UpstreamState {
  readonly state: 'up' | 'down' | 'limited';
  /** Milliseconds since 1970; of the change to this state, undefined before the first answer. */
  readonly since: number | undefined;
  /** Until when it is not asked. */
  readonly until?: number;
  /** The last failure, in one line. */
  readonly reason?: string;
  readonly failure?: UpstreamFailure;
}

/**
 * Asks one upstream, with our credentials for it and nothing of the client's: no header of any client is passed on.
 * @see src/mirror/upstream/upstream-client.ts
 */
export interface UpstreamAccess {
  /**
   * Follows challenges and redirects as far as they are the upstream's own.
   * @throws UpstreamError; the signal's reason
   */
  ask(request: UpstreamRequest): Promise<UpstreamAnswer>;
  state(): UpstreamState;
  close(): Promise<void>;
}
