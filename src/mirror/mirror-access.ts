import type { IncomingMessage } from 'node:http';
import type { AccessController, AccessNeeds, Caller } from '../ports/access.js';
import { isMirrored } from './namespaces.js';
import type { Reservations } from './reservations.js';

/** Refuses what would change what is taken from upstreams, once the caller may do it. Costs others nothing. */
export class MirrorAccess implements AccessController {
  constructor(
    private readonly inner: AccessController,
    private readonly reservations: Pick<Reservations, 'requireOwn'>,
  ) {}

  /** @throws RegistryError as the inner controller; UNSUPPORTED (405) for a change of what is taken from upstreams */
  authorize(request: IncomingMessage, needs: AccessNeeds): Caller | Promise<Caller> {
    const caller = this.inner.authorize(request, needs);
    const changed = changedRepository(request, needs);
    return changed === undefined ? caller : this.unlessTaken(caller, changed);
  }

  private async unlessTaken(caller: Caller | Promise<Caller>, changed: string): Promise<Caller> {
    const allowed = await caller;
    await this.reservations.requireOwn(changed);
    return allowed;
  }
}

/** One that may be an upstream's. */
function changedRepository({ method }: IncomingMessage, { scopes }: AccessNeeds): string | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined;
  return scopes.find(
    ({ type, name, actions }) =>
      type === 'repository' && isMirrored(name) && actions.some((action) => action !== 'pull'),
  )?.name;
}
