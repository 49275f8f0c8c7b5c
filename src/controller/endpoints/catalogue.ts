/** All Services and EndpointSlices of the cluster, as the watch has told them. */
import {
  addressesOf,
  type ServiceView,
  type SliceView,
  viewService,
  viewSlice,
  type Wanted,
} from './views.ts';

export type ObjectKind = 'services' | 'slices';

export class Catalogue {
  readonly #services = new Map<string, ServiceView>();
  /** By Service, then by the slice's own name. */
  readonly #slices = new Map<string, Map<string, SliceView>>();
  /** To which Service a slice belonged when it was last seen. */
  readonly #homes = new Map<string, string>();
  /** Told with each Service of which something has changed. */
  readonly #onChanged: (service: string) => void;

  constructor(onChanged: (service: string) => void) {
    this.#onChanged = onChanged;
  }

  get counts(): { readonly services: number; readonly slices: number } {
    return { services: this.#services.size, slices: this.#homes.size };
  }

  addresses(service: string, wanted: Wanted): readonly string[] | null {
    return addressesOf(
      this.#services.get(service),
      this.#slices.get(service)?.values() ?? [],
      wanted,
    );
  }

  put(kind: ObjectKind, raw: unknown): void {
    if (kind === 'services') {
      const view = viewService(raw);
      if (view === null) return;
      this.#services.set(view.key, view);
      this.#onChanged(view.key);
      return;
    }
    const view = viewSlice(raw);
    if (view === null) return;
    const home = this.#homes.get(view.name);
    // The label by which it belongs to its Service can be changed.
    if (home !== undefined && home !== view.key) this.#removeSlice(view.name);
    let slices = this.#slices.get(view.key);
    if (slices === undefined) {
      slices = new Map();
      this.#slices.set(view.key, slices);
    }
    slices.set(view.name, view);
    this.#homes.set(view.name, view.key);
    this.#onChanged(view.key);
  }

  /** `name` is `namespace/name`. */
  remove(kind: ObjectKind, name: string): void {
    if (kind === 'slices') this.#removeSlice(name);
    else if (this.#services.delete(name)) this.#onChanged(name);
  }

  /** A whole list, after a watch was lost: what is not in it is gone. */
  replace(kind: ObjectKind, items: readonly unknown[]): void {
    const gone = new Set(kind === 'services' ? this.#services.keys() : this.#homes.keys());
    for (const item of items) {
      const view = kind === 'services' ? viewService(item) : viewSlice(item);
      if (view === null) continue;
      gone.delete('name' in view ? view.name : view.key);
      this.put(kind, item);
    }
    for (const name of gone) this.remove(kind, name);
  }

  #removeSlice(name: string): void {
    const home = this.#homes.get(name);
    if (home === undefined) return;
    this.#homes.delete(name);
    const slices = this.#slices.get(home);
    slices?.delete(name);
    if (slices?.size === 0) this.#slices.delete(home);
    this.#onChanged(home);
  }
}
