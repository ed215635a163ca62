import { pino } from 'pino';
import type { Log, LogLevel, Logger } from '../ports/logger.js';
import { LogOutput } from './log-output.js';
import { redactFields, redactText } from './redact.js';

/** A log whose least level can be changed while it is written. */
export interface AdjustableLogger extends Logger {
  readonly setLevel: (level: LogLevel) => void;
}

const STDOUT = 1;
const BACKLOG_BYTES = 4 * 2 ** 20;

/**
 * JSON lines to stdout, written in the background and at the end of the process. A closed or full stdout loses lines
 * and never stops the server.
 */
export function createLogger(level: LogLevel, options: { readonly fd?: number } = {}): AdjustableLogger {
  const output = new LogOutput({
    fd: options.fd ?? STDOUT,
    backlogBytes: BACKLOG_BYTES,
    onLost: (count) => lines.warn({ count }, 'log lines were lost'),
  });
  const lines = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
  const log =
    (name: Exclude<LogLevel, 'silent'>): Log =>
    (fields, message) => {
      if (lines.isLevelEnabled(name)) lines[name](redactFields(fields), redactText(message));
    };
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    flush: () => output.flush(),
    setLevel: (next) => {
      lines.level = next;
    },
  };
}
