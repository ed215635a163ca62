import { Command } from 'commander';
import type { Finding } from '../composition/doctor.js';
import type { CommandContext, ConfigOption } from './command-context.js';
import { configOption } from './config.js';
import { counted, jsonText } from './output.js';

interface DoctorOptions extends ConfigOption {
  readonly json: boolean;
}

/** `stackyard doctor` */
export function doctorCommand(context: CommandContext): Command {
  return new Command('doctor')
    .description('check the store and all that it needs, and tell how to mend what is wrong')
    .option('--json', 'print one JSON object', false)
    .addOption(configOption())
    .action((options: DoctorOptions) => doctor(context, options));
}

async function doctor(context: CommandContext, { config, json }: DoctorOptions): Promise<void> {
  const findings: Finding[] = [];
  for await (const finding of context.examine(() => context.loadConfig(config))) {
    findings.push(finding);
    if (!json) context.out(lineOf(finding));
  }
  const errors = findings.filter(({ level }) => level === 'error').length;
  if (json) context.out(`${jsonText({ ok: errors === 0, findings })}\n`);
  if (errors > 0) throw new Error(`${counted(errors, 'check')} failed`);
}

const MARK: Readonly<Record<Finding['level'], string>> = { ok: 'ok  ', warning: 'warn', error: 'FAIL' };
/** Of the longest name of a check. */
const WIDTH = 15;

function lineOf({ check, level, found, fix }: Finding): string {
  return `${MARK[level]}  ${check.padEnd(WIDTH)}  ${found}${fix === undefined ? '' : `  → ${fix}`}\n`;
}
