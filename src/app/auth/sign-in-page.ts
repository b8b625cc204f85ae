/** The page that asks a browser for a token. It needs no script, and nothing beside itself. */

export interface SignInPage {
  /** Path that was asked for: the form leads to the app's root from wherever it is shown, whatever a proxy puts before. */
  readonly path: string;
  /** Why the last try was refused, in words of ours. */
  readonly refusal?: string;
  /**
   * Come from another site's link, where browsers keep the cookie to themselves: asked again by a page of the app, they
   * show it.
   */
  readonly isFromElsewhere?: boolean;
}

export function signInPage({ path, refusal, isFromElsewhere = false }: SignInPage): string {
  const depth = Math.max(0, path.split('/').length - 2);
  const root = depth === 0 ? './' : '../'.repeat(depth);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="dark light" />
    ${isFromElsewhere ? '<meta http-equiv="refresh" content="0" />' : ''}
    <title>Sign in · Topoprobe</title>
    <style>${STYLE}</style>
  </head>
  <body>
    <main>
      <h1>Topoprobe</h1>
      <form method="post" action="${root}sign-in">
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required autofocus${
          refusal === undefined ? '' : ' aria-invalid="true" aria-describedby="refusal"'
        } />
        ${refusal === undefined ? '' : `<p id="refusal" role="alert">${refusal}</p>`}
        <button type="submit">Sign in</button>
      </form>
      <p>One of those in the app's <code>--read-token-file</code>.</p>
    </main>
  </body>
</html>
`;
}

const STYLE = `
:root { color-scheme: dark light; --page: #0b1019; --surface: #131b29; --line: #243145; --text: #e6ecf5;
  --muted: #93a3b8; --accent: #6ea8fe; --on-accent: #0b1019; --bad: #ff7a70; }
@media (prefers-color-scheme: light) { :root { --page: #eef1f6; --surface: #fff; --line: #c3cddb; --text: #16202e;
  --muted: #4d5d73; --accent: #1d5fd1; --on-accent: #fff; --bad: #b3261e; } }
body { display: grid; min-height: 100vh; margin: 0; place-items: center; background: var(--page); color: var(--text);
  font: 15px/1.5 ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; }
main { box-sizing: border-box; width: min(360px, 100vw - 32px); padding: 28px; border: 1px solid var(--line);
  border-radius: 8px; background: var(--surface); }
h1 { margin: 0 0 18px; font-size: 20px; }
form { display: grid; gap: 8px; }
input, button { padding: 9px 12px; border: 1px solid var(--line); border-radius: 6px; font: inherit; }
input { background: var(--page); color: var(--text); }
button { margin-top: 6px; border-color: transparent; background: var(--accent); color: var(--on-accent);
  font-weight: 600; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
p { margin: 14px 0 0; color: var(--muted); font-size: 13px; }
form p { margin: 0; color: var(--bad); }
`;
