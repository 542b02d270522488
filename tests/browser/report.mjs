// Opens report.html in Chromium and uses it as a reader does. Prints one finding per line, and no line if all is well.
//   node report.mjs PACKAGES CHROMIUM PAGE REPORT.json [PICTURES]
// PACKAGES is the folder of node_modules; with PICTURES the screenshots of docs/ are written there.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, executablePath, page, json, pictures] = process.argv.slice(2);
const require = createRequire(join(packages, 'node_modules/'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const report = JSON.parse(readFileSync(json, 'utf8'));
const url = pathToFileURL(page).href;
const wrong = [];
const expect = (what, is, should) => {
  if (JSON.stringify(is) !== JSON.stringify(should)) wrong.push(`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(should)}`);
};

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

/** A page that is watched: it may load itself and nothing else, and has nothing to complain about. */
const open = async (options) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: 'Asia/Pyongyang', ...options });
  const tab = await context.newPage();
  tab.on('console', (message) => wrong.push(`console: ${message.text()}`));
  tab.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  tab.on('dialog', (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  tab.on('request', (request) => { if (request.url() !== url) wrong.push(`request: ${request.url()}`); });
  await tab.goto(url);
  return tab;
};
const shown = (tab) => tab.evaluate(() => [Number(document.documentElement.dataset.from), Number(document.documentElement.dataset.to)]);

// The numbers are those of the JSON report.
const tab = await open({});
const text = (selector) => tab.locator(selector).allTextContents();
const percent = (share) => {
  const rounded = Math.round(share * 100);
  return (share > 0 && share < 1 ? Math.min(99, Math.max(1, rounded)) : rounded) + ' %';
};
const listed = await tab.evaluate(() => [...document.querySelectorAll('#outages ~ .scroll tr[data-from], #outages ~ .scroll tr[data-to], #outages ~ details tr[data-from], #outages ~ details tr[data-to]')].map((row) => ({
  start: row.dataset.from ?? null, end: row.dataset.to ?? null,
  lost: row.cells[4].textContent, points: row.cells[5].textContent, extent: row.cells[6].textContent,
  class: row.cells[7].textContent, evidence: row.cells[8].textContent,
})));
const sorted = (rows) => rows.map((row) => JSON.stringify(row)).sort();
expect('outages', sorted(listed), sorted(report.outages.map((outage) => ({
  start: outage.started_at, end: outage.ended_at, lost: percent(1 - (outage.visibility_min ?? outage.space_share_min)),
  points: `${outage.n_vantage_points_lost} of ${outage.n_vantage_points}`, extent: outage.severity,
  class: outage.class.replaceAll('_', ' '), evidence: outage.evidence_quality,
}))));
const verdict = { outage: 'Outage', no_outage: 'No outage', insufficient_data: 'Insufficient data' }[report.answer];
expect('verdict', await tab.locator('.facts dd').first().textContent(), verdict);
expect('collectors', await text('[aria-label=Collectors] tbody td:nth-child(3)'),
  report.coverage.collectors.map((of) => String(of.n_peers)));
expect('note', (await text('.archive-note'))[0] ?? null, report.note && `About the data. ${report.note}`);
expect('files', await tab.locator('#sources ~ details .digest').count(), Math.min(1500, report.coverage.files.read));
const elements = await tab.evaluate(() => [document.scripts.length, document.images.length, document.querySelectorAll('iframe, object, link').length]);
expect('scripts, images, frames', elements, [2, 0, 0]);

// Zoom is linked, by button, key, hand and from the list.
const whole = await shown(tab);
expect('the whole window', whole, [Date.parse(report.query.window_start) / 1000, Date.parse(report.query.window_end) / 1000]);
await tab.click('[data-do=in]');
const half = await shown(tab);
expect('half of it', half[1] - half[0], (whole[1] - whole[0]) / 2);
const widths = await tab.evaluate(() => [...new Set([...document.querySelectorAll('.linked .world')].map((world) => world.getAttribute('width')))]);
expect('one scale', widths, ['200%']);
await tab.click('[data-do=right]');
expect('later', (await shown(tab))[0], half[0] + (half[1] - half[0]) / 2);
await tab.click('[data-do=whole]');
expect('whole again', await shown(tab), whole);
const chart = tab.locator('.chart').first();
await chart.focus();
await tab.keyboard.press('+');
expect('zoom by key', (await shown(tab))[1] - (await shown(tab))[0], (whole[1] - whole[0]) / 2);
await tab.keyboard.press('0');
await chart.scrollIntoViewIfNeeded();
const box = await chart.boundingBox();
await tab.mouse.move(box.x + box.width * 0.25, box.y + 20);
const value = await tab.locator('#readout').textContent();
if (!/\d\d:\d\d:\d\d UTC: .+( %|unknown)/.test(value)) wrong.push(`value under the pointer: ${value}`);
await tab.mouse.down();
await tab.mouse.move(box.x + box.width * 0.5, box.y + 20, { steps: 4 });
await tab.mouse.up();
const dragged = await shown(tab);
const quarter = (whole[1] - whole[0]) / 4;
if (Math.abs(dragged[0] - whole[0] - quarter) > quarter / 20 || Math.abs(dragged[1] - dragged[0] - quarter) > quarter / 20) {
  wrong.push(`zoom by hand: ${dragged}`);
}
await tab.mouse.dblclick(box.x + box.width / 2, box.y + 20);
if (report.outages.length) {
  await tab.locator('.show').first().click();
  const outage = await shown(tab);
  if (outage[1] - outage[0] >= whole[1] - whole[0] && report.outages[0].started_at) wrong.push('Show did not zoom');
  await tab.click('[data-do=whole]');
}

// Local time, and back.
const before = (await text('.listing time'))[0];
await tab.selectOption('#zone', 'local');
const local = (await text('.listing time'))[0];
if (before && before === local) wrong.push('local time is as UTC');
await tab.selectOption('#zone', 'utc');
expect('UTC again', (await text('.listing time'))[0], before);

// Filters.
const visible = (selector) => tab.evaluate((selector) => [...document.querySelectorAll(selector)].filter((row) => !row.hidden).length, selector);
if (await tab.locator('#prefix-filter').count()) {
  const rows = '.strips tr[data-prefix]';
  const prefix = await tab.locator(rows).first().getAttribute('data-prefix');
  await tab.fill('#prefix-filter', prefix);
  expect('rows of one prefix', await visible(rows), 1);
  await tab.fill('#prefix-filter', '');
  expect('all rows', await visible(rows), await tab.locator(rows).count());
}
if (await tab.locator('#collector-filter').count()) {
  const first = report.coverage.collectors[0].collector;
  await tab.selectOption('#collector-filter', first);
  expect('rows of one collector', await visible('.coverage-rows tr[data-collector]'), 1);
  await tab.selectOption('#collector-filter', '');
}

// Nothing is wider than the page, and axe finds no barrier, at any width and in both colour schemes.
for (const colorScheme of ['light', 'dark']) {
  for (const width of [375, 768, 1920]) {
    const tab = await open({ viewport: { width, height: 900 }, colorScheme });
    const wide = await tab.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) wrong.push(`${width} px: the page is ${wide} px wide`);
    // The policy of the page forbids axe to add its script: it is run from outside.
    await tab.evaluate(axe);
    const { violations } = await tab.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
    for (const { id, impact, nodes } of violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))) {
      wrong.push(`${width} px, ${colorScheme}: axe ${id} (${impact}): ${nodes.slice(0, 2).map((node) => node.html.slice(0, 120)).join(' ; ')}`);
    }
    await tab.context().close();
  }
}

// The page can be read without scripts.
const quiet = await browser.newContext({ javaScriptEnabled: false });
const plain = await quiet.newPage();
await plain.goto(url);
expect('toolbar without scripts', await plain.locator('#toolbar').isVisible(), false);
expect('headline without scripts', await plain.locator('h1').isVisible(), true);
expect('marks without scripts', (await plain.locator('.axis .marks text').count()) > 0, true);

if (pictures) {
  const shoot = async (name, options, clip) => {
    const tab = await open(options);
    await tab.screenshot({ path: join(pictures, name), clip, fullPage: clip !== undefined });
    await tab.context().close();
  };
  await shoot('report.png', {}, { x: 0, y: 0, width: 1280, height: 1060 });
  await shoot('report-dark.png', { colorScheme: 'dark', viewport: { width: 768, height: 1300 } });
  await shoot('report-narrow.png', { viewport: { width: 375, height: 1300 } });
  const tab = await open({});
  await tab.locator('.wave').first().screenshot({ path: join(pictures, 'wave.png') });
}
await browser.close();
for (const finding of wrong) console.log(finding);
process.exitCode = wrong.length ? 1 : 0;
