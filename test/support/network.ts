import type { Context } from 'mocha';
import { requireRoot, requireTool } from './requirement.js';
import { runTool } from './tool.js';

/** A network of its own, with a loopback interface alone that has one address more. */
export interface Network {
  /** One that engines take for another host's: outside of 127.0.0.0/8 they check certificates. */
  readonly address: string;
  /** The words that run what follows them in this network. */
  readonly through: readonly string[];
  stop(): Promise<void>;
}

/** Makes a network namespace; nothing in it reaches any other network. Leaves the suite out without root. */
export async function makeNetwork(context: Context): Promise<Network> {
  requireRoot(context);
  for (const program of ['ip', 'nsenter']) requireTool(context, program);
  const name = `stackyard-${process.pid}`;
  const address = '10.213.0.1';
  await runTool('ip', ['netns', 'add', name]);
  const through = ['nsenter', `--net=/run/netns/${name}`];
  const inside = (...args: readonly string[]) => runTool('nsenter', [...through.slice(1), 'ip', ...args]);
  await inside('link', 'set', 'lo', 'up');
  await inside('address', 'add', `${address}/32`, 'dev', 'lo');
  return {
    address,
    through,
    async stop() {
      await runTool('ip', ['netns', 'delete', name]);
    },
  };
}
