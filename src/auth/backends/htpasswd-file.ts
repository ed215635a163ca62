import type { Clock } from '../../ports/clock.js';
import { parseHtpasswd } from './htpasswd-content.js';
import type { HtpasswdContent } from './htpasswd-content.js';

/** Where the file lies; both throw as node:fs does. */
export interface HtpasswdSource {
  /** Another text whenever the file may be another. */
  version(): Promise<string>;
  read(): Promise<string>;
}

export interface HtpasswdFileParts {
  readonly source: HtpasswdSource;
  readonly clock: Clock;
  readonly warn: (message: string) => void;
}

/** Milliseconds in which the file is looked at once at most. */
const LOOK_MILLISECONDS = 1000;

/**
 * A password file as it was at most a second ago. Lines that cannot be used are told to `warn` once and left out; a
 * file that cannot be read counts as it was before.
 */
export class HtpasswdFile {
  private content: HtpasswdContent;
  private version: string;
  private lookAt: number;
  private looking: Promise<void> | undefined;
  private told: string | undefined;

  constructor(
    private readonly parts: HtpasswdFileParts,
    first: { readonly version: string; readonly content: HtpasswdContent },
  ) {
    this.content = first.content;
    this.version = first.version;
    this.lookAt = parts.clock.now() + LOOK_MILLISECONDS;
  }

  async current(): Promise<HtpasswdContent> {
    if (this.parts.clock.now() >= this.lookAt) this.looking ??= this.look();
    await this.looking;
    return this.content;
  }

  private async look(): Promise<void> {
    this.lookAt = this.parts.clock.now() + LOOK_MILLISECONDS;
    try {
      await this.readAnew();
      this.told = undefined;
    } catch (error) {
      this.warnOnce(`it cannot be read (${codeOf(error)}); its users stay as they were`);
    } finally {
      this.looking = undefined;
    }
  }

  private async readAnew(): Promise<void> {
    // Before the bytes: what changes while they are read is then seen the next time.
    const version = await this.parts.source.version();
    if (version === this.version) return;
    this.content = parseHtpasswd(await this.parts.source.read());
    this.version = version;
    for (const problem of this.content.problems) this.parts.warn(`left out: ${problem}`);
  }

  private warnOnce(message: string): void {
    if (message !== this.told) this.parts.warn(message);
    this.told = message;
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code);
  throw error;
}
