/** The members of a JSON object of somebody else's, of which nothing is known. */
export type Json = Readonly<Record<string, unknown>>;

/** None where it is no object, or no JSON. */
export function parsedMembers(bytes: Buffer): Json {
  try {
    return membersOf(JSON.parse(bytes.toString()));
  } catch {
    // It need not be JSON.
    return {};
  }
}

/** None where it is no object. */
export function membersOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
