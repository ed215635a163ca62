import { settingKey } from '../domain/keys.js';
import { readRecord, writeRecord } from '../auth/stored-record.js';
import { LOG_LEVELS } from '../ports/logger.js';
import type { LogLevel } from '../ports/logger.js';
import type { StorageDriver } from '../ports/storage-driver.js';

/** The least level of the log that operators set for all servers of a store, instead of the configuration's. */
export class LogLevelSetting {
  constructor(
    private readonly driver: StorageDriver,
    /** Of the configuration. */
    private readonly configured: LogLevel,
    /** Lets the log of this process have a level. */
    private readonly apply: (level: LogLevel) => void = () => undefined,
  ) {}

  /** As it is now. */
  async read(): Promise<{ readonly level: LogLevel; readonly configured: boolean }> {
    const level = await readRecord(this.driver, settingKey('log-level'), levelOf);
    return { level: level ?? this.configured, configured: level === undefined };
  }

  /** Of this process at once; others look for it by themselves. Null ends it. */
  async set(level: LogLevel | null): Promise<void> {
    if (level === null) await this.driver.delete(settingKey('log-level'));
    else await writeRecord(this.driver, settingKey('log-level'), { level });
    this.apply(level ?? this.configured);
  }

  /** Lets the log have the level that is set now. @throws StorageError */
  async adopt(): Promise<void> {
    this.apply((await this.read()).level);
  }
}

function levelOf(record: unknown): LogLevel {
  const { level } = record as { level: unknown };
  const known = LOG_LEVELS.find((each) => each === level);
  if (known === undefined) throw new Error('the log level is none');
  return known;
}
