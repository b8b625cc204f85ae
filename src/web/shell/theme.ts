/** Light, dark, or as the system has it; the button goes round, the choice is remembered in this browser. */

type Theme = 'system' | 'dark' | 'light';
const THEMES: readonly Theme[] = ['system', 'dark', 'light'];
const KEY = 'topoprobe.theme';

export function startTheme(button: HTMLElement, onChange: () => void): void {
  let theme = THEMES.find((known) => known === remembered()) ?? 'system';
  const show = (): void => {
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
    button.title = `Theme: ${theme}`;
    button.setAttribute('aria-label', `Colour theme: ${theme}`);
  };
  show();
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
    remember(theme);
    show();
    onChange();
  });
  matchMedia('(prefers-color-scheme: light)').addEventListener('change', onChange);
}

/** Storage can be forbidden; the choice then lasts as long as the page. */
function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    return;
  }
}
