import type { MirrorTelemetry } from '../ports/mirror-telemetry.js';

/** Tells each event to all of them. */
export function fanOut(...listeners: readonly MirrorTelemetry[]): MirrorTelemetry {
  return {
    mirrorEvent(event) {
      for (const listener of listeners) listener.mirrorEvent(event);
    },
  };
}
