import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';

export const MEDIA_TYPES = {
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

export interface Content {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly bytes: Buffer;
}

/** An image as bytes: what a push uploads and a pull must return unchanged. */
export interface Image {
  readonly manifest: Content;
  readonly config: Content;
  readonly layers: readonly Content[];
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function content(mediaType: string, bytes: Buffer): Content {
  return { mediaType, digest: sha256(bytes), size: bytes.length, bytes };
}

export function descriptor({ mediaType, digest, size }: Content) {
  return { mediaType, digest, size };
}

/** A valid image for linux/amd64 with one random file in each layer. */
export function makeImage(options: {
  readonly format: 'oci' | 'docker';
  readonly layers?: number;
  readonly layerBytes?: number;
  readonly architecture?: string;
}): Image {
  const { format, layers: count = 2, layerBytes = 10_000, architecture = 'amd64' } = options;
  const oci = format === 'oci';
  const tars = Array.from({ length: count }, (_, i) => tarOf(`file-${i}`, randomBytes(layerBytes)));
  const layers = tars.map((tar) =>
    content(oci ? MEDIA_TYPES.ociLayer : MEDIA_TYPES.dockerLayer, gzipSync(tar, { level: 1 })),
  );
  const config = content(
    oci ? MEDIA_TYPES.ociConfig : MEDIA_TYPES.dockerConfig,
    Buffer.from(
      JSON.stringify({
        architecture,
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: tars.map((tar) => sha256(tar)) },
        history: tars.map(() => ({ created: '2024-01-01T00:00:00Z', created_by: 'test' })),
      }),
    ),
  );
  const mediaType = oci ? MEDIA_TYPES.ociManifest : MEDIA_TYPES.dockerManifest;
  // The odd spacing is the point: only a registry that keeps the bytes can return this digest.
  const manifest = content(
    mediaType,
    Buffer.from(
      JSON.stringify(
        { schemaVersion: 2, mediaType, config: descriptor(config), layers: layers.map(descriptor) },
        null,
        3,
      ),
    ),
  );
  return { manifest, config, layers };
}

/** An OCI index over images, with a platform each. */
export function makeIndex(children: readonly { image: Image; architecture: string }[]): Content {
  return content(
    MEDIA_TYPES.ociIndex,
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociIndex,
        manifests: children.map(({ image, architecture }) => ({
          ...descriptor(image.manifest),
          platform: { architecture, os: 'linux' },
        })),
      }),
    ),
  );
}

/** Writes an OCI image layout whose index.json names `root` under `reference`. */
export async function writeLayout(
  directory: string,
  root: Content,
  contents: readonly Content[],
  reference: string,
): Promise<void> {
  await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(
    join(directory, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ ...descriptor(root), annotations: { 'org.opencontainers.image.ref.name': reference } }],
    }),
  );
  for (const { digest, bytes } of [root, ...contents])
    await writeFile(join(directory, 'blobs', ...digest.split(':')), bytes);
}

/** Writes the `dir:` layout of containers/image. */
export async function writeDir(directory: string, image: Image): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'version'), 'Directory Transport Version: 1.1\n');
  await writeFile(join(directory, 'manifest.json'), image.manifest.bytes);
  for (const { digest, bytes } of [image.config, ...image.layers])
    await writeFile(join(directory, digest.slice('sha256:'.length)), bytes);
}

/** A tar archive of one regular file. */
export function tarOf(name: string, bytes: Buffer): Buffer {
  return Buffer.concat([
    tarHeader(name, bytes.length),
    bytes,
    Buffer.alloc((512 - (bytes.length % 512)) % 512),
    Buffer.alloc(1024),
  ]);
}

/** A tar stream of one file of `size` incompressible bytes, made at memory speed: an AES-CTR key stream. */
export function largeTar(name: string, size: number): Readable {
  const chunk = Buffer.alloc(1 << 20);
  function* parts() {
    const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
    yield tarHeader(name, size);
    for (let left = size; left > 0; left -= chunk.length)
      yield cipher.update(left < chunk.length ? chunk.subarray(0, left) : chunk);
    yield Buffer.alloc(((512 - (size % 512)) % 512) + 1024);
  }
  return Readable.from(parts(), { objectMode: false });
}

function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('14000000000\0', 136); // a fixed time, so that equal content gives equal bytes
  header.write('        ', 148); // the checksum counts as spaces
  header.write('0', 156);
  header.write('ustar\0', 257);
  header.write('00', 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
