/** nginx, Apache and HAProxy as origins: each logs the request line of every message that it has read. */
import { existsSync, mkdirSync } from 'node:fs';
import type { TempDir } from '../../support/temp-dir.ts';

/** It reads each body and throws it away: its own parser of lengths and chunks is what matters here. */
export function nginxConfig(dir: TempDir, port: number, seen: string): string {
  mkdirSync(dir.file('temp'));
  return `
daemon off;
master_process off;
error_log stderr crit;
pid ${dir.path}/nginx.pid;
events { worker_connections 1024; }
http {
  log_format seen escape=none '$request';
  access_log ${seen} seen;
  client_body_temp_path ${dir.path}/temp/body;
  proxy_temp_path ${dir.path}/temp/proxy;
  fastcgi_temp_path ${dir.path}/temp/fastcgi;
  uwsgi_temp_path ${dir.path}/temp/uwsgi;
  scgi_temp_path ${dir.path}/temp/scgi;
  client_max_body_size 0;
  underscores_in_headers on;
  server {
    listen 127.0.0.1:${port};
    merge_slashes off;
    location / { return 200 "ok"; }
  }
}
`;
}

const moduleFolders = ['/usr/lib/apache2/modules', '/usr/lib64/httpd/modules'];

/** The reflector reads a POST's body and gives it back. */
export function apacheConfig(dir: TempDir, port: number, seen: string): string {
  const modules = moduleFolders.find((folder) => existsSync(folder));
  if (modules === undefined) throw new Error(`no Apache modules in ${moduleFolders.join(', ')}`);
  return `
ServerRoot ${dir.path}
ServerName localhost
PidFile ${dir.path}/httpd.pid
DefaultRuntimeDir ${dir.path}
Mutex file:${dir.path}
LoadModule mpm_event_module ${modules}/mod_mpm_event.so
LoadModule authz_core_module ${modules}/mod_authz_core.so
LoadModule reflector_module ${modules}/mod_reflector.so
Listen 127.0.0.1:${port}
ErrorLog /dev/null
LogFormat "%r" seen
CustomLog ${seen} seen
StartServers 1
ServerLimit 2
ThreadsPerChild 25
MaxRequestWorkers 50
KeepAlive On
MaxKeepAliveRequests 0
DocumentRoot ${dir.path}
<Location />
  Require all granted
  SetHandler reflector
</Location>
`;
}

export function haproxyConfig(port: number, behind: number): string {
  return `
global
  nbthread 1
  maxconn 500
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
  http-reuse always
frontend origin
  bind 127.0.0.1:${port}
  default_backend node
backend node
  server node 127.0.0.1:${behind}
`;
}
