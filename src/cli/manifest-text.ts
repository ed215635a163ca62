import type { OperationResult } from '../api/operations.js';
import { grid, readableBytes, readableTime, table } from './output.js';

type Manifest = OperationResult<'getManifest'>;
type Platform = NonNullable<Manifest['manifests'][number]['platform']>;

/** A manifest for people: what it is, what it is made of, how it was made. */
export function manifestText(manifest: Manifest): string {
  return [
    table(factsOf(manifest)),
    ...(manifest.manifests.length > 0 ? ['\n', childrenOf(manifest)] : []),
    ...(manifest.layers.length > 0 ? ['\n', layersOf(manifest)] : []),
    ...historyOf(manifest),
  ].join('');
}

function factsOf(manifest: Manifest): (readonly [string, string])[] {
  const { config, artifactType, subject, annotations = {} } = manifest;
  return [
    ['digest', manifest.digest],
    ['media type', manifest.mediaType],
    ['size', readableBytes(manifest.totalSize)],
    ...given('artifact type', artifactType),
    ...given('subject', subject?.digest),
    ...(config === undefined ? [] : configFacts(config)),
    ...Object.entries(annotations).map(([name, value]) => ['annotation', `${name}=${value}`] as const),
  ];
}

function configFacts(config: NonNullable<Manifest['config']>): (readonly [string, string])[] {
  return [
    ['config', config.digest],
    ...given('platform', platformText(config)),
    ...given('created', config.created && readableTime(config.created, '')),
    ...given('author', config.author),
    ...given('user', config.user),
    ...given('directory', config.workingDir),
    ...given('entrypoint', config.entrypoint && JSON.stringify(config.entrypoint)),
    ...given('command', config.cmd && JSON.stringify(config.cmd)),
    ...given('ports', config.exposedPorts?.join(' ')),
    ...given('volumes', config.volumes?.join(' ')),
    ...(config.env ?? []).map((variable) => ['environment', variable] as const),
    ...Object.entries(config.labels ?? {}).map(([name, value]) => ['label', `${name}=${value}`] as const),
  ];
}

function given(name: string, value: string | undefined): (readonly [string, string])[] {
  return value === undefined || value === '' ? [] : [[name, value]];
}

function childrenOf({ manifests }: Manifest): string {
  const rows = manifests.map(({ digest, size, platform, artifactType }) => [
    digest,
    readableBytes(size),
    (platform && platformText(platform)) ?? artifactType ?? '-',
  ]);
  return grid(['manifest', 'size', 'platform'], rows);
}

function layersOf({ layers }: Manifest): string {
  const rows = layers.map(({ digest, size, mediaType }) => [digest, readableBytes(size), mediaType]);
  return grid(['layer', 'size', 'media type'], rows);
}

function historyOf({ config }: Manifest): string[] {
  const { history = [] } = config ?? {};
  if (history.length === 0) return [];
  const rows = history.map(({ created, createdBy, comment }) => [
    readableTime(created, '-'),
    createdBy ?? comment ?? '-',
  ]);
  return ['\n', grid(['step', 'made by'], rows)];
}

function platformText({ os, architecture, variant }: Platform): string | undefined {
  const parts = [os, architecture, variant].filter((part) => part !== undefined && part !== '');
  return parts.length === 0 ? undefined : parts.join('/');
}
