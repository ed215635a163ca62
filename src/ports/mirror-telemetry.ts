/** What the mirror hears and does, as it happens; `upstream` is the name of one. */
export type MirrorEvent = { readonly upstream: string } & (
  | { readonly kind: 'hit'; readonly object: 'manifest' | 'blob'; readonly bytes: number }
  | { readonly kind: 'miss'; readonly object: 'manifest' | 'blob' }
  /** Taken whole from the upstream, verified and stored. */
  | {
      readonly kind: 'fetched';
      readonly object: 'manifest' | 'blob';
      readonly repository: string;
      readonly digest: string;
      readonly bytes: number;
    }
  /** Bytes of bodies that came from the upstream, of whatever came to its end or not. */
  | { readonly kind: 'received'; readonly bytes: number }
  /** A tag was answered as it was known, for the upstream could not be asked. */
  | { readonly kind: 'stale'; readonly repository: string; readonly tag: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly failure: string; readonly reason: string }
  | { readonly kind: 'state'; readonly state: 'up' | 'down' | 'limited'; readonly reason?: string }
);

/** Hears what the mirror does. Never throws and never waits. */
export interface MirrorTelemetry {
  mirrorEvent(event: MirrorEvent): void;
}
