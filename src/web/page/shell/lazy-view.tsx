import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { Notice } from './notice.tsx';

/** After the first view has its pictures: then the other views open at once, and without a connection. */
const PRELOAD_AFTER_MS = 3000;

/** A view whose code is loaded after the first view. */
export function lazyView(load: () => Promise<ComponentType>): ComponentType {
  let loaded: ComponentType | undefined;
  async function get(): Promise<ComponentType> {
    loaded ??= await load();
    return loaded;
  }
  // If it fails, it is tried again when the view is opened.
  setTimeout(() => void get().catch(() => {}), PRELOAD_AFTER_MS);
  return function LazyView() {
    const view = useSignal(loaded);
    const isFailed = useSignal(false);
    useEffect(() => {
      get().then(
        (component) => {
          view.value = component;
        },
        () => {
          isFailed.value = true;
        },
      );
    }, []);
    const View = view.value;
    if (View !== undefined) return <View />;
    return isFailed.value ? <Failed /> : <div aria-busy="true" />;
  };
}

/** Browsers remember that a file of code could not be loaded until the page is loaded again. */
const Failed = () => (
  <Notice kind="error">
    <p>
      <strong>Cannot load this view.</strong> You are offline, or the service was updated.
    </p>
    <button type="button" onClick={() => window.location.reload()}>
      Reload the page
    </button>
  </Notice>
);
