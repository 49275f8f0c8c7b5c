/**
 * Writes the software bill of materials of what runs: CycloneDX, made by npm from the lock file and cut down to the
 * packages that the bundles hold. Reproducible: no serial number, and no time but that of the commit.
 *
 *   node deploy/sbom.ts [OUT [META]]     default: dist/sbom.cdx.json dist/meta.json
 *
 * `SOURCE_DATE_EPOCH` is the time; left out, there is none. Names no registry: the lock file has none.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly [key: string]: unknown;
}

interface Bom {
  readonly metadata: { readonly component: Component; readonly [key: string]: unknown };
  readonly components: readonly Component[];
  readonly dependencies: readonly {
    readonly ref: string;
    readonly dependsOn?: readonly string[];
  }[];
  readonly [key: string]: unknown;
}

const [out = 'dist/sbom.cdx.json', metaFile = 'dist/meta.json'] = process.argv.slice(2);
const held = bundledPackages(JSON.parse(readFileSync(metaFile, 'utf8')));
// The development dependencies too: the demo's certificates are made by one of them.
const made: Bom = JSON.parse(
  execFileSync(
    'npm',
    ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--loglevel', 'error'],
    {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  ),
);
const components = made.components.filter(({ name, version }) => held.has(`${name}@${version}`));
const missing = [...held].filter(
  (id) => !components.some(({ name, version }) => `${name}@${version}` === id),
);
if (missing.length > 0) {
  console.error(`In a bundle, and not in package-lock.json: ${missing.join(', ')}. Run npm ci.`);
  process.exit(1);
}
writeFileSync(out, `${JSON.stringify(bom(made, components), null, 2)}\n`);
console.log(`${out}: ${components.length} packages and Node`);

function bom({ metadata, dependencies }: Bom, packages: readonly Component[]): object {
  const { component } = metadata;
  const { SOURCE_DATE_EPOCH: epoch } = process.env;
  const refs = new Set([component['bom-ref'], ...packages.map((each) => each['bom-ref'])]);
  const node = {
    'bom-ref': `node@${process.versions.node}`,
    type: 'platform',
    name: 'node',
    version: process.versions.node,
    purl: `pkg:generic/node@${process.versions.node}`,
    licenses: [{ license: { id: 'MIT' } }],
  };
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      ...(epoch === undefined ? {} : { timestamp: new Date(Number(epoch) * 1000).toISOString() }),
      component: { ...component, type: 'application', name: 'sidepool' },
    },
    components: [node, ...packages.map(withoutDevelopment)],
    dependencies: dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn = [] }) => ({
        ref,
        dependsOn: dependsOn.filter((each) => refs.has(each)),
      })),
  };
}

/** What a bundle holds is required, for whatever it was installed. */
function withoutDevelopment({ properties: _, ...component }: Component): object {
  return { ...component, scope: 'required' };
}

function bundledPackages(meta: {
  readonly inputs: Readonly<Record<string, unknown>>;
}): Set<string> {
  const folders = Object.keys(meta.inputs).flatMap(
    (input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? [],
  );
  return new Set(
    [...new Set(folders)].map((folder) => {
      const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
      return `${name}@${version}`;
    }),
  );
}
