import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ModelList } from '../../api.ts';
import { listModels, server } from '../service/server.ts';
import { modelText } from './model-text.ts';

export interface UploadOptions {
  topK: number | undefined;
  model: string | undefined;
  /** Separated by commas, for a model without labels of its own. */
  labels: string | undefined;
}

const MAX_LABELS = 100;
/** Of all own labels, as the service takes them. */
const MAX_LABEL_CHARACTERS = 4096;

/** Options of a job. They are collapsed unless the default model has no labels of its own. */
export function OptionFields({ options }: { options: Signal<UploadOptions> }) {
  const models = useSignal<ModelList['models']>([]);
  const defaults = server.value;

  useEffect(() => {
    listModels().then(
      (listed) => {
        models.value = listed;
      },
      // The default model stays the only choice.
      () => {},
    );
  }, []);
  const standard = models.value.find(({ isDefault }) => isDefault);
  const chosenTitle = options.value.model ?? defaults?.model;
  const chosen = models.value.find(({ title }) => title === chosenTitle);

  return (
    <details class="options" open={models.value.some((model) => model.isDefault && model.zeroShot)}>
      <summary>Options</summary>
      <div class="fields">
        <label>
          Model
          <select
            value={options.value.model ?? ''}
            onChange={({ currentTarget: { value } }) => {
              options.value = {
                ...options.value,
                model: value === '' ? undefined : value,
                labels: undefined,
              };
            }}
          >
            <option value="">
              {standard === undefined
                ? `${defaults?.model ?? 'Default'} (default)`
                : modelText(standard, models.value)}
            </option>
            {models.value
              .filter((model) => model !== standard)
              .map((model) => (
                <option key={model.title} value={model.title}>
                  {modelText(model, models.value)}
                </option>
              ))}
          </select>
        </label>
        {chosen?.zeroShot === true && (
          <label class="own-labels">
            Your own labels, with commas between
            <input
              type="text"
              required
              maxLength={MAX_LABEL_CHARACTERS}
              placeholder="invoice, receipt, cat"
              value={options.value.labels ?? ''}
              onInput={({ currentTarget: { value } }) => {
                options.value = { ...options.value, labels: value.trim() === '' ? undefined : value };
              }}
            />
          </label>
        )}
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
