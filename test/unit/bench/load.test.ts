import { describe, expect, test } from 'vitest';
import { rotated } from '../../bench/cases/case.ts';
import { readAb, readWrk } from '../../bench/load.ts';

describe('what wrk prints', () => {
  const text = `Running 2s test @ http://127.0.0.1:1/small
  1 threads and 64 connections
  Latency Distribution
     50%  970.00us
     75%    2.00ms
     90%    3.00ms
     99%    1.25s
  82145 requests in 2.00s, 14.57MB read
`;

  test('is read with its units', () => {
    expect(readWrk(`${text}Requests/sec:  40973.11\n`)).toEqual({
      requests: 82_145,
      requestsPerSecond: 40_973.11,
      medianMs: 0.97,
      p99Ms: 1_250,
      errors: 0,
    });
  });

  test('counts every kind of error', () => {
    const failed = `${text}  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 100
Requests/sec:  40973.11
`;
    expect(readWrk(failed).errors).toBe(110);
  });
});

test('what ab prints: requests that failed and responses other than 2xx are errors', () => {
  const text = `Complete requests:      30000
Failed requests:        7
   (Connect: 0, Receive: 0, Length: 7, Exceptions: 0)
Non-2xx responses:      5
Requests per second:    10262.03 [#/sec] (mean)
Percentage of the requests served within a certain time (ms)
  50%      3
  99%      8
`;
  expect(readAb(text)).toEqual({
    requests: 30_000,
    requestsPerSecond: 10_262.03,
    medianMs: 3,
    p99Ms: 8,
    errors: 12,
  });
});

test('every round begins with another peer', () => {
  expect([0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))).toEqual([
    'abc',
    'bca',
    'cab',
    'abc',
  ]);
});
