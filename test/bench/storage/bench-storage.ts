import type { Subject } from '../subject.js';

/** CPU seconds by the name of a service. */
export type ServiceSeconds = Readonly<Record<string, number>>;

/** How much data the small-request scenarios have. */
export interface Scale {
  readonly repositories: number;
  readonly manifestsPerRepository: number;
  readonly tags: number;
  readonly catalogRepositories: number;
}

export interface Place {
  /** Of the server's own; a storage elsewhere has no use for it. */
  readonly dataDirectory: string;
  /** Whether clients are sent to the storage for blobs, where it can serve them. */
  readonly redirects: boolean;
}

/** Where the measured servers keep their data. */
export interface BenchStorage {
  readonly title: string;
  readonly scale: Scale;
  /** Environment variables of ours. */
  ours(place: Place): Readonly<Record<string, string>>;
  /** Sections of the peer's configuration. */
  peer(place: Place): Readonly<Record<string, object>>;
  /** The storage itself as a subject: what a registry on it can reach at most. */
  readonly bare?: Subject;
  /** Of the storage's own processes since their start; empty without any. */
  cpuSeconds(): Promise<ServiceSeconds>;
  discard?(dataDirectory: string, repository: string, digests: readonly string[]): Promise<void>;
  /** Removes what it stored. */
  close(): Promise<void>;
}
