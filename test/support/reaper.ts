/**
 * Ends the programs of a test process that dies, and removes its temporary directories.
 *
 * A test runner kills a worker that hangs, and then no `finally` and no exit handler runs. So one small
 * shell per test process holds the other end of a pipe and a list of process groups; at the end of the
 * pipe, however it came, it kills what is still on the list.
 */
import { type ChildProcess, spawn } from 'node:child_process';

const script = `
trap '' INT TERM HUP
groups=' '
dirs=' '
while read -r operation it; do
  case "$operation" in
    add-group) groups="$groups$it " ;;
    remove-group) groups="\${groups%% $it *} \${groups#* $it }" ;;
    add-dir) dirs="$dirs$it " ;;
    remove-dir) dirs="\${dirs%% $it *} \${dirs#* $it }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
for dir in $dirs; do
  case "$dir" in */sidepool-*) rm -rf -- "$dir" ;; esac
done
`;

let shell: ChildProcess | undefined;

export function watchGroup(group: number): void {
  tell(`add-group ${group}`);
}

export function forgetGroup(group: number): void {
  tell(`remove-group ${group}`);
}

/** The path must have no blanks in it, and a last part that begins with `sidepool-`. */
export function watchDir(path: string): void {
  tell(`add-dir ${path}`);
}

export function forgetDir(path: string): void {
  tell(`remove-dir ${path}`);
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
  started.stdin.on('error', () => {}); // It was killed: then it can guard nothing.
  (started.stdin as unknown as { unref(): void }).unref();
  return started;
}
