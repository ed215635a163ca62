import { isObject, membersOf, parsedMembers } from './json-members.js';
import type { Json } from './json-members.js';
import { InvalidValue } from './invalid-value.js';

/** For which system an image is made. */
export interface Platform {
  readonly architecture?: string;
  readonly os?: string;
  readonly osVersion?: string;
  readonly variant?: string;
}

/** A platform that somebody wishes. */
export type WishedPlatform = Required<Pick<Platform, 'os' | 'architecture'>> & Pick<Platform, 'variant'>;

const WISH = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9.]+))?$/;

/** `os/architecture[/variant]`. @throws InvalidValue */
export function parsePlatform(text: string): WishedPlatform {
  const [, os, architecture, variant] = WISH.exec(text) ?? [];
  if (os === undefined || architecture === undefined) {
    throw new InvalidValue(
      'pattern',
      `'${text}' is no platform: give one such as linux/amd64 or linux/arm/v7`,
    );
  }
  return { os, architecture, ...(variant !== undefined && { variant }) };
}

/** Without a variant any is wished; an arm64 that does not tell its variant is v8 (OCI image-spec image-index.md). */
export function isWished({ os, architecture, variant }: WishedPlatform, platform: Platform): boolean {
  if (platform.os !== os || platform.architecture !== architecture) return false;
  return variant === undefined || variant === (platform.variant ?? (architecture === 'arm64' ? 'v8' : ''));
}

/** What BuildKit tells of attestations, which run nowhere. */
export function isNowhere({ os, architecture }: Platform): boolean {
  return os === 'unknown' && architecture === 'unknown';
}

/** The platforms of an index's children, in their order. Never throws. */
export function platformsIn(bytes: Buffer): readonly (Platform | undefined)[] {
  const { manifests } = parsedMembers(bytes);
  if (!Array.isArray(manifests)) return [];
  return manifests.map((child) => {
    const { platform } = membersOf(child);
    return isObject(platform) ? platformOf(platform) : undefined;
  });
}

function platformOf(members: Json): Platform {
  const { architecture, os, variant, 'os.version': osVersion } = members;
  const told = Object.entries({ architecture, os, osVersion, variant });
  return Object.fromEntries(told.filter(([, value]) => typeof value === 'string' && value !== ''));
}
