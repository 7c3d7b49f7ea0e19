import { type Signal, useSignal } from '@preact/signals';
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import type { ModelList } from '../../api.ts';
import { percent } from '../format.ts';
import { listModels, server } from '../service/server.ts';

export interface Options {
  topK: number | undefined;
  model: string | undefined;
}

const MOST_CLASSES = 100;

/** What few need: folded away, and models are asked for when it is opened. */
export function OptionFields({ options }: { options: Signal<Options> }) {
  const models = useSignal<ModelList['models']>([]);
  const usual = server.value;

  function open() {
    if (models.value.length > 0) return;
    listModels().then(
      (listed) => {
        models.value = listed;
      },
      // The usual model stays the only choice.
      () => {},
    );
  }

  return (
    <details class="options" onToggle={open}>
      <summary>Options</summary>
      <div class="fields">
        <label>
          Model
          <select
            value={options.value.model ?? ''}
            onChange={({ currentTarget: { value } }) => {
              options.value = { ...options.value, model: value === '' ? undefined : value };
            }}
          >
            <option value="">{usual === undefined ? 'the usual one' : `${usual.model} (usual)`}</option>
            {models.value
              .filter(({ title }) => title !== usual?.model)
              .map(({ title, top1, bytes }) => (
                <option key={title} value={title}>
                  {title},{' '}
                  {top1 === undefined
                    ? binaryByteSize(bytes)
                    : `${percent(top1)} top-1, ${binaryByteSize(bytes)}`}
                </option>
              ))}
          </select>
        </label>
        <label>
          Classes an image
          <input
            type="number"
            min={1}
            max={MOST_CLASSES}
            placeholder={String(usual?.topK ?? '')}
            value={options.value.topK ?? ''}
            onInput={({ currentTarget: { valueAsNumber } }) => {
              const isGood =
                Number.isInteger(valueAsNumber) && valueAsNumber >= 1 && valueAsNumber <= MOST_CLASSES;
              options.value = { ...options.value, topK: isGood ? valueAsNumber : undefined };
            }}
          />
        </label>
      </div>
    </details>
  );
}
