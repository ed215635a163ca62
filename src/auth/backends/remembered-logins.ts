import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RegistryError } from '../../errors/registry-error.js';
import type { Credentials, Principal } from '../../ports/auth.js';
import type { Clock } from '../../ports/clock.js';
import type { Ids } from '../../ports/ids.js';

type Ask = () => Promise<Principal | undefined>;

interface Remembered {
  readonly principal: Principal;
  /** Milliseconds since 1970. */
  readonly until: number;
}

const REMEMBERED = 10_000;
const REMEMBERED_MILLISECONDS = 60_000;
const MOST_WAITING = 64;

/**
 * Right logins at a distant service, remembered for a minute under a keyed hash of the credentials; wrong ones and
 * failures never are. Equal logins at once ask once.
 */
export class RememberedLogins {
  private readonly right = new LRUCache<string, Remembered>({ max: REMEMBERED });
  private readonly asking = new Map<string, Promise<Principal | undefined>>();
  private readonly secret: Buffer;

  constructor(
    private readonly clock: Clock,
    ids: Ids,
  ) {
    this.secret = ids.secret(32);
  }

  /** @throws RegistryError TOOMANYREQUESTS; what `ask` throws */
  async login({ username, secret }: Credentials, ask: Ask): Promise<Principal | undefined> {
    const text = JSON.stringify([username, secret]);
    const key = createHmac('sha256', this.secret).update(text).digest('base64');
    const known = this.right.get(key);
    if (known !== undefined && known.until > this.clock.now()) return known.principal;
    const asking = this.asking.get(key) ?? this.start(key, ask);
    return asking;
  }

  private start(key: string, ask: Ask): Promise<Principal | undefined> {
    if (this.asking.size >= MOST_WAITING) {
      const headers = { 'Retry-After': '5' };
      throw new RegistryError('TOOMANYREQUESTS', 'too many logins at once; try again', { headers });
    }
    const until = this.clock.now() + REMEMBERED_MILLISECONDS;
    const asking = ask()
      .then((principal) => {
        if (principal !== undefined) this.right.set(key, { principal, until });
        return principal;
      })
      .finally(() => this.asking.delete(key));
    this.asking.set(key, asking);
    return asking;
  }
}
