/** What every process of one server must forget, or know, at once. */
export interface Invalidation {
  readonly kind:
    | 'layer'
    | 'revision'
    | 'revision-set'
    | 'repository'
    | 'repository-deleted'
    | 'tag-set'
    | 'tag-deleted'
    | 'upload'
    | 'damaged'
    | 'repaired'
    | 'setting';
  /** Within the kind. */
  readonly key: string;
}

/** Tells the other workers of this server what to forget. */
export interface Invalidations {
  /** Resolves once every other worker has forgotten it. */
  publish(invalidation: Invalidation): Promise<void>;
  subscribe(listener: (invalidation: Invalidation) => void): void;
}
