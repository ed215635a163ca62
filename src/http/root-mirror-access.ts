import type { IncomingMessage } from 'node:http';
import { RegistryError } from '../errors/registry-error.js';
import type { AccessController, Caller } from '../ports/access.js';
import type { ClientOrigin } from './client-origin.js';
import { Networks } from './networks.js';

const ANYBODY: Caller = {
  subject: '',
  may: (action) => action === 'pull',
  pullable: async () => () => false,
};

/**
 * Lets clients of some networks pull, whoever they are. It reads no credentials: Docker sends its mirrors those of
 * Docker Hub.
 */
export class RootMirrorAccess implements AccessController {
  private readonly networks: Networks;

  /** `networks` are CIDR blocks. */
  constructor(
    networks: readonly string[],
    private readonly origin: Pick<ClientOrigin, 'addressOf'>,
  ) {
    this.networks = new Networks(networks);
  }

  /** @throws RegistryError DENIED */
  authorize(request: IncomingMessage): Caller {
    const address = this.origin.addressOf(request);
    if (this.networks.has(address)) return ANYBODY;
    throw new RegistryError(
      'DENIED',
      `the root mirror does not serve ${address}: mirror.root.networks has it not`,
    );
  }
}
