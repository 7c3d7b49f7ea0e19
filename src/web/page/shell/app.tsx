import { Toast } from '../controls/toast.tsx';
import { JobPageView } from '../job/job-view.tsx';
import { JobsView } from '../jobs/jobs-view.tsx';
import { anchor, view } from '../location.ts';
import { needsToken } from '../service/call-service.ts';
import { serverError } from '../service/server.ts';
import { UploadView } from '../upload/upload-view.tsx';
import { DropOverlay } from './drop-overlay.tsx';
import { Footer } from './footer.tsx';
import { Header } from './header.tsx';
import { lazyView } from './lazy-view.tsx';
import { LiveRegion } from './live-region.tsx';
import { NotFound } from './not-found.tsx';
import { ErrorNotice } from './notice.tsx';
import { TokenForm } from './token-form.tsx';

// Loaded when they are shown: the first view needs neither.
const FindView = lazyView(async () => (await import('../find/find-view.tsx')).FindView);
const FleetView = lazyView(async () => (await import('../fleet/fleet-view.tsx')).FleetView);

export function App() {
  return (
    <>
      <a class="skip" href={anchor('main')}>
        Skip to content
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {needsToken.value && <TokenForm />}
        {/* Hidden, not removed: images chosen for upload must survive the token form. */}
        <div hidden={needsToken.value}>
          {serverError.value !== undefined && (
            <div class="banner">
              <ErrorNotice error={serverError.value} isRetrying />
            </div>
          )}
          <CurrentView />
        </div>
      </main>
      <Footer />
      <LiveRegion />
      <DropOverlay />
      <Toast />
    </>
  );
}

function CurrentView() {
  const current = view.value;
  switch (current.name) {
    case 'upload':
      return <UploadView />;
    case 'find':
      return <FindView />;
    case 'jobs':
      return <JobsView />;
    case 'job':
      return <JobPageView key={current.id} id={current.id} />;
    case 'fleet':
      return <FleetView />;
    case 'notFound':
      return <NotFound />;
  }
}
