/**
 * A value of YAML that may have aliases; undefined where one of them leads nowhere, or they would make too much of it.
 * The parser's error for both quotes the alias, which may be a secret that begins with an asterisk.
 */
export function aliasedValue(toValue: () => unknown): unknown {
  try {
    return toValue();
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return undefined;
  }
}
