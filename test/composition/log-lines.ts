import type { Logger } from '../../src/ports/logger.js';

/** A log that is read by its test. */
export class LogLines implements Logger {
  readonly lines: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  readonly debug = this.log('debug');
  readonly info = this.log('info');
  readonly warn = this.log('warn');
  readonly error = this.log('error');

  flush(): Promise<void> {
    return Promise.resolve();
  }

  private log(level: string): (fields: object, message: string) => void {
    return (fields, message) => this.lines.push({ level, message, fields: { ...fields } });
  }
}
