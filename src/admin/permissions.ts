import type { Generations } from '../auth/generations.js';
import type { Grants } from '../auth/grants.js';
import { grantRecord, granteeText } from '../domain/grant.js';
import type { Grant, Grantee } from '../domain/grant.js';
import { AdminError } from './admin-error.js';

/** What grantees were given. */
export class Permissions {
  constructor(private readonly parts: { readonly grants: Grants; readonly generations: Generations }) {}

  async add(grantee: Grantee, grant: Grant): Promise<void> {
    await this.parts.grants.add(grantee, grant);
  }

  /** Ends the bearer tokens of all that had it. @throws AdminError */
  async remove(grantee: Grantee, grant: Grant): Promise<void> {
    const { repositories, actions } = grantRecord(grant);
    const held = (await this.parts.grants.read(grantee)).map(grantRecord);
    if (!held.some((one) => one.repositories === repositories && one.actions === actions)) {
      throw new AdminError(`${granteeText(grantee)} has no grant of ${actions} on ${repositories}`);
    }
    await this.parts.grants.remove(grantee, grant);
    await this.parts.generations.renew(`${grantee.kind}:${grantee.name}`);
  }

  async *list(): AsyncGenerator<{ readonly grantee: Grantee; readonly grant: Grant }> {
    for (const grantee of await this.parts.grants.grantees()) {
      for (const grant of await this.parts.grants.read(grantee)) yield { grantee, grant };
    }
  }
}
