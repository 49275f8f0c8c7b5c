/**
 * The client: curl, one connection for each request, as PHP and shell scripts make them. Many transfers in one process, so that its
 * start is in no figure; no TLS session kept from one to the next, as PHP keeps none.
 */
import { runToEnd } from '../../support/process.ts';

export interface Transfer {
  readonly totalUs: number;
  /** 0 if there was no response. */
  readonly status: number;
  readonly error: string;
  /** As the origin tells them: which of its connections it was, and how many requests that has had. */
  readonly originConnection: number;
  readonly nthOnConnection: number;
  readonly originHost: string;
}

export interface ClientOptions {
  readonly url: string;
  readonly count: number;
  readonly caPath: string;
  /** curl's `--resolve`, so that no look-up of a name is in the figures of the direct way. */
  readonly resolve?: string;
  readonly timeoutSeconds?: number;
}

const told = 'curl %{time_total} %{num_connects} %{http_code} %{errormsg}\\n';

export async function transfers(options: ClientOptions): Promise<Transfer[]> {
  const { url, count, caPath, resolve, timeoutSeconds = 10 } = options;
  const { stdout, stderr } = await runToEnd({
    command: 'curl',
    args: [
      // HTTP/1.0 keeps no connection.
      ...['-0', '--no-sessionid', '-s', '--cacert', caPath, '--max-time', String(timeoutSeconds)],
      ...(resolve === undefined ? [] : ['--resolve', resolve]),
      ...['-w', told, `${url}?[1-${count}]`],
    ],
    timeoutMs: count * timeoutSeconds * 1_000 + 5_000,
  });
  const done = parse(stdout);
  if (done.length !== count) throw new Error(`curl: ${done.length} of ${count}: ${stderr}`);
  return done;
}

/** For each transfer what the origin said, if it did, and then what curl says of it. */
function parse(text: string): Transfer[] {
  const done: Transfer[] = [];
  let origin: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [who, ...words] = line.split(' ');
    if (who === 'origin') origin = words;
    if (who !== 'curl') continue;
    const [seconds, connects, status, ...error] = words;
    // What the whole measurement stands on: a new connection for each request.
    if (status !== '000' && connects !== '1') throw new Error(`${connects} connections: ${line}`);
    done.push({
      totalUs: Math.round(Number(seconds) * 1_000_000),
      status: Number(status),
      error: error.join(' '),
      originConnection: Number(origin[0]),
      nthOnConnection: Number(origin[1]),
      originHost: origin[2] ?? '',
    });
    origin = [];
  }
  return done;
}
