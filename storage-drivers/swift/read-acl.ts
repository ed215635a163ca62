/** Whose container it is. */
export interface AclOwner {
  /** As in the storage URL: `AUTH_test`, `KEY_3f…`. */
  readonly account: string;
  readonly projectName?: string | undefined;
  /** Whether an element without a colon is a role of the own project, as Keystone has it, or an account. */
  readonly isKeystone: boolean;
}

/**
 * The elements of a container's read ACL that admit anybody outside the own project: `.r:` referrers, any project's
 * users, other projects. (`.rlistings` alone admits nobody.)
 */
export function publicReaders(acl: string, owner: AclOwner): string[] {
  const own = new Set([owner.account, owner.account.replace(/^[^_]*_/, ''), owner.projectName ?? '']);
  return acl
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '' && element !== '.rlistings')
    .filter((element) => {
      const colon = element.indexOf(':');
      if (element.startsWith('.')) return true;
      if (colon < 0) return !owner.isKeystone && !own.has(element);
      return !own.has(element.slice(0, colon)) || colon === 0;
    });
}
