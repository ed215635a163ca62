import { CHANGES } from './changes.js';
import type { Operation } from './operation.js';
import { PULLS } from './pulls.js';
import { PUSHES } from './pushes.js';
import { UPKEEP } from './upkeep.js';

/** All that is done to a store, each with content of its own. */
export const OPERATIONS: readonly Operation[] = [...PUSHES, ...PULLS, ...CHANGES, ...UPKEEP];
