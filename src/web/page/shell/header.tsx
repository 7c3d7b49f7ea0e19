import { view } from '../location.ts';
import { needsToken } from '../service/call-service.ts';
import { logOut, server } from '../service/server.ts';

const links = [
  { href: './', text: 'New', views: ['upload'] },
  { href: 'jobs', text: 'Jobs', views: ['jobs', 'job'] },
  { href: 'fleet', text: 'Fleet', views: ['fleet'] },
];

export function Header() {
  const here = view.value.name;
  return (
    <header class="top">
      <a class="brand" href="./" aria-label="imgcls, start page">
        <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
          <rect class="brand-back" width="32" height="32" rx="9" />
          <path class="brand-hill" d="M6 23l7-9 5 6 3-4 5 7z" />
          <circle class="brand-sun" cx="21.5" cy="10.5" r="2.5" />
        </svg>
        imgcls
      </a>
      <nav aria-label="Main">
        {links.map(({ href, text, views }) => (
          <a key={href} href={href} aria-current={views.includes(here) ? 'page' : undefined}>
            {text}
          </a>
        ))}
      </nav>
      {server.value !== undefined && (
        <span class="model" title="Default model">
          {server.value.model}
        </span>
      )}
      {server.value?.requiresToken === true && !needsToken.value && (
        <button type="button" onClick={() => void logOut()}>
          Log out
        </button>
      )}
    </header>
  );
}
