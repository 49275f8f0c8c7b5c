/**
 * The four functions of the "reflect-metadata" proposal that @peculiar/x509 finds its algorithms by.
 *
 * Its container refuses to load without them. Twenty lines here spare a dependency of which nothing else
 * would be used. Import this before @peculiar/x509.
 */
type Metadata = Map<unknown, unknown>;

const stored = new WeakMap<object, Metadata>();

function getOwnMetadata(key: unknown, target: object): unknown {
  return stored.get(target)?.get(key);
}

function getMetadata(key: unknown, target: object): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
    const value = getOwnMetadata(key, at);
    if (value !== undefined) return value;
  }
  return undefined;
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const metadata: Metadata = stored.get(target) ?? new Map();
  stored.set(target, metadata.set(key, value));
}

if (!('getMetadata' in Reflect)) {
  Object.assign(Reflect, { getOwnMetadata, getMetadata, defineMetadata });
}
