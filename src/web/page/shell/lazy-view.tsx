import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { ErrorNotice } from './notice.tsx';

/** A view whose code is loaded when it is shown for the first time. */
export function lazyView(load: () => Promise<ComponentType>): ComponentType {
  let loaded: ComponentType | undefined;
  return function LazyView() {
    const view = useSignal(loaded);
    const failure = useSignal<unknown>(undefined);
    useEffect(() => {
      if (loaded !== undefined) return;
      load().then(
        (component) => {
          loaded = component;
          view.value = component;
        },
        () => {
          // Most likely the service was updated, and has no files of this version any more.
          failure.value = new Error('Cannot load this view. Reload the page.');
        },
      );
    }, []);
    const View = view.value;
    if (View !== undefined) return <View />;
    return failure.value === undefined ? <div aria-busy="true" /> : <ErrorNotice error={failure.value} />;
  };
}
