import { RIVALS } from './swift-schema.js';

/** A value that was given for a key, before it is checked. */
export interface Setting {
  readonly value: unknown;
  /** Where it was given, as in `stackyard.yaml:3` or `PORT`. */
  readonly where: string;
  readonly from: 'env' | 'file';
}

/** What one source gives: settings by the path of their key, and what is wrong with the source itself. */
export interface Source {
  readonly settings: ReadonlyMap<string, Setting>;
  readonly problems: readonly string[];
  /** False where its settings are not known, so that nothing follows from their absence. */
  readonly readable: boolean;
}

/** The settings of both; a key of the stronger also replaces the weaker's other name for the same thing. */
export function overlay(
  weaker: ReadonlyMap<string, Setting>,
  stronger: ReadonlyMap<string, Setting>,
): Map<string, Setting> {
  const merged = new Map(weaker);
  for (const pair of RIVALS) {
    if (pair.some((path) => stronger.has(path))) for (const path of pair) merged.delete(path);
  }
  for (const [path, setting] of stronger) merged.set(path, setting);
  return merged;
}
