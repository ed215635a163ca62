/** Milliseconds beyond `server.drainDelay` and `server.drainTimeout` that every file of deploy/ gives a server: docs/ha.md. */
export const AFTER_DRAIN = 20_000;
