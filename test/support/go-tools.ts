import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { projectRoot } from './project.js';
import { findTool, leaveOut } from './requirement.js';
import { runTool, ToolError } from './tool.js';

/** Each client that is built from source: the directory of its pinned go.mod, and its package. */
const GO_TOOLS = {
  conformance: ['conformance', 'github.com/opencontainers/distribution-spec/conformance'],
  crane: ['conformance', 'github.com/google/go-containerregistry/cmd/crane'],
  oras: ['conformance', 'oras.land/oras/cmd/oras'],
  helm: ['conformance/tools/helm', 'helm.sh/helm/v3/cmd/helm'],
  cosign: ['conformance/tools/cosign', 'github.com/sigstore/cosign/v2/cmd/cosign'],
  buildkitd: ['conformance/tools/buildkit', 'github.com/moby/buildkit/cmd/buildkitd'],
  buildctl: ['conformance/tools/buildkit', 'github.com/moby/buildkit/cmd/buildctl'],
  containerd: ['conformance/tools/containerd', 'github.com/containerd/containerd/v2/cmd/containerd'],
  crictl: ['conformance/tools/crictl', 'sigs.k8s.io/cri-tools/cmd/crictl'],
} as const;

export type GoTool = keyof typeof GO_TOOLS;

/**
 * The path of a Go tool, built into .cache/bin when it is not there or its go.mod or go.sum changed.
 * Throws ToolError with go's own words when it cannot be had.
 */
export async function goTool(name: GoTool): Promise<string> {
  const go = findTool('go');
  if (go === undefined) throw new Error('go is not installed');
  const [directory, packagePath] = GO_TOOLS[name];
  const module = join(projectRoot, directory);
  const binaries = join(projectRoot, '.cache', 'bin');
  const binary = join(binaries, name);
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(module, file)));
  const wanted = hash.digest('hex');
  const stamp = `${binary}.built-from`;
  if (existsSync(binary) && existsSync(stamp) && (await readFile(stamp, 'utf8')) === wanted) return binary;
  await mkdir(binaries, { recursive: true });
  await runTool(go, ['build', '-mod=readonly', '-trimpath', '-o', binary, packagePath], {
    cwd: module,
    timeoutMs: 900_000,
    env: { GOFLAGS: '', GOWORK: 'off', CGO_ENABLED: '0' },
  });
  await writeFile(stamp, wanted);
  return binary;
}

/** A Go tool that the suite cannot do without; call it in a `before` hook with ten minutes of time. */
export async function requireGoTool(context: Context, name: GoTool): Promise<string> {
  try {
    return await goTool(name);
  } catch (error) {
    const why = error instanceof ToolError ? error.message.split('\n').slice(-2).join(' ') : String(error);
    return leaveOut(context, `${name} cannot be had: ${why}`);
  }
}
