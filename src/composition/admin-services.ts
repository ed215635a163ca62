import type { AdminServices } from '../admin/admin-services.js';
import { LogLevelSetting } from '../admin/log-level-setting.js';
import { Repositories } from '../admin/repositories.js';
import { ArchiveExporter } from '../archive/archive-exporter.js';
import { ArchiveImporter } from '../archive/archive-importer.js';
import { AuditHistory } from '../audit/audit-history.js';
import type { Config } from '../config/index.js';
import type { LogLevel } from '../ports/logger.js';
import type { ReadOnlyMode } from '../registry/read-only-mode.js';
import type { Registry } from '../registry/registry.js';
import { createAdminTools } from './admin-tools.js';
import type { AdminToolParts } from './admin-tools.js';
import { readVersion } from './version.js';

export interface AdminServiceParts extends AdminToolParts {
  readonly registry: Registry;
  readonly readOnly: ReadOnlyMode;
  /** Lets the log of this process have a level. */
  readonly setLevel?: ((level: LogLevel) => void) | undefined;
}

/** What the admin API works with, in a server or beside one. */
export function createAdminServices(parts: AdminServiceParts, config: Config): AdminServices {
  const { driver, clock, registry, readOnly, setLevel } = parts;
  const { archives } = config;
  const { maxManifestBytes, references, delete: deletion } = config.registry;
  return {
    ...createAdminTools(parts, config.auth),
    repositories: new Repositories({ registry, driver, readOnly, deletion }),
    importer: new ArchiveImporter(registry, { ...archives, maxManifestBytes, references }),
    exporter: new ArchiveExporter(registry),
    readOnly,
    logLevel: new LogLevelSetting(driver, config.log.level, setLevel),
    audit: new AuditHistory(driver),
    clock,
    version: readVersion(),
  };
}
