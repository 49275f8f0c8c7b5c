import { expect, it } from 'vitest';
import { noise } from '../../support/bodies.ts';
import type { Origin } from '../../support/origins/origin.ts';
import { startGo, startPhp, startPython } from '../../support/origins/scripted.ts';
import { requestOnce } from '../../support/raw-client.ts';
import { describeOrigin, hashFromEcho, request, type Upload } from './origin-suite.ts';

const echo: Upload<Origin> = {
  methods: ['POST', 'PUT'],
  path: '/echo',
  bytes: 300_000,
  codings: ['length', 'chunked'],
  receivedHash: hashFromEcho,
};

describeOrigin({
  title: "PHP's built-in server, which closes each connection",
  programs: ['php'],
  start: startPhp,
  connections: 'close',
  sizes: ['10k', '100k', '10m'],
  upload: echo,
});

describeOrigin(
  {
    title: "Python's http.server with HTTP/1.0, which closes each connection",
    programs: ['python3'],
    start: () => startPython('1.0'),
    connections: 'close',
    sizes: ['10k', '100k', '10m'],
    // What can be counted first is sent with its length: nothing chunked goes to HTTP/1.0.
    upload: { ...echo, bytes: 50_000 },
  },
  (running) => {
    it('a chunked body too long to be counted is refused before it is sent', async () => {
      const { port } = running().gateway;
      await requestOnce(port, request('GET', '/ok')); // Now the gateway knows the version.
      const answer = await requestOnce(
        port,
        request('POST', '/echo', { body: noise(300_000), coding: 'chunked' }),
      );
      expect([answer.status, answer.fields.get('proxy-status')?.[0]]).toEqual([
        411,
        expect.stringContaining('not-sent'),
      ]);
    });
  },
);

describeOrigin({
  title: "Python's http.server with HTTP/1.1",
  programs: ['python3'],
  start: () => startPython('1.1'),
  connections: 'keep',
  sizes: ['10k', '100k', '10m'],
  upload: echo,
});

describeOrigin({
  title: "Go's net/http",
  programs: ['go'],
  start: startGo,
  connections: 'keep',
  sizes: ['10k', '100k', '10m'],
  upload: echo,
});
