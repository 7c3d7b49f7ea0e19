import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { submitToken } from '../service/call-service.ts';
import { ErrorNotice } from './notice.tsx';

export function TokenForm() {
  const token = useSignal('');
  const failure = useSignal<unknown>(undefined);
  const isSubmitting = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);

  async function submit(event: Event) {
    event.preventDefault();
    isSubmitting.value = true;
    try {
      const isValid = await submitToken(token.value.trim());
      failure.value = isValid ? undefined : new Error('Wrong token.');
    } catch (error) {
      failure.value = error;
    }
    isSubmitting.value = false;
  }

  return (
    <form class="card token" onSubmit={submit}>
      <h1 tabIndex={-1}>Enter access token</h1>
      <p>This service requires an access token. Ask the person who runs it.</p>
      <label>
        Token
        <input
          ref={field}
          type="password"
          autocomplete="current-password"
          required
          value={token.value}
          onInput={(event) => {
            token.value = event.currentTarget.value;
          }}
        />
      </label>
      {failure.value !== undefined && <ErrorNotice error={failure.value} />}
      <button class="primary" type="submit" disabled={isSubmitting.value}>
        Continue
      </button>
    </form>
  );
}
