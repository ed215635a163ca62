import type { AccessController, Caller } from '../ports/access.js';

const EVERYBODY: Caller = { subject: '', may: () => true, pullable: async () => () => true };

/** `auth.mode: none`: whoever can connect may do everything. */
export const openAccess: AccessController = { authorize: () => EVERYBODY };
