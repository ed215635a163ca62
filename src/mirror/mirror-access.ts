import type { IncomingMessage } from 'node:http';
import type { AccessController, AccessNeeds, Caller } from '../ports/access.js';
import { isMirrored } from './namespaces.js';
import { unchangeable } from './unchangeable.js';

/** Refuses what would change a repository below `mirror/`, once the caller may do it. */
export class MirrorAccess implements AccessController {
  constructor(private readonly inner: AccessController) {}

  /** @throws RegistryError as the inner controller; UNSUPPORTED (405) for a change of what is taken from upstreams */
  authorize(request: IncomingMessage, needs: AccessNeeds): Caller | Promise<Caller> {
    const caller = this.inner.authorize(request, needs);
    const changed = changedRepository(request, needs);
    return changed === undefined ? caller : refuse(caller, changed);
  }
}

async function refuse(caller: Caller | Promise<Caller>, changed: string): Promise<Caller> {
  await caller;
  throw unchangeable(changed);
}

function changedRepository({ method }: IncomingMessage, { scopes }: AccessNeeds): string | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined;
  return scopes.find(
    ({ type, name, actions }) =>
      type === 'repository' && isMirrored(name) && actions.some((action) => action !== 'pull'),
  )?.name;
}
