import type { RequestHandler } from 'express';
import { AdminApi } from '../../../src/admin/admin-api.js';
import { openAdminAccess } from '../../../src/auth/admin-access.js';
import type { AdminAccess } from '../../../src/auth/admin-access.js';
import { createAdminServices } from '../../../src/composition/admin-services.js';
import { processLocks } from '../../../src/composition/locks.js';
import type { Config } from '../../../src/config/index.js';
import { adminRoutes } from '../../../src/http/admin/admin-routes.js';
import type { AdminRouteParts } from '../../../src/http/admin/admin-routes.js';
import { RepeatedRequests } from '../../../src/http/admin/repeated-requests.js';
import { createClientOrigin } from '../../../src/http/client-origin.js';
import type { AuditTrail } from '../../../src/ports/audit.js';
import type { Clock } from '../../../src/ports/clock.js';
import type { Ids } from '../../../src/ports/ids.js';
import type { Locker } from '../../../src/ports/locker.js';
import type { StorageDriver } from '../../../src/ports/storage-driver.js';
import type { ReadOnlyMode } from '../../../src/registry/read-only-mode.js';
import type { Registry } from '../../../src/registry/registry.js';
import { load } from '../../config/load.js';
import { runningSmallMirror } from '../../mirror/small-mirror.js';
import { quickHasher, tokenRules } from '../access/token-rules.js';
import type { AuthRules } from '../access/token-rules.js';

/** How a node offers the admin API. */
export interface AdminOptions {
  readonly archives?: Partial<Config['archives']>;
  readonly deletion?: boolean;
  readonly locker?: Locker;
  readonly bodies?: AdminRouteParts['bodies'];
  readonly origin?: Partial<Parameters<typeof createClientOrigin>[0]>;
  /** Instead of the node's logins. */
  readonly access?: AdminAccess;
}

export interface AdminHandlerParts {
  readonly driver: StorageDriver;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly registry: Registry;
  readonly readOnly: ReadOnlyMode;
  readonly access?: AdminAccess | undefined;
  readonly rules?: Partial<AuthRules> | undefined;
  readonly audit?: AuditTrail | undefined;
}

const noTrail: AuditTrail = { record: async () => undefined, note: () => undefined, isStrict: () => false };

/** The admin API over a store. */
export function adminHandlerOf(
  { rules, access = openAdminAccess(undefined), audit = noTrail, ...parts }: AdminHandlerParts,
  { archives, deletion, locker = processLocks(), bodies, origin, access: other }: AdminOptions,
): RequestHandler {
  const env = { STACKYARD_AUTH_MODE: 'token', STACKYARD_MIRROR_UPSTREAMS: 'hub.test' };
  const defaults = load({ env });
  const config: Config = {
    ...defaults,
    auth: tokenRules(rules),
    archives: { ...defaults.archives, ...archives },
    registry: { ...defaults.registry, delete: deletion ?? true },
  };
  const mirror = runningSmallMirror(parts);
  const services = createAdminServices(
    { ...parts, hasher: quickHasher(), locker, shared: false, mirror: () => mirror },
    config,
  );
  const { driver, clock, ids } = parts;
  return adminRoutes({
    api: new AdminApi(services, audit),
    access: other ?? access,
    repeated: new RepeatedRequests({ driver, clock, ids, locker }),
    origin: createClientOrigin({ trustedProxies: [], ...origin }),
    ...(bodies && { bodies }),
  });
}
