import { ApiProblem } from '../api/admin-connection.js';
import type { AdminConnection } from '../api/admin-connection.js';

interface GivenGrant {
  readonly repositories: string;
  readonly actions: readonly string[];
}

/** Takes back the grant of exactly these actions. @throws ApiProblem absent, telling what the grantee has there */
export async function removeGrant(
  api: AdminConnection,
  grantee: string,
  { repositories, actions }: GivenGrant,
): Promise<void> {
  const wanted = actions.join(',');
  const others: string[] = [];
  let after: string | undefined;
  do {
    const query = { grantee, ...(after !== undefined && { after }) };
    const { items, next } = (await api.call('listGrants', { query })).value;
    for (const { id, repositories: held, actions: may } of items) {
      if (held !== repositories) continue;
      if (may.join(',') === wanted) {
        await api.call('removeGrant', { params: { grantee, id } });
        return;
      }
      others.push(may.join(','));
    }
    after = next;
  } while (after !== undefined);
  const there = others.length === 0 ? '' : `; it has ${others.join(' and ')} there`;
  throw new ApiProblem('absent', `${grantee} has no grant of ${wanted} on ${repositories}${there}`);
}
