/** The standard clients of other languages, each as its users write it. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { sha256 } from '../../support/bodies.ts';
import { findProgram } from '../../support/program.ts';
import { describeClient, run, upload } from './client-suite.ts';

const uploaded = sha256(upload);

describeClient({ title: 'PHP', programs: ['php'] }, (bench) => {
  const php = async (code: string) => (await run('php', ['-n', '-r', code])).stdout;

  it('file_get_contents, which speaks HTTP/1.0 or 1.1 and closes', async () => {
    const { url } = bench();
    expect(await php(`echo file_get_contents('${url}/ok'), $http_response_header[0];`)).toMatch(
      /^okHTTP\/1\.[01] 200/,
    );
    const chunked = await php(`echo file_get_contents('${url}/chunked');`);
    expect(chunked).toMatch(/^piece 0\n[\s\S]*piece 9\n$/);
  });

  it('a stream that posts 1 MB', async () => {
    const { uploadPath, url } = bench();
    for (const version of ['1.0', '1.1']) {
      const out = await php(`
        $context = stream_context_create(['http' => ['method' => 'POST', 'protocol_version' => ${version},
          'header' => 'Content-Type: application/octet-stream', 'content' => file_get_contents('${uploadPath}')]]);
        $stream = fopen('${url}/echo', 'r', false, $context);
        echo json_decode(stream_get_contents($stream))->sha256;`);
      expect(out).toBe(uploaded);
    }
  });

  it('an error status is an error with its body', async () => {
    const out = await php(`
      $context = stream_context_create(['http' => ['ignore_errors' => true]]);
      file_get_contents('${bench().url}/status?code=404', false, $context);
      echo $http_response_header[0];`);
    expect(out).toContain('404');
  });
});

describeClient({ title: 'Python', programs: ['python3'] }, (bench) => {
  const python = async (code: string) => (await run('python3', ['-c', code])).stdout.trim();

  it('http.client: several requests over one connection', async () => {
    const out = await python(`
import http.client
c = http.client.HTTPConnection("127.0.0.1", ${bench().gateway.port}, timeout=10)
for path in ("/ok", "/chunked", "/size/10k", "/ok"):
    c.request("GET", path)
    r = c.getresponse()
    print(r.version, r.status, len(r.read()))
`);
    expect(out.split('\n')).toEqual(['11 200 2', '11 200 80', '11 200 10240', '11 200 2']);
  });

  it('urllib: a post of 1 MB, with length and in chunks', async () => {
    const { uploadPath, url } = bench();
    const out = await python(`
import json, urllib.request
data = open("${uploadPath}", "rb").read()
pieces = (data[at:at + 10000] for at in range(0, len(data), 10000))
for body in (data, pieces):
    r = urllib.request.urlopen(urllib.request.Request("${url}/echo", data=body), timeout=10)
    print(json.load(r)["sha256"])
`);
    expect(out.split('\n')).toEqual([uploaded, uploaded]);
  });

  it('urllib through http_proxy, with an absolute-form target', async () => {
    const { origin, url } = bench();
    const out = await python(`
import urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": "${url}"}))
print(opener.open("${origin.url}/ok", timeout=10).read().decode())
`);
    expect(out).toBe('ok');
  });
});

describeClient({ title: 'Perl LWP', programs: ['perl'], reason: moduleReason() }, (bench) => {
  const perl = async (code: string) => (await run('perl', ['-MLWP::UserAgent', '-e', code])).stdout;

  it('GET with and without keep-alive, and a post of 1 MB', async () => {
    const { uploadPath, url } = bench();
    const out = await perl(`
      for my $keep (0, 1) {
        my $ua = LWP::UserAgent->new(keep_alive => $keep, timeout => 10);
        print $ua->get("${url}/ok")->content, " " for 1 .. 3;
      }
      local $/; open my $file, '<:raw', '${uploadPath}'; my $body = <$file>;
      my $posted = LWP::UserAgent->new->post("${url}/echo", Content => $body);
      print $posted->content =~ /"sha256":"(\\w+)"/;`);
    expect(out).toBe(`ok ok ok ok ok ok ${uploaded}`);
  });
});

describeClient({ title: 'Ruby Net::HTTP', programs: ['ruby'] }, (bench) => {
  const ruby = async (code: string) =>
    (await run('ruby', ['-rnet/http', '-rjson', '-e', code])).stdout.trim();

  it('GET at once, several over one connection, and a post of 1 MB', async () => {
    const { gateway, uploadPath, url } = bench();
    const out = await ruby(`
      puts Net::HTTP.get(URI('${url}/ok'))
      Net::HTTP.start('127.0.0.1', ${gateway.port}) do |http|
        puts http.get('/ok').body, http.get('/chunked').body.size, http.head('/size/10k')['content-length']
        puts JSON.parse(http.post('/echo', File.binread('${uploadPath}')).body)['sha256']
      end`);
    expect(out.split('\n')).toEqual(['ok', 'ok', '80', '10240', uploaded]);
  });
});

function moduleReason(): string | undefined {
  const perl = findProgram('perl');
  if (perl === undefined) return undefined;
  const { status } = spawnSync(perl, ['-MLWP::UserAgent', '-e', '1'], { timeout: 10_000 });
  return status === 0 ? undefined : 'skipped: LWP::UserAgent is not installed';
}
