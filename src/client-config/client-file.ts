/** A file as it is to be, whole. */
export interface ClientFile {
  /** Absolute on the host; of what no host has, a name alone. */
  readonly path: string;
  readonly mode: number;
  readonly content: string;
}

/** The texts of what is there already, by path. */
export type ExistingFiles = ReadonlyMap<string, string>;

/** Stands for the text of a file that is there and cannot be read: no text of a configuration has a NUL. */
export const UNREADABLE = '\0';

/** Of files that hold no secret. */
export const PUBLIC = 0o644;
/** Of files that only their owner may read. */
export const SECRET = 0o600;

/** Begins files that are written whole. */
export const HEAD = "# Written by Stackyard's client configuration; changes made here are lost.\n";
