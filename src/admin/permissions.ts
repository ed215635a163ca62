import type { Generations } from '../auth/generations.js';
import type { Grants, HeldGrant } from '../auth/grants.js';
import type { Principals } from '../auth/principals.js';
import { grantRecord, granteeText } from '../domain/grant.js';
import type { Grant, Grantee } from '../domain/grant.js';
import type { Page, PageRequest } from '../domain/page.js';
import { AdminError } from './admin-error.js';
import { existingPrincipal, principalNamed } from './existing-principal.js';

export interface PermissionParts {
  readonly principals: Principals;
  readonly grants: Grants;
  readonly generations: Generations;
}

/** What grantees were given. */
export class Permissions {
  constructor(private readonly parts: PermissionParts) {}

  /**
   * May be repeated. Robots live here alone and must exist; a user may be another backend's: then `isStranger`.
   * @throws AdminError
   */
  async add(grantee: Grantee, grant: Grant): Promise<{ readonly isStranger: boolean }> {
    const isStranger = await this.isStranger(grantee);
    await this.parts.grants.add(grantee, grant);
    return { isStranger };
  }

  /** Ends the bearer tokens of all that had it. @throws AdminError where it was not held */
  async remove(grantee: Grantee, grant: Grant): Promise<void> {
    const { repositories, actions } = grantRecord(grant);
    const held = (await this.parts.grants.read(grantee)).map(grantRecord);
    const like = held.filter((one) => one.repositories === repositories).map((one) => one.actions);
    await this.parts.grants.remove(grantee, grant); // also one that a listing does not show yet
    await this.parts.generations.renew(`${grantee.kind}:${grantee.name}`);
    if (like.includes(actions)) return;
    const others = like.length === 0 ? '' : `; it has ${like.join(' and ')} there`;
    throw new AdminError(
      'absent',
      `${granteeText(grantee)} has no grant of ${actions} on ${repositories}${others}`,
    );
  }

  /** The same by the grant's id. Answers the grant. @throws AdminError absent */
  async removeById(grantee: Grantee, id: string): Promise<Grant> {
    const grant = await this.parts.grants.find(grantee, id);
    if (grant === undefined) throw new AdminError('absent', `${granteeText(grantee)} has no grant ${id}`);
    await this.parts.grants.remove(grantee, grant);
    await this.parts.generations.renew(`${grantee.kind}:${grantee.name}`);
    return grant;
  }

  /** Of one grantee or all, by grantee; one listing, and one read a grant. */
  async page(grantee: Grantee | undefined, { limit, last }: PageRequest): Promise<Page<HeldGrant>> {
    const items: HeldGrant[] = [];
    for await (const held of this.parts.grants.held(grantee, last)) {
      const end = items.at(-1);
      if (items.length === limit && end !== undefined) return { items, next: end.place };
      items.push(held);
    }
    return { items };
  }

  private async isStranger({ kind, name }: Grantee): Promise<boolean> {
    if (kind !== 'user' && kind !== 'robot') return false;
    const { principals } = this.parts;
    if (kind === 'user' && (await principalNamed(principals, name)) === undefined) return true;
    await existingPrincipal(principals, { kind, name });
    return false;
  }
}
