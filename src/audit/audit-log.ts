import type { RepositoryName } from '../domain/repository-name.js';
import type { RepositoryPattern } from '../domain/repository-pattern.js';
import type { AuditTrail, NewAuditEvent } from '../ports/audit.js';
import { NotedEvents } from './noted-events.js';
import type { NotedEventsParts } from './noted-events.js';
import { RecordedEvents } from './recorded-events.js';

const CLOSE_MILLISECONDS = 5000;

/** What was done, appended to the store: an object holds some events and is never written again. */
export class AuditLog implements AuditTrail {
  private readonly recorded: RecordedEvents;
  private readonly noted: NotedEvents;

  constructor(
    private readonly parts: NotedEventsParts,
    private readonly options: { readonly strict: readonly RepositoryPattern[] },
  ) {
    this.recorded = new RecordedEvents(parts);
    this.noted = new NotedEvents(parts);
  }

  record(event: NewAuditEvent): Promise<void> {
    return this.recorded.add(event);
  }

  note(event: NewAuditEvent): void {
    this.noted.add(event);
  }

  isStrict(name: RepositoryName): boolean {
    return this.options.strict.some((pattern) => pattern.matches(name));
  }

  /** Writes what is left; gives up after `limit` milliseconds and logs how much was lost. */
  async close(limit = CLOSE_MILLISECONDS): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, limit)));
    await Promise.race([Promise.all([this.recorded.settled(), this.noted.flush()]), over]);
    clearTimeout(timer);
    const events = this.noted.stop();
    if (events > 0)
      this.parts.log.warn({ events }, 'audit events were lost: the store did not take them in time');
  }
}
