import type { ArchiveExporter } from '../archive/archive-exporter.js';
import type { ArchiveImporter } from '../archive/archive-importer.js';
import type { AuditHistory } from '../audit/audit-history.js';
import type { Clock } from '../ports/clock.js';
import type { ReadOnlyMode } from '../registry/read-only-mode.js';
import type { AccountDirectory } from './account-directory.js';
import type { Accounts } from './accounts.js';
import type { Explanation, Question } from './explanation.js';
import type { KeyRing } from './key-ring.js';
import type { LogLevelSetting } from './log-level-setting.js';
import type { MirrorAdministration } from './mirror-administration.js';
import type { OwnedTokens } from './owned-tokens.js';
import type { Permissions } from './permissions.js';
import type { Repositories } from './repositories.js';

/** What the operations of the admin API work with. */
export interface AdminServices {
  readonly accounts: Accounts;
  readonly directory: AccountDirectory;
  readonly tokens: OwnedTokens;
  readonly permissions: Permissions;
  readonly keys: KeyRing;
  readonly repositories: Repositories;
  readonly importer: ArchiveImporter;
  readonly exporter: ArchiveExporter;
  readonly mirror: MirrorAdministration;
  readonly readOnly: ReadOnlyMode;
  readonly logLevel: LogLevelSetting;
  readonly audit: AuditHistory;
  readonly clock: Clock;
  /** Of the software. */
  readonly version: string;
  readonly explain: (question: Question) => Promise<Explanation>;
}
