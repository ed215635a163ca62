/** The messages between the bench and its load generator process. */
import type { Target } from '../subject.js';

/** Bytes that are known from two numbers: the shared random block, stamped with seed and position. */
export interface Content {
  readonly seed: number;
  readonly size: number;
}

export interface Push {
  readonly kind: 'push';
  /** monolithic: POST + PUT whole; streamed: POST, one chunked PATCH, empty PUT, as docker does. */
  readonly mode: 'monolithic' | 'streamed';
  readonly repository: string;
  readonly content: Content;
  readonly digest: string;
}

/** One PUT of an object to the storage itself. */
export interface Put {
  readonly kind: 'put';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Content;
}

export interface Pull {
  readonly kind: 'pull';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content: Content;
  readonly digest: string;
  /** sha256: hash what arrives; bytes: compare it with what was sent, as strong and five times cheaper. */
  readonly verify: 'sha256' | 'bytes';
  /** Whether the answer must be a redirect, to be followed, or must not be one. */
  readonly redirected: boolean;
}

/** A request without a streamed body; wrong status, length or sha256 is an error. */
export interface Call {
  readonly kind: 'call';
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly status: number;
  readonly length?: number;
  readonly sha256?: string;
}

/** Steps in order on one connection, measured as one operation. */
export interface Sequence {
  readonly kind: 'sequence';
  readonly steps: readonly (Push | Put | Pull | Call)[];
}

export type Operation = Push | Put | Pull | Call | Sequence;

/** A closed loop: each lane is a connection that takes the next operation when its last one is answered. */
export interface RunJob {
  readonly kind: 'run';
  readonly target: Target;
  readonly lanes: number;
  readonly operations: readonly Operation[];
  /** Against the ceiling server: framing counts, statuses and bytes do not. */
  readonly lenient: boolean;
}

/** Bodiless requests over and over for a time; every answer's status is checked. */
export interface HeadJob {
  readonly kind: 'head';
  readonly target: Target;
  readonly lanes: number;
  readonly seconds: number;
  readonly paths: readonly string[];
  readonly accept: string;
}

/** Digests ahead of time, so that hashing is outside of what is measured. */
export interface DigestJob {
  readonly kind: 'digest';
  readonly contents: readonly Content[];
}

export type Job = RunJob | HeadJob | DigestJob;

/** What a load did. Latencies in milliseconds. */
export interface Load {
  readonly operations: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  readonly errorSamples: readonly string[];
  /** CPU of the generator: near one per second means that it, not the server, set the pace. */
  readonly generatorCpuSeconds: number;
}

export type Reply =
  | { readonly id: number; readonly load: Load }
  | { readonly id: number; readonly digests: readonly string[] }
  | { readonly id: number; readonly failure: string };

export interface Request {
  readonly id: number;
  readonly job: Job;
}
