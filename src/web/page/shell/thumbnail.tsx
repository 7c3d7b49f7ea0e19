import { useEffect, useState } from 'preact/hooks';

/** A picture that is passed by at speed is not asked for. */
const LINGER_MS = 120;

interface ThumbProps {
  /** Of this browser, where it is at hand. */
  file?: File | undefined;
  /** Where the service has it. */
  address?: string;
}

/** A picture without words: what stands beside it names it. */
export function Thumb({ file, address }: ThumbProps) {
  const [source, setSource] = useState<string>();
  const [state, setState] = useState<'loading' | 'shown' | 'broken'>('loading');
  useEffect(() => {
    setState('loading');
    if (file !== undefined) {
      const url = URL.createObjectURL(file);
      setSource(url);
      return () => URL.revokeObjectURL(url);
    }
    const timer = setTimeout(() => setSource(address), LINGER_MS);
    return () => clearTimeout(timer);
  }, [file, address]);
  return (
    <span class={`thumb thumb-${state}`}>
      {source !== undefined && state !== 'broken' && (
        <img
          src={source}
          alt=""
          decoding="async"
          draggable={false}
          onLoad={() => setState('shown')}
          onError={() => setState('broken')}
        />
      )}
      {state === 'broken' && (
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M5 25l8-11 5 7 3-4 6 8zM21.500 11a2.500 2.500 0 1 0 0-.01" />
        </svg>
      )}
    </span>
  );
}
