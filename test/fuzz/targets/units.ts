/** Values of the configuration one by one: durations, sizes, percentages, addresses, URLs, field names and values. */
import {
  addressText,
  arrivesAt,
  clash,
  isLocal,
  readAddress,
  readOriginUrl,
} from '../../../src/config/addresses.ts';
import { fieldLine, fieldNameMistake, fieldValueMistake } from '../../../src/config/field-rules.ts';
import { durationText, readDuration, readPercent, readSize } from '../../../src/config/units.ts';
import { isAuthority } from '../../../src/http1/request-target.ts';
import { type FuzzTarget, promise } from '../engine/target.ts';

export const unitsTarget: FuzzTarget = {
  name: 'units',
  promise: 'what is read is in range and reads the same when written again',
  seeds: () =>
    [
      '250ms',
      '30s',
      '576h',
      '1h30m',
      '64KiB',
      '1GiB',
      '99.5%',
      '127.0.0.1:15101',
      '[::1]:1',
      'unix:/run/a.sock',
      'localhost:80',
      'https://api.example.com',
      'http://[::1]:8080/',
      'https://u:p@h',
      'X-Team',
      'constructor',
      '1 day',
      '1.5 min',
    ].map((text) => Buffer.from(text)),
  maxBytes: 1024,
  run(data) {
    const raw = data.toString('utf8');
    for (const value of [raw, Number(raw)]) {
      const duration = readDuration(value);
      if (duration.ok) {
        const ms = duration.value;
        promise(Number.isInteger(ms) && ms >= 0 && ms < 2 ** 31, () => `${raw} is ${ms} ms`);
        const again = readDuration(durationText(ms));
        promise(again.ok && again.value === ms, () => `${ms} ms is written ${durationText(ms)}`);
      } else promise(duration.meant !== '', () => 'nothing is meant');
      const size = readSize(value);
      promise(
        !size.ok || (Number.isSafeInteger(size.value) && size.value >= 0),
        () => `${raw} is a size`,
      );
      const share = readPercent(value);
      promise(!share.ok || (share.value >= 0 && share.value <= 1), () => `${raw} is a share`);
    }
    checkAddress(raw);
    checkUrl(raw);
    const mistake = fieldNameMistake(raw);
    promise(
      mistake === null || !/\[native code\]|\[object/.test(mistake),
      () => `a mistake of a field name: ${mistake}`,
    );
    const [name = '', value = ''] = raw.split(':', 2);
    if (fieldNameMistake(name) === null && fieldValueMistake(value) === null) {
      const line = fieldLine(name, value);
      promise(
        line.endsWith('\r\n') && !/[\r\n\0]/.test(line.slice(0, -2)),
        () => `a field line ${JSON.stringify(line)}`,
      );
    }
  },
};

function checkAddress(raw: string): void {
  const address = readAddress(raw);
  if (!address.ok) return;
  const text = addressText(address.value);
  const again = readAddress(text);
  promise(again.ok && addressText(again.value) === text, () => `${raw} is written ${text}`);
  promise(
    clash(address.value, address.value) ===
      (address.value.kind === 'unix' || address.value.port !== 0),
    () => `${text} and itself`,
  );
  isLocal(address.value);
}

function checkUrl(raw: string): void {
  const url = readOriginUrl(raw);
  if (!url.ok) return;
  const { scheme, host, port, authority } = url.value;
  promise(port >= 1 && port <= 65_535, () => `port ${port} of ${raw}`);
  promise(
    host !== '' && !/[\s/@?#\\]/.test(host) && !/[\s/@?#\\]/.test(authority),
    () => `${authority} of ${raw}`,
  );
  promise(isAuthority(authority), () => `${authority} of ${raw} is no authority for Host`);
  const again = readOriginUrl(`${scheme}://${authority}`);
  promise(
    again.ok && again.value.authority === authority && again.value.port === port,
    () => `${raw} is written ${authority}`,
  );
  arrivesAt(url.value, { kind: 'tcp', host: '127.0.0.1', port: 80 });
}
