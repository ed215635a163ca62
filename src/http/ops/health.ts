import { Router } from 'express';

/** Whether requests can be served now; the reason in one line where they cannot. */
export interface Readiness {
  (): Promise<{ ready: true } | { ready: false; reason: string }>;
}

/** GET /healthz: the process answers. GET /readyz: the store answers and the server takes requests. */
export function healthRoutes(readiness: Readiness): Router {
  const router = Router();
  router.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' });
  });
  router.get('/readyz', async (_req, res) => {
    const state = await readiness();
    if (state.ready) res.json({ status: 'ready' });
    else res.status(503).set('Retry-After', '5').json({ status: 'not ready', reason: state.reason });
  });
  return router;
}
