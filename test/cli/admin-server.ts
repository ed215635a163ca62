import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { AdminApi } from '../../src/admin/admin-api.js';
import { API_PREFIX } from '../../src/api/operations.js';
import { openAdminAccess } from '../../src/auth/admin-access.js';
import { createAuth } from '../../src/composition/auth.js';
import type { Config } from '../../src/config/index.js';
import { adminRoutes } from '../../src/http/admin/admin-routes.js';
import { RepeatedRequests } from '../../src/http/admin/repeated-requests.js';
import { createClientOrigin } from '../../src/http/client-origin.js';
import { createHttpServer } from '../../src/http/server.js';
import type { AdminParts } from './admin-parts.js';

export interface AdminServer {
  readonly url: string;
  close(): Promise<void>;
}

/** The admin API of a store on loopback; with `logins` only to those who log in, else to everybody. */
export async function startAdminServer(
  { services, trail, driver, clock, ids, hasher, locker, close }: AdminParts,
  config: Config,
  logins: boolean,
): Promise<AdminServer> {
  const origin = createClientOrigin({ trustedProxies: [] });
  const auth = createAuth({ driver, clock, ids, hasher, audit: trail }, config.auth, origin);
  const app = express();
  app.use(
    API_PREFIX,
    adminRoutes({
      api: new AdminApi(services, trail),
      access: logins ? auth.adminAccess : openAdminAccess(undefined),
      repeated: new RepeatedRequests({ driver, clock, ids, locker }),
      origin,
    }),
  );
  const server = createHttpServer(app, { headers: 60_000, keepAlive: 95_000, bodyIdle: 120_000 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await auth.close();
      await close();
    },
  };
}
