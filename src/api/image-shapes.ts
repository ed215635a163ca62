import { z } from 'zod';
import { bytes, digest, named, time } from './shapes.js';

const annotations = z.record(z.string(), z.string());
const descriptorFields = { digest: digest(), mediaType: z.string(), size: bytes() };
const descriptor = named(
  'Descriptor',
  z.object({
    ...descriptorFields,
    artifactType: z.string().optional(),
    annotations: annotations.optional(),
  }),
);
export const revision = named(
  'Revision',
  z.object({
    digest: digest(),
    mediaType: z.string().optional().describe('Absent where the manifest cannot be read.'),
    size: bytes().optional().describe('Bytes of the manifest itself.'),
    artifactType: z.string().optional(),
    subject: digest().optional(),
    pushedAt: time(),
  }),
);
export const referrer = named(
  'Referrer',
  z.object({ ...descriptorFields, artifactType: z.string().optional(), annotations: annotations.optional() }),
);
const platform = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  osVersion: z.string().optional(),
  variant: z.string().optional(),
});
const child = named(
  'Child',
  z.object({
    ...descriptorFields,
    platform: platform.optional(),
    artifactType: z.string().optional(),
    annotations: annotations.optional(),
  }),
);
const layerStep = z.object({
  created: z.string().optional(),
  createdBy: z.string().optional(),
  comment: z.string().optional(),
  emptyLayer: z.boolean().optional(),
});
const texts = z.array(z.string());
const config = named(
  'ImageConfig',
  z.object({
    ...descriptorFields,
    architecture: z.string().optional(),
    os: z.string().optional(),
    variant: z.string().optional(),
    created: z.string().optional(),
    author: z.string().optional(),
    entrypoint: texts.optional(),
    cmd: texts.optional(),
    env: texts.optional(),
    labels: annotations.optional(),
    workingDir: z.string().optional(),
    user: z.string().optional(),
    exposedPorts: texts.optional(),
    volumes: texts.optional(),
    history: z.array(layerStep).optional(),
  }),
);
export const manifest = named(
  'ManifestDetail',
  z.object({
    ...descriptorFields,
    totalSize: bytes().describe('Bytes of the manifest and all it refers to.'),
    artifactType: z.string().optional(),
    annotations: annotations.optional(),
    subject: descriptor.optional(),
    config: config.optional(),
    layers: z.array(descriptor),
    manifests: z.array(child),
  }),
);
