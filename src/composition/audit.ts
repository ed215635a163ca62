import { AuditLog } from '../audit/audit-log.js';
import type { Config } from '../config/index.js';
import { RepositoryPattern } from '../domain/repository-pattern.js';
import type { Logger } from '../ports/logger.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { systemClock, systemIds } from './system.js';

/** The audit trail of this process, to be closed before the store is. */
export function startAudit(driver: StorageDriver, rules: Config['audit'], log: Logger): AuditLog {
  const strict = rules.strict.map((text) => RepositoryPattern.parse(text));
  return new AuditLog({ driver, clock: systemClock, ids: systemIds, log }, { strict });
}
