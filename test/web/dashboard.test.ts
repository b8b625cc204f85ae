/** The built page in a real browser, against an app that speaks the documented API and nothing else. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { openPage, type BrowserOptions } from './browser.js';
import { FixtureApp } from './fixture-app.js';
import { generatedGraph, processNode, type WireNode } from './generated-graph.js';

const CURL = processNode('vm', 200, 'curl', ['vm;100']);
const NGINX = processNode('vm', 100, 'nginx');

async function open(
  t: TestContext,
  views: Readonly<Record<string, readonly WireNode[]>>,
  options?: BrowserOptions,
): Promise<{ app: FixtureApp; page: Page; complaints: string[] }> {
  const app = await new FixtureApp(views).start();
  t.after(() => app.stop());
  return { app, ...(await openPage(t, app.url, options)) };
}

const row = (id: string): string => `tr[data-node-id="${id}"]`;
const edge = (from: string, to: string): string => `tr[data-edge-from="${from}"][data-edge-to="${to}"]`;

void test('nodes and edges are drawn and listed, without breaking the strict content security policy', async (t) => {
  const { page, complaints } = await open(t, { processes: [CURL, NGINX] });
  await page.locator(row('vm;200')).waitFor();
  await page.locator(edge('vm;200', 'vm;100')).waitFor();
  assert.match(await page.locator(edge('vm;200', 'vm;100')).innerText(), /curl[^]*→[^]*nginx/);
  await page.locator('#graph[data-settled] canvas.sigma-nodes').waitFor();
  assert.equal(await page.locator('#link-text').innerText(), 'Live');
  assert.deepEqual(complaints, []);
});

void test('deltas add, change and remove rows while people watch', async (t) => {
  const { app, page } = await open(t, { processes: [CURL, NGINX] });
  await page.locator(row('vm;200')).waitFor();
  app.change('processes', {
    add: [processNode('vm', 300, 'redis-server')],
    update: [processNode('vm', 100, 'nginx', ['vm;300'])],
    remove: ['vm;200'],
  });
  await page.locator(edge('vm;100', 'vm;300')).waitFor();
  await page.locator(row('vm;200')).waitFor({ state: 'detached' });
  assert.equal(await page.locator(edge('vm;200', 'vm;100')).count(), 0);
});

void test('choosing a node shows its facts, metrics, machine and connections with port and count', async (t) => {
  const { page } = await open(t, { processes: [CURL, NGINX] });
  await page.locator(`${row('vm;100')} button`).click();
  const details = page.locator('#details');
  await details.getByText('/usr/bin/nginx --config').waitFor();
  const text = await details.innerText();
  for (const part of ['46 MiB', 'CPU', 'Connections in', 'curl', '8080'])
    assert.ok(text.includes(part), part);
  await details.getByRole('button', { name: 'curl' }).click();
  await details.getByText('/usr/bin/curl --config').waitFor();
  assert.ok((await details.innerText()).includes('Connections out'));
  await page.keyboard.press('Escape');
  await details.waitFor({ state: 'hidden' });
});

void test('a click on the node in the picture shows its details', async (t) => {
  const { page } = await open(t, { processes: [NGINX] });
  await page.locator('#graph[data-settled]').waitFor();
  const box = await page.locator('#graph').boundingBox();
  assert.ok(box !== null);
  // A single node stands in the middle.
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await page.locator('#details').getByText('/usr/bin/nginx --config').waitFor();
});

void test('the views switch, and the address brings them back', async (t) => {
  const host = { ...processNode('vm', 1, 'vm'), id: 'vm;<host>', labelMinor: '' };
  const { app, page } = await open(t, { processes: [NGINX], hosts: [host] });
  await page.locator(row('vm;100')).waitFor();
  await page.getByRole('button', { name: 'Hosts' }).click();
  await page.locator(row('vm;<host>')).waitFor();
  assert.equal(await page.locator(row('vm;100')).count(), 0);
  await page.goBack();
  await page.locator(row('vm;100')).waitFor();
  await page.goto(`${app.url}/#/hosts/${encodeURIComponent('vm;<host>')}`);
  await page.locator('#details').getByRole('heading', { name: 'vm' }).waitFor();
});

void test('a search narrows both lists; slash goes to it and Enter opens what it found', async (t) => {
  const { page } = await open(t, { processes: [CURL, NGINX, processNode('vm', 300, 'redis-server')] });
  await page.locator(row('vm;300')).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('redis');
  await page.locator(row('vm;100')).waitFor({ state: 'detached' });
  assert.equal(await page.locator('#search-count').innerText(), '1 of 3');
  await page.keyboard.press('Enter');
  await page.locator('#details').getByRole('heading', { name: 'redis-server' }).waitFor();
});

void test('a lost app is said in a banner, the last picture stays, and everything is back when the app is', async (t) => {
  const { app, page } = await open(t, { processes: [CURL, NGINX] });
  await page.locator(row('vm;200')).waitFor();
  const port = Number(new URL(app.url).port);
  await app.stop();
  await page.locator('#lost').waitFor();
  assert.match(await page.locator('#lost').innerText(), /Connection to the app lost/);
  assert.equal(await page.locator(row('vm;200')).count(), 1);
  const again = await new FixtureApp({ processes: [NGINX] }).start(port);
  t.after(() => again.stop());
  await page.locator('#lost').waitFor({ state: 'hidden' });
  await page.locator(row('vm;200')).waitFor({ state: 'detached' });
  assert.equal(await page.locator(row('vm;100')).count(), 1);
});

void test('an empty view says what to do, by whether a probe reports', async (t) => {
  const { app, page } = await open(t, {});
  const empty = page.locator('#empty');
  await empty.getByText('No connections yet').waitFor();
  app.probes = [];
  await empty.getByText('No probe reports yet').waitFor();
  assert.ok((await empty.innerText()).includes(`topoprobe probe ${app.url}`));
  app.change('processes', { add: [NGINX] });
  await empty.waitFor({ state: 'hidden' });
});

void test('names from the network are text, whatever they look like', async (t) => {
  const nasty = '<img src=x onerror=alert(1)>';
  const { page, complaints } = await open(t, { processes: [processNode('vm', 1, nasty)] });
  await page.locator(`${row('vm;1')} button`).click();
  await page.locator('#details').getByRole('heading', { name: nasty }).waitFor();
  assert.equal(await page.locator('main img').count(), 0);
  assert.deepEqual(complaints, []);
});

void test('without WebGL the page says so and shows the tables', async (t) => {
  const { page } = await open(t, { processes: [CURL, NGINX] }, { webgl: false });
  await page.locator(edge('vm;200', 'vm;100')).waitFor();
  assert.match(await page.locator('#no-webgl').innerText(), /no WebGL/);
  assert.equal(await page.locator('#stage').getAttribute('data-layout'), 'table');
});

void test('more nodes than the page keeps are counted in a note', async (t) => {
  const many = Array.from({ length: 5_003 }, (_, at) => processNode('vm', at + 1, 'sleep'));
  const { page } = await open(t, { processes: many }, { webgl: false });
  await page.locator('#too-many').waitFor();
  assert.match(await page.locator('#too-many').innerText(), /3 nodes beyond the first 5,000/);
  assert.match(await page.locator('#nodes-more').innerText(), /4500 more are not listed/);
});

void test('two thousand nodes are drawn and settle', async (t) => {
  const { page, complaints } = await open(t, { processes: generatedGraph(2_000) });
  await page.locator('#graph[data-settled]').waitFor({ timeout: 120_000 });
  assert.equal(await page.locator('#nodes-count').innerText(), '2001');
  assert.deepEqual(complaints, []);
});
