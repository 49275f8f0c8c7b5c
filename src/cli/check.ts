/** `sidepool check FILE`: what is wrong with a configuration, without starting anything. */
import { formatMistakes } from '../config/mistake.ts';
import { ended, readConfigFile } from './config-file.ts';

/** Prints the verdict and gives the exit code. */
export function check(file: string): number {
  const read = readConfigFile(file, { env: process.env });
  if (!read.ok) {
    process.stderr.write(read.message);
    return 2;
  }
  if (read.warnings.length > 0) process.stderr.write(ended(formatMistakes(file, read.warnings)));
  const { listeners, upstreams } = read.config;
  process.stdout.write(
    `${file}: right, with ${count(listeners, 'listener')} and ${count(upstreams, 'upstream')}.\n`,
  );
  return 0;
}

function count(list: readonly unknown[], noun: string): string {
  return `${list.length} ${noun}${list.length === 1 ? '' : 's'}`;
}
