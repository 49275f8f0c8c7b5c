/** What no option can tell alone: whether the parts of a file go together. */
import { Findings } from './findings.ts';
import { checkListeners } from './listener-checks.ts';
import type { Finding } from './mistake.ts';
import type { FileOutput } from './schema.ts';
import { durationText } from './units.ts';
import { checkUpstream } from './upstream-checks.ts';

export interface CheckContext {
  readonly readFile: (path: string) => string;
  readonly resolvePath: (path: string) => string;
}

/** `earlier` are the mistakes found so far: what one of them touches is not looked at again. */
export function checkTogether(
  file: FileOutput,
  earlier: readonly Finding[],
  context: CheckContext,
): Pick<Findings, 'mistakes' | 'warnings'> {
  const findings = new Findings(earlier);
  // Parts are compared in pairs: thousands of them are no configuration, and thousands of mistakes come first.
  if (earlier.length > MOST_EARLIER || hasTooMany(file, findings)) return findings;
  // The types hold for what is sound alone: a list or a mapping may be anything else here.
  const upstreams = isMapping(file.upstreams) ? file.upstreams : null;
  if (Array.isArray(file.listeners))
    checkListeners({ listeners: file.listeners, upstreams, admin: file.admin }, findings);
  for (const [name, upstream] of Object.entries(upstreams ?? {}))
    checkUpstream(name, upstream, { context: { ...context, limits: file.limits }, findings });
  checkRest(file, findings);
  return findings;
}

/** Of listeners, and of upstreams. */
const MOST_PARTS = 1000;
const MOST_EARLIER = 1000;

function hasTooMany(file: FileOutput, findings: Findings): boolean {
  for (const part of ['listeners', 'upstreams'] as const) {
    const count = Object.keys(file[part] ?? {}).length;
    if (count > MOST_PARTS)
      findings.mistake([part], `${count} of them`, `at most ${MOST_PARTS} are meant`);
  }
  return findings.mistakes.length > 0;
}

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkRest({ limits, drain }: FileOutput, findings: Findings): void {
  if (findings.isSound('limits')) {
    const { head, target } = limits;
    if (target > head)
      findings.mistake(
        ['limits', 'target'],
        `${target}B`,
        `at most limits.head (${head}B) is meant: the target is a part of the head`,
      );
  }
  if (findings.isSound('drain')) {
    const { quiet, deadline } = drain;
    if (quiet > deadline)
      findings.mistake(
        ['drain', 'quiet'],
        durationText(quiet),
        `at most drain.deadline (${durationText(deadline)}) is meant`,
      );
  }
}
