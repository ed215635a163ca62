/** One way to log in that a server offers (RFC 9110 §11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By their names in lower case; of a name given twice, the first. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const SPACE = /[ \t]+/y;
const GAP = /[ \t,]*/y;

/** The challenges of WWW-Authenticate in their order; what follows a fault in a line is left out, and that challenge. */
export function parseChallenges(lines: readonly string[]): readonly Challenge[] {
  return lines.flatMap((line) => new ChallengeLine(line).read());
}

class ChallengeLine {
  private at = 0;

  constructor(private readonly line: string) {}

  read(): readonly Challenge[] {
    const found: Challenge[] = [];
    for (;;) {
      this.take(GAP);
      const scheme = this.take(TOKEN);
      if (scheme === undefined) return found;
      const parameters = this.parameters();
      if (parameters === undefined) return found;
      found.push({ scheme: scheme.toLowerCase(), parameters });
    }
  }

  /** Up to the next scheme; undefined where they are not well formed. */
  private parameters(): Map<string, string> | undefined {
    const parameters = new Map<string, string>();
    if (this.take(SPACE) === undefined) return this.isAtGap() ? parameters : undefined;
    if (this.take(TOKEN68) !== undefined) return parameters;
    for (;;) {
      this.take(GAP);
      const start = this.at;
      const name = this.take(TOKEN);
      if (name === undefined) return this.at === this.line.length ? parameters : undefined;
      if (this.take(EQUALS) === undefined) {
        this.at = start;
        return parameters;
      }
      const value = this.quoted() ?? this.take(TOKEN);
      if (value === undefined || !this.isAtGap()) return undefined;
      if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
    }
  }

  private quoted(): string | undefined {
    return this.match(QUOTED)?.[1]?.replace(/\\(.)/gs, '$1');
  }

  private isAtGap(): boolean {
    return this.at === this.line.length || /[ \t,]/.test(this.line.charAt(this.at));
  }

  private take(form: RegExp): string | undefined {
    const text = this.match(form)?.[0];
    return text === '' ? undefined : text;
  }

  private match(form: RegExp): RegExpExecArray | null {
    form.lastIndex = this.at;
    const match = form.exec(this.line);
    if (match !== null) this.at = form.lastIndex;
    return match;
  }
}
