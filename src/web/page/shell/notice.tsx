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

/** An error, and the service's hint what to do. */
export function ErrorNotice({ error, isRetrying = false }: { error: unknown; isRetrying?: boolean }) {
  const hint = error instanceof ServiceError ? error.hint : undefined;
  return (
    <Notice kind="error">
      <strong>{error instanceof Error ? error.message : String(error)}</strong>
      {hint !== undefined && <> {hint}</>}
      {isRetrying && <> Retrying.</>}
    </Notice>
  );
}
