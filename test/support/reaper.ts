/**
 * Ends the programs of a test process that dies.
 *
 * A test runner kills a worker that hangs, and then no `finally` and no exit handler runs. So one small
 * shell per test process holds the other end of a pipe and a list of process groups; at the end of the
 * pipe, however it came, it kills what is still on the list.
 */
import { type ChildProcess, spawn } from 'node:child_process';

const script = `
trap '' INT TERM HUP
groups=' '
while read -r operation group; do
  case "$operation" in
    add) groups="$groups$group " ;;
    remove) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
`;

let shell: ChildProcess | undefined;

export function watchGroup(group: number): void {
  tell(`add ${group}`);
}

export function forgetGroup(group: number): void {
  tell(`remove ${group}`);
}

function tell(line: string): void {
  shell ??= startShell();
  shell.stdin?.write(`${line}\n`);
}

function startShell(): ChildProcess {
  // A group of its own: an interrupt from the keyboard must not take it before the others.
  const started = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Must not keep the test process alive: its end is what the shell waits for.
  started.unref();
  (started.stdin as unknown as { unref(): void }).unref();
  return started;
}
