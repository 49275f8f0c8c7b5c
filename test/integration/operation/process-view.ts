/** What Linux shows of a process's files and sockets. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What each open descriptor is: a path, or `socket:[12345]` and the like. */
export function openFiles(pid: number): string[] {
  const dir = `/proc/${pid}/fd`;
  return readdirSync(dir).flatMap((fd) => {
    try {
      return [readlinkSync(`${dir}/${fd}`)];
    } catch {
      return []; // Closed between the two looks.
    }
  });
}

/** Local addresses in the state LISTEN that belong to this process, as the kernel writes them. */
export function listeningSockets(pid: number): string[] {
  const own = new Set(openFiles(pid));
  return ['tcp', 'tcp6'].flatMap((family) =>
    readFileSync(`/proc/${pid}/net/${family}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && own.has(`socket:[${fields[9]}]`))
      .map((fields) => `${family} ${fields[1]}`),
  );
}
