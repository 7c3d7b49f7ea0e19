import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { giveToken } from '../service/call-service.ts';
import { ErrorNotice } from './notice.tsx';

export function TokenForm() {
  const token = useSignal('');
  const trouble = useSignal<unknown>(undefined);
  const isAsking = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);

  async function submit(event: Event) {
    event.preventDefault();
    isAsking.value = true;
    try {
      const isRight = await giveToken(token.value.trim());
      trouble.value = isRight ? undefined : new Error('That is not the token of this service.');
    } catch (error) {
      trouble.value = error;
    }
    isAsking.value = false;
  }

  return (
    <form class="card token" onSubmit={submit}>
      <h1 tabIndex={-1}>One moment</h1>
      <p>This service asks for its token. Whoever runs it can tell you.</p>
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
      {trouble.value !== undefined && <ErrorNotice error={trouble.value} />}
      <button class="primary" type="submit" disabled={isAsking.value}>
        Continue
      </button>
    </form>
  );
}
