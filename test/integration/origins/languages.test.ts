import type { Origin } from '../../support/origins/origin.ts';
import { startGo, startPhp, startPython } from '../../support/origins/scripted.ts';
import { describeOrigin, hashFromEcho, type Upload } from './origin-suite.ts';

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

describeOrigin({
  title: "Python's http.server with HTTP/1.0, which closes each connection",
  programs: ['python3'],
  start: () => startPython('1.0'),
  connections: 'close',
  sizes: ['10k', '100k', '10m'],
  upload: echo,
});

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
