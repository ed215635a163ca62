/** What is counted for one request. */
export interface RequestCount {
  /** Requests made of the storage on its behalf. */
  requests: number;
}

/** Attributes storage requests to the request that caused them. */
export interface RequestScope {
  run(count: RequestCount, work: () => void): void;
}
