/** The configurations of nginx, Apache and HAProxy that answer as asks.ts says. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import type { TempDir } from '../../support/temp-dir.ts';
import { fillerOf, fillers } from './asks.ts';

/** A page of each size, `page-0.html` and so on, in which the server puts the id from the path in the mark's place. */
export function writePages(dir: TempDir, mark: string): void {
  mkdirSync(dir.file('pages'));
  for (const size of fillers.keys()) {
    writeFileSync(dir.file('pages', `page-${size}.html`), `${mark}.${fillerOf(size)}.${mark}`);
  }
  writeFileSync(dir.file('pages', 'same.txt'), 'never seen');
}

/**
 * `keepalive_requests` is left at nginx's own 1,000: that a server says it closes after so many, with more requests on
 * their way, is what happens in practice. Bodies with a length come from `return`, those in chunks through
 * `sub_filter`; a POST's body goes by way of a second request, because `return` does not read it.
 */
export function nginxConfig(dir: TempDir, port: number): string {
  mkdirSync(dir.file('temp'));
  // A word of the configuration has 4 KiB at most, but is put together from as many variables as one likes.
  const parts = fillers.map((_, size) => fillerOf(size).match(/.{1,4000}/g) ?? []);
  const sets = parts.flatMap((of, size) =>
    of.slice(0, inReturn).map((part, nth) => `set $f${size}_${nth} "${part}";`),
  );
  const lengths = parts
    .filter((of) => of.length <= inReturn)
    .map((of, size) => {
      const text = of.map((_, nth) => `\${f${size}_${nth}}`).join('');
      return `location ~ ^/len/${size}/(?<asked>\\w+)$ { ${sets.filter((set) => set.startsWith(`set $f${size}_`)).join(' ')} return 200 "\${asked}.${text}.\${asked}"; }`;
    });
  return `
daemon off;
master_process off;
error_log stderr notice;
pid ${dir.path}/nginx.pid;
events { worker_connections 4096; }
http {
  log_format seen '$request_method $http_x_id';
  access_log ${dir.file('seen')} seen;
  default_type text/html;
  client_body_temp_path ${dir.path}/temp/body;
  proxy_temp_path ${dir.path}/temp/proxy;
  fastcgi_temp_path ${dir.path}/temp/fastcgi;
  uwsgi_temp_path ${dir.path}/temp/uwsgi;
  scgi_temp_path ${dir.path}/temp/scgi;
  client_body_buffer_size 64k;
  client_body_in_single_buffer on;
  upstream self { server 127.0.0.1:${port}; keepalive 32; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${dir.path}/pages;
    add_header X-Id $http_x_id always;
    sub_filter_once off;
    ${lengths.join('\n    ')}
    location ~ ^/(len|chunk)/(?<page>\\d)/(?<asked>\\w+)$ {
      sub_filter '@id@' $asked;
      rewrite ^ /page-$page.html break;
    }
    location /none/ { return 204; }
    location /same/ { return 304; }
    location /post/ {
      proxy_pass http://self/echoed/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_set_header Transfer-Encoding "";
      proxy_pass_request_body off;
      proxy_set_header X-Body $request_body;
      proxy_hide_header X-Id;
    }
    location /echoed/ {
      access_log off;
      return 200 $http_x_body;
    }
  }
}
`;
}

/** Parts of 4,000 octets: a larger body than these comes from a file. */
const inReturn = 10;

const moduleFolders = ['/usr/lib/apache2/modules', '/usr/lib64/httpd/modules'];

/** `MaxKeepAliveRequests` is left at Apache's own 100. A page in which Apache has to look for a mark goes in chunks when it is large. */
export function apacheConfig(dir: TempDir, port: number): string {
  const modules = moduleFolders.find((folder) => existsSync(folder));
  if (modules === undefined) throw new Error(`no Apache modules in ${moduleFolders.join(', ')}`);
  const names = ['mpm_event', 'authz_core', 'headers', 'rewrite', 'include', 'reflector'];
  const loads = names.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`);
  return `
ServerRoot ${dir.path}
ServerName localhost
PidFile ${dir.path}/httpd.pid
DefaultRuntimeDir ${dir.path}
Mutex file:${dir.path}
${loads.join('\n')}
Listen 127.0.0.1:${port}
ListenBacklog 4096
ErrorLog "|/bin/cat"
LogFormat "%m %{X-Id}i" seen
CustomLog ${dir.file('seen')} seen
StartServers 1
ServerLimit 2
ThreadsPerChild 64
MaxRequestWorkers 128
KeepAlive On
DocumentRoot ${dir.path}/pages
Header always set X-Id "expr=%{HTTP:X-Id}"
RewriteEngine On
RewriteRule ^/(?:len|chunk)/(\\d)/(\\w+)$ /page-$1.html [E=ASKED:$2,PT]
RewriteRule ^/none/ - [R=204,L]
# If-None-Match: * comes with it.
RewriteRule ^/same/ /same.txt [PT]
<Directory />
  Require all granted
</Directory>
<LocationMatch ^/page->
  Options +Includes
  SetOutputFilter INCLUDES
</LocationMatch>
<Location /post>
  SetHandler reflector
</Location>
`;
}

export function haproxyConfig(dir: TempDir, port: number): string {
  const pages = [...fillers.keys()].slice(0, 4);
  const returns = pages.map(
    (size) =>
      `http-request return status 200 content-type text/html lf-file ${dir.path}/pages/page-${size}.html hdr X-Id %[req.hdr(X-Id)] if { path_beg /len/${size}/ }`,
  );
  return `
global
  nbthread 1
  maxconn 2000
  tune.bufsize 131072
  log stdout len 256 format raw local0
defaults
  mode http
  log global
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  timeout http-keep-alive 60s
frontend origin
  bind 127.0.0.1:${port} backlog 4096
  option http-buffer-request
  http-request capture req.hdr(X-Id) len 40
  log-format "%HM %[capture.req.hdr(0)]"
  http-request return status 204 hdr X-Id %[req.hdr(X-Id)] if { path_beg /none/ }
  http-request return status 304 hdr X-Id %[req.hdr(X-Id)] if { path_beg /same/ }
  http-request return status 200 content-type text/html lf-string %[req.body] hdr X-Id %[req.hdr(X-Id)] if { path_beg /post/ }
  ${returns.join('\n  ')}
  http-request return status 404
`;
}
