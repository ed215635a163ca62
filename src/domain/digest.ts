import { InvalidValue } from './invalid-value.js';

export type DigestAlgorithm = 'sha256' | 'sha512';

const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };
const GRAMMAR = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const LOWER_HEX = /^[0-9a-f]+$/;

/** Whether blobs can be addressed by this algorithm here. */
export function isSupportedAlgorithm(text: string): text is DigestAlgorithm {
  return text === 'sha256' || text === 'sha512';
}

/** A content digest of a supported algorithm (OCI image-spec, descriptor.md "Digests"). */
export class Digest {
  private readonly text: string;

  private constructor(
    readonly algorithm: DigestAlgorithm,
    readonly hex: string,
  ) {
    this.text = `${algorithm}:${hex}`;
  }

  /** @throws InvalidValue for text outside the grammar, an unsupported algorithm or a wrong length. */
  static parse(text: string): Digest {
    const colon = text.indexOf(':');
    const algorithm = text.slice(0, colon);
    if (colon < 0 || !GRAMMAR.test(text)) {
      throw new InvalidValue('digest', 'the digest is not of the form algorithm:hex');
    }
    if (!isSupportedAlgorithm(algorithm)) {
      throw new InvalidValue(
        'algorithm',
        `the digest algorithm ${algorithm} is not supported; use sha256 or sha512`,
      );
    }
    return Digest.of(algorithm, text.slice(colon + 1));
  }

  /** Undefined where `parse` throws. */
  static parseIfValid(text: string): Digest | undefined {
    try {
      return Digest.parse(text);
    } catch (error) {
      if (error instanceof InvalidValue) return undefined;
      throw error;
    }
  }

  /** @throws InvalidValue unless hex is the algorithm's number of lower-case hexadecimal digits. */
  static of(algorithm: DigestAlgorithm, hex: string): Digest {
    if (hex.length !== HEX_LENGTH[algorithm] || !LOWER_HEX.test(hex)) {
      throw new InvalidValue(
        'digest',
        `a ${algorithm} digest has ${HEX_LENGTH[algorithm]} lower-case hexadecimal digits`,
      );
    }
    return new Digest(algorithm, hex);
  }

  equals(other: Digest): boolean {
    return this.text === other.text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}
