/** Apache httpd as an origin, with a configuration of its own and Debian's modules. */
import { existsSync, writeFileSync } from 'node:fs';
import { writeDocuments } from '../bodies.ts';
import { requireProgram } from '../program.ts';
import { type ProgramOrigin, startProgramOrigin } from './origin.ts';

export interface ApacheOptions {
  /** Seconds. Apache tells it to clients in its Keep-Alive field. */
  readonly keepAliveTimeoutS?: number;
  /** 0 is without limit. */
  readonly maxKeepAliveRequests?: number;
}

/** Where distributions keep the modules. */
const moduleFolders = ['/usr/lib/apache2/modules', '/usr/lib64/httpd/modules'];

/** `/ok`, `/size/…`; `/reflect` answers a POST with its own body. */
export function startApache(options: ApacheOptions = {}): Promise<ProgramOrigin> {
  return startProgramOrigin({
    name: 'apache',
    plan: (dir, port) => {
      writeDocuments(dir.file('documents'));
      const configPath = dir.file('httpd.conf');
      writeFileSync(configPath, apacheConfig(options, dir.path, port));
      return { command: requireProgram('apache2'), args: ['-f', configPath, '-DFOREGROUND'] };
    },
  });
}

function apacheConfig(options: ApacheOptions, root: string, port: number): string {
  const { keepAliveTimeoutS = 5, maxKeepAliveRequests = 0 } = options;
  const modules = moduleFolders.find((folder) => existsSync(folder));
  if (modules === undefined) throw new Error(`no Apache modules in ${moduleFolders.join(', ')}`);
  return `
ServerRoot ${root}
ServerName localhost
PidFile ${root}/httpd.pid
DefaultRuntimeDir ${root}
Mutex file:${root}
LoadModule mpm_event_module ${modules}/mod_mpm_event.so
LoadModule authz_core_module ${modules}/mod_authz_core.so
LoadModule reflector_module ${modules}/mod_reflector.so
Listen 127.0.0.1:${port}
ErrorLog "|/bin/cat"
StartServers 1
ServerLimit 2
ThreadsPerChild 25
MaxRequestWorkers 50
KeepAlive On
KeepAliveTimeout ${keepAliveTimeoutS}
MaxKeepAliveRequests ${maxKeepAliveRequests}
DocumentRoot ${root}/documents
<Directory />
  Require all granted
</Directory>
<Location /reflect>
  SetHandler reflector
</Location>
`;
}
