/** What `sidepool doctor` finds, and how it is shown. */

/** `unknown` could not be looked at, because of what another finding says or because this system does not tell. */
export type Verdict = 'ok' | 'warning' | 'problem' | 'unknown';

export interface Finding {
  /** `machine`, or the name of an upstream. */
  readonly subject: string;
  /** What was looked at: `name`, `connection`, `certificate`, `answer`, `idle limit`, `source ports`, `descriptors`. */
  readonly check: string;
  readonly verdict: Verdict;
  /** What was found, in a sentence. */
  readonly what: string;
  /** What to do about it; null where nothing is to be done. */
  readonly advice: string | null;
}

export function ok(subject: string, check: string, what: string): Finding {
  return { subject, check, verdict: 'ok', what, advice: null };
}

/** For a person: one block for each subject, and the counts. */
export function findingsText(findings: readonly Finding[]): string {
  const lines: string[] = [];
  let subject: string | null = null;
  for (const finding of findings) {
    if (finding.subject !== subject) {
      if (subject !== null) lines.push('');
      subject = finding.subject;
      lines.push(subject);
    }
    lines.push(`  ${finding.verdict.padEnd(8)} ${finding.check}: ${finding.what}`);
    if (finding.advice !== null) lines.push(`${' '.repeat(11)}-> ${finding.advice}`);
  }
  return `${lines.join('\n')}\n\n${countsText(findings)}\n`;
}

function countsText(findings: readonly Finding[]): string {
  const count = (verdict: Verdict): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  if (problems + warnings === 0) return 'Nothing is wrong here.';
  return `${problems} problem${problems === 1 ? '' : 's'}, ${warnings} warning${warnings === 1 ? '' : 's'}.`;
}
