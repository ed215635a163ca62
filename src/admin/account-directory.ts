import type { Principals } from '../auth/principals.js';
import { byCodeUnit, pageOf } from '../domain/page.js';
import type { Page, PageRequest } from '../domain/page.js';
import { inBatches } from '../ports/listing.js';
import { mapBounded } from '../registry/bounded.js';
import { accountOf } from './account.js';
import type { Account } from './account.js';
import type { AccountKind } from './existing-principal.js';

export interface Group {
  readonly name: string;
  /** Users. */
  readonly members: readonly string[];
}

const READS_AT_ONCE = 16;

/** Lists of users, robots and groups. */
export class AccountDirectory {
  constructor(private readonly principals: Principals) {}

  /** By name; one listing, and two reads for each account that it passes. */
  async page(kind: AccountKind, { limit, last }: PageRequest): Promise<Page<Account>> {
    const items: Account[] = [];
    for await (const batch of inBatches(this.principals.names(last))) {
      for (const account of await this.accountsOf(batch, kind)) {
        const end = items.at(-1);
        if (items.length === limit && end !== undefined) return { items, next: end.name };
        items.push(account);
      }
    }
    return { items };
  }

  /** By name, from all users. */
  async groups(request: PageRequest): Promise<Page<Group>> {
    const members = new Map<string, string[]>();
    for await (const batch of inBatches(this.principals.names())) {
      for (const { name, groups } of await this.accountsOf(batch, 'user')) {
        for (const group of groups) members.set(group, [...(members.get(group) ?? []), name]);
      }
    }
    const { items, ...rest } = pageOf([...members.keys()].sort(byCodeUnit), request);
    return { items: items.map((name) => ({ name, members: members.get(name) ?? [] })), ...rest };
  }

  private async accountsOf(names: readonly string[], kind: AccountKind): Promise<readonly Account[]> {
    const accounts = await mapBounded(names, READS_AT_ONCE, async (name) => {
      const found = await this.principals.findForLogin(name);
      return found?.record.kind === kind ? accountOf(name, found) : undefined;
    });
    return accounts.filter((account) => account !== undefined);
  }
}
