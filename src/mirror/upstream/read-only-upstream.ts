import type { ReadOnlyMode } from '../../registry/read-only-mode.js';
import type { UpstreamAccess } from './upstream-access.js';
import { MirrorPaused } from './upstream-error.js';

/** The same upstream, not asked while the registry is read-only: nothing is taken then, and what is held is answered. */
export function unlessReadOnly(
  access: UpstreamAccess,
  readOnly: Pick<ReadOnlyMode, 'state'>,
): UpstreamAccess {
  return {
    async ask(request) {
      if ((await readOnly.state()) !== undefined)
        throw new MirrorPaused('the registry is read-only and takes nothing from upstreams now');
      return access.ask(request);
    },
    state: () => access.state(),
    close: () => access.close(),
  };
}
