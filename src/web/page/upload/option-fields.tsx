import { type Signal, useSignal } from '@preact/signals';
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import { percent } from '../../../core/text/percent.ts';
import type { ModelList } from '../../api.ts';
import { listModels, server } from '../service/server.ts';

export interface UploadOptions {
  topK: number | undefined;
  model: string | undefined;
}

const MAX_LABELS = 100;

/** Options of a job, collapsed by default. The models are loaded when they are opened. */
export function OptionFields({ options }: { options: Signal<UploadOptions> }) {
  const models = useSignal<ModelList['models']>([]);
  const defaults = server.value;

  function open() {
    if (models.value.length > 0) return;
    listModels().then(
      (listed) => {
        models.value = listed;
      },
      // The default model stays the only choice.
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
            <option value="">{defaults === undefined ? 'Default' : `${defaults.model} (default)`}</option>
            {models.value
              .filter(({ title }) => title !== defaults?.model)
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
          Labels per photo
          <input
            type="number"
            min={1}
            max={MAX_LABELS}
            placeholder={String(defaults?.topK ?? '')}
            value={options.value.topK ?? ''}
            onInput={({ currentTarget: { valueAsNumber } }) => {
              const isValid =
                Number.isInteger(valueAsNumber) && valueAsNumber >= 1 && valueAsNumber <= MAX_LABELS;
              options.value = { ...options.value, topK: isValid ? valueAsNumber : undefined };
            }}
          />
        </label>
      </div>
    </details>
  );
}
