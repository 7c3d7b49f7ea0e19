import { useEffect, useState } from 'preact/hooks';
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import { duration } from '../../../core/text/duration.ts';
import type { UploadStage } from '../service/upload-stage.ts';
import { ProgressBar } from '../shell/progress-bar.tsx';

export function UploadProgress({ stage, onCancel }: { stage: UploadStage; onCancel(): void }) {
  const nowMs = useNowMs();
  const text = words(stage, nowMs);
  return (
    <div class="uploading">
      <ProgressBar label="Upload" share={shareOf(stage)} text={text} />
      <div class="uploading-foot">
        <p role={stage.name === 'pausing' ? 'status' : undefined}>{text}</p>
        <button type="button" onClick={onCancel}>
          Cancel upload
        </button>
      </div>
    </div>
  );
}

function shareOf(stage: UploadStage): number | undefined {
  if (stage.name !== 'sending') return undefined;
  return stage.totalBytes === 0 ? 0 : stage.sentBytes / stage.totalBytes;
}

function words(stage: UploadStage, nowMs: number): string {
  switch (stage.name) {
    case 'sending':
      return `Uploading: ${binaryByteSize(stage.sentBytes)} of ${binaryByteSize(stage.totalBytes)}`;
    case 'storing':
      return 'Everything is sent; the service stores it.';
    case 'pausing':
      return `${stage.why} Trying again in ${duration(Math.max(0, stage.untilMs - nowMs))}.`;
  }
}

function useNowMs(): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}
