import type { AdminServices } from '../admin/admin-services.js';
import { LogLevelSetting } from '../admin/log-level-setting.js';
import { MirrorAdministration } from '../admin/mirror-administration.js';
import type { MirrorSettings, RunningMirror } from '../admin/mirror-administration.js';
import { MirrorPurge } from '../admin/mirror-purge.js';
import { Repositories } from '../admin/repositories.js';
import { ArchiveExporter } from '../archive/archive-exporter.js';
import { ArchiveImporter } from '../archive/archive-importer.js';
import { AuditHistory } from '../audit/audit-history.js';
import type { Config } from '../config/index.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { Reservations } from '../mirror/reservations.js';
import type { LogLevel } from '../ports/logger.js';
import type { ReadOnlyMode } from '../registry/read-only-mode.js';
import type { Registry } from '../registry/registry.js';
import { createAdminTools } from './admin-tools.js';
import type { AdminToolParts } from './admin-tools.js';
import { readVersion } from './version.js';

export interface AdminServiceParts extends AdminToolParts {
  readonly registry: Registry;
  readonly readOnly: ReadOnlyMode;
  /** Whether another registry writes to the store. */
  readonly shared: boolean;
  /** Absent without upstreams. */
  readonly mirror?: (() => RunningMirror) | undefined;
  /** Lets the log of this process have a level. */
  readonly setLevel?: ((level: LogLevel) => void) | undefined;
}

/** What the admin API works with, in a server or beside one. */
export function createAdminServices(parts: AdminServiceParts, config: Config): AdminServices {
  const { driver, clock, registry, readOnly, shared, mirror: running, setLevel } = parts;
  const { archives } = config;
  const { maxManifestBytes, references, delete: deletion } = config.registry;
  const reservations = new Reservations(driver);
  const purge = new MirrorPurge({ registry, driver, readOnly, reservations, deletion, shared, clock });
  const requireOwn = (name: RepositoryName): Promise<void> => reservations.requireOwn(name);
  return {
    ...createAdminTools(parts, config.auth),
    repositories: new Repositories({ registry, driver, readOnly, deletion, requireOwn }),
    importer: new ArchiveImporter(registry, { ...archives, maxManifestBytes, references }),
    exporter: new ArchiveExporter(registry),
    mirror: new MirrorAdministration({ settings: mirrorSettings(config), purge, running }),
    readOnly,
    logLevel: new LogLevelSetting(driver, config.log.level, setLevel),
    audit: new AuditHistory(driver),
    clock,
    version: readVersion(),
  };
}

function mirrorSettings({ mirror: { keep, warm, root } }: Config): MirrorSettings {
  const isRoot = root.port !== undefined || root.names.length > 0;
  return { keep, warm, ...(isRoot && { root: root.upstream }) };
}
