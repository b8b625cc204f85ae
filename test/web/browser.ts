/** A headless Chromium for one test: its own profile, no network but loopback, gone afterwards whatever happened. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { chromium, type Page } from 'playwright-core';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** Draws WebGL in software, as test machines have no graphics card. */
const SOFTWARE_WEBGL = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'];

export interface BrowserOptions {
  readonly webgl?: boolean;
  readonly colorScheme?: 'dark' | 'light';
  /** Default: true. */
  readonly javaScript?: boolean;
  readonly viewport?: { readonly width: number; readonly height: number };
}

export interface OpenedPage {
  readonly page: Page;
  /** Everything the page complained of: exceptions, console errors, refused resources. */
  readonly complaints: string[];
}

export async function openPage(
  t: TestContext,
  url: string,
  options: BrowserOptions = {},
): Promise<OpenedPage> {
  const { webgl = true, javaScript = true, colorScheme = 'dark' } = options;
  const { viewport = { width: 1600, height: 900 } } = options;
  const profile = await mkdtemp(join(tmpdir(), 'topoprobe-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    headless: true,
    colorScheme,
    viewport,
    javaScriptEnabled: javaScript,
    args: [...ARGUMENTS, ...(webgl ? SOFTWARE_WEBGL : ['--disable-3d-apis'])],
  });
  t.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints };
}
