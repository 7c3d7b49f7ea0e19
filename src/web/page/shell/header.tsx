import { view } from '../location.ts';
import { needsToken } from '../service/call-service.ts';
import { logOut, server } from '../service/server.ts';
import { stage } from '../upload/tray-state.ts';
import { uploadedText } from '../upload/upload-progress.tsx';

export function Header() {
  const here = view.value.name;
  const { search = false, cloud = 'local' } = server.value ?? {};
  const links = [
    { href: './', text: 'New', views: ['upload'] },
    { href: 'find', text: 'Find', views: ['find'], isHidden: !search },
    { href: 'jobs', text: 'Jobs', views: ['jobs', 'job'] },
    // On one machine the footer has it: there are few workers, and the controller alone scales them.
    { href: 'fleet', text: 'Fleet', views: ['fleet'], isHidden: cloud === 'local' },
  ];
  return (
    <header class="top">
      <a class="brand" href="./" aria-label="imgcls, start page">
        <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
          <rect class="brand-back" width="32" height="32" rx="9" />
          <path class="brand-hill" d="M6 23l7-9 5 6 3-4 5 7z" />
          <circle class="brand-sun" cx="21.5" cy="10.5" r="2.5" />
        </svg>
        <span class="brand-name">imgcls</span>
      </a>
      <nav aria-label="Main">
        {links.map(
          ({ href, text, views, isHidden = false }) =>
            !isHidden && (
              <a key={href} href={href} aria-current={views.includes(here) ? 'page' : undefined}>
                {text}
              </a>
            ),
        )}
      </nav>
      <div class="top-end">
        {stage.value !== undefined && here !== 'upload' && (
          <a class="uploading-link" href="./">
            {uploadedText(stage.value)}
          </a>
        )}
        {server.value?.requiresToken === true && !needsToken.value && (
          <button type="button" class="quiet" onClick={() => void logOut()}>
            Log out
          </button>
        )}
      </div>
    </header>
  );
}
