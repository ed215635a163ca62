import type { IncomingMessage } from 'node:http';
import type { AccessController, AccessNeeds, Caller } from '../ports/access.js';
import type { ReadOnlyMode } from './read-only-mode.js';

/** Refuses what would change a registry that is read-only, once the caller may do it. Costs reads nothing. */
export class ReadOnlyAccess implements AccessController {
  constructor(
    private readonly inner: AccessController,
    private readonly readOnly: ReadOnlyMode,
  ) {}

  /** @throws RegistryError as the inner controller; UNSUPPORTED (405) for a change of a read-only registry */
  authorize(request: IncomingMessage, needs: AccessNeeds): Caller | Promise<Caller> {
    const caller = this.inner.authorize(request, needs);
    return isChange(request, needs) ? this.ifWritable(caller) : caller;
  }

  private async ifWritable(caller: Caller | Promise<Caller>): Promise<Caller> {
    const allowed = await caller;
    await this.readOnly.requireWritable();
    return allowed;
  }
}

function isChange({ method }: IncomingMessage, { scopes }: AccessNeeds): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  return scopes.some(
    ({ type, actions }) => type === 'repository' && actions.some((action) => action !== 'pull'),
  );
}
