import type { ComponentChildren } from 'preact';
import { ServiceError } from '../service/call-service.ts';

export function Notice({
  kind,
  children,
}: {
  kind: 'error' | 'warning' | 'quiet';
  children: ComponentChildren;
}) {
  return (
    <div class={`notice notice-${kind}`} role={kind === 'error' ? 'alert' : 'note'}>
      {children}
    </div>
  );
}

/** What went wrong and what to do about it, as the service says it. */
export function ErrorNotice({ error, isTriedAgain = false }: { error: unknown; isTriedAgain?: boolean }) {
  const hint = error instanceof ServiceError ? error.hint : undefined;
  return (
    <Notice kind="error">
      <strong>{error instanceof Error ? error.message : String(error)}</strong>
      {hint !== undefined && <> {hint}</>}
      {isTriedAgain && <> Trying again.</>}
    </Notice>
  );
}
