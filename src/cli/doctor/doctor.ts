/** `sidepool doctor`: what is wrong on this machine or pod, before or while a gateway runs. It changes nothing. */
import { durationText } from '../../config/units.ts';
import type { GatewaySource } from '../arguments.ts';
import { readSource } from '../config-file.ts';
import { findingsText } from './finding.ts';
import { checkDescriptors } from './machine-checks.ts';
import { checkUpstream } from './upstream-checks.ts';

export interface DoctorCall {
  readonly source: GatewaySource;
  /** How long an idle connection to each upstream is watched; 0 for not at all. */
  readonly idleMs: number;
  readonly json: boolean;
}

const PROC = '/proc';

/** 0 when no problem was found (warnings are none), 1 when one was, 2 for a configuration that is wrong. */
export async function doctor({ source, idleMs, json }: DoctorCall): Promise<number> {
  const parsed = readSource(source);
  if (!parsed.ok) {
    process.stderr.write(parsed.message);
    return 2;
  }
  const { config } = parsed;
  if (idleMs > 0 && process.stderr.isTTY)
    process.stderr.write(`Watching idle connections for up to ${durationText(idleMs)} ...\n`);
  const found = await Promise.all(
    config.upstreams.map((upstream) => checkUpstream(upstream, { idleMs, proc: PROC })),
  );
  const findings = [checkDescriptors(config, PROC), ...found.flat()];
  process.stdout.write(
    json ? `${JSON.stringify({ findings }, undefined, 2)}\n` : findingsText(findings),
  );
  return findings.some(({ verdict }) => verdict === 'problem') ? 1 : 0;
}
