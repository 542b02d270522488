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
  if (rounded === 0 && share > 0) return '<1%';
  if (rounded === 100 && share < 1) return '>99%';
  return rounded + '%';
};
const listed = await tab.evaluate(() => [...document.querySelectorAll('#outages ~ .scroll tr[data-from], #outages ~ .scroll tr[data-to], #outages ~ details tr[data-from], #outages ~ details tr[data-to]')].map((row) => ({
  start: row.dataset.from ?? null, end: row.dataset.to ?? null,
  lost: row.cells[4].textContent, points: row.cells[5].textContent, extent: row.cells[6].textContent,
  class: row.cells[7].textContent, evidence: row.cells[8].textContent,
})));
const sorted = (rows) => rows.map((row) => JSON.stringify(row)).sort();
expect('outages', sorted(listed), sorted(report.outages.map((outage) => ({
  start: outage.start, end: outage.end, lost: percent(1 - (outage.visibility_min ?? outage.space_share_min)),
  points: `${outage.n_vantage_points_lost} of ${outage.n_vantage_points}`, extent: outage.severity,
  class: outage.class.replaceAll('_', ' '), evidence: outage.evidence_quality,
}))));
const verdict = { outage: 'Outage', no_outage: 'No outage', insufficient_data: 'Insufficient data' }[report.answer];
expect('verdict', await tab.locator('.facts dd').first().textContent(), verdict);
expect('collectors', await text('[aria-label=Collectors] tbody td:nth-child(3)'),
  report.coverage.collectors.map((of) => String(of.n_peers)));
expect('note', (await text('.archive-note'))[0] ?? null, report.note && `About the data. ${report.note}`);
const targets = report.coverage.targets.length;
expect('targets', await tab.locator('#targets ~ .cards tbody tr').count(), targets > 1 ? Math.min(20, targets) : 0);
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
const chart = tab.locator('.picture .chart, .picture .strip').first();
if (await tab.locator('.chart').count()) {
  await chart.focus();
  await tab.keyboard.press('+');
  expect('zoom by key', (await shown(tab))[1] - (await shown(tab))[0], (whole[1] - whole[0]) / 2);
  await tab.keyboard.press('0');
}
await chart.scrollIntoViewIfNeeded();
const box = await chart.boundingBox();
await tab.mouse.move(box.x + box.width * 0.25, box.y + box.height / 2);
const value = await tab.locator('#readout').textContent();
if (!/\d\d:\d\d:\d\d UTC: .+(%|unknown)/.test(value)) wrong.push(`value under the pointer: ${value}`);
await tab.mouse.down();
await tab.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2, { steps: 4 });
await tab.mouse.up();
const dragged = await shown(tab);
const quarter = (whole[1] - whole[0]) / 4;
if (Math.abs(dragged[0] - whole[0] - quarter) > quarter / 20 || Math.abs(dragged[1] - dragged[0] - quarter) > quarter / 20) {
  wrong.push(`zoom by hand: ${dragged}`);
}
await tab.mouse.dblclick(box.x + box.width / 2, box.y + box.height / 2);
if (report.outages.length) {
  await tab.locator('.show').first().click();
  const outage = await shown(tab);
  if (outage[1] - outage[0] >= whole[1] - whole[0] && report.outages[0].start) wrong.push('Show did not zoom');
  await tab.click('[data-do=whole]');
}

// The reader's own zone is named, others can be chosen, and UTC is back.
const before = (await text('.listing time'))[0];
const note = tab.locator('#zone-note');
expect('no note on zones', await note.isVisible(), false);
for (const zone of ['Asia/Pyongyang', 'America/New_York']) {
  await tab.selectOption('#zone', zone);
  if (before && before === (await text('.listing time'))[0]) wrong.push(`${zone} is as UTC`);
  expect(`zone of ${zone}`, [...new Set(await text('.zone'))], [zone]);
  expect('note on zones', await note.isVisible(), true);
}
expect('own zone', (await text('#zone option'))[1], 'Asia/Pyongyang (your zone)');
const afternoon = await tab.evaluate(() => {
  const time = [...document.querySelectorAll('time')].find((time) => time.dateTime === '2014-12-22T16:15:00Z');
  return time?.textContent ?? null;
});
if (afternoon !== null) expect('16:15 in New York', afternoon, '2014-12-22 11:15:00');
await tab.selectOption('#zone', 'UTC');
expect('UTC again', (await text('.listing time'))[0], before);

// Labels of an axis never overlap, from the whole window to seconds, in any zone and width.
const overlaps = (tab) => tab.evaluate(() => [...document.querySelectorAll('.axis')].flatMap((axis) => {
  const boxes = [...axis.querySelectorAll('text')].map((text) => [text.getBoundingClientRect(), text.textContent]).filter(([box]) => box.width > 0);
  const bounds = axis.getBoundingClientRect();
  const outside = boxes.filter(([box]) => box.left < bounds.left - 1 || box.right > bounds.right + 1).map(([, text]) => `outside: ${text}`);
  return outside.concat(boxes.slice(1).flatMap(([box, text], k) => (box.left < boxes[k][0].right + 2 ? [`${boxes[k][1]} | ${text}`] : [])));
}));
for (const width of [375, 768, 1280]) {
  const tab = await open({ viewport: { width, height: 800 } });
  for (const zone of ['UTC', 'Australia/Adelaide']) {
    await tab.selectOption('#zone', zone);
    for (let n = 0; n < 22; n += 1) {
      const found = await overlaps(tab);
      if (found.length) wrong.push(`${width} px, ${zone}, zoom ${n}: ${found.slice(0, 3)}`);
      await tab.evaluate(() => document.querySelector('[data-do=in]').click());
    }
    await tab.evaluate(() => document.querySelector('[data-do=whole]').click());
  }
  await tab.context().close();
}
const years = (await text('.dates'))[0];
if (!years.includes(report.query.window_end.slice(0, 4)) && !years.includes(report.query.window_start.slice(0, 4))) wrong.push(`no year: ${years}`);

// Each button has a name of its own.
const names = await tab.evaluate(() => [...document.querySelectorAll('button')].map((button) => button.getAttribute('aria-label') ?? button.textContent));
expect('names of buttons', names.length - new Set(names).size, 0);

// The picture is above the fold, within two screens of a phone, and before the controls; nothing of it is out of sight.
for (const [width, height, screens] of [[1280, 800, 1], [1920, 1080, 1], [375, 800, 2]]) {
  const tab = await open({ viewport: { width, height } });
  const seen = await tab.evaluate(() => {
    const picture = document.querySelector('.picture').getBoundingClientRect();
    return { first: document.querySelector('.picture .chart, .picture .strip').getBoundingClientRect().bottom, bottom: picture.bottom, bar: document.querySelector('#toolbar').getBoundingClientRect().top };
  });
  if (seen.first > height * screens) wrong.push(`${width} px: the picture ends at ${seen.first}`);
  if (seen.bar < seen.bottom - 1) wrong.push(`${width} px: the controls are above the picture`);
  await tab.context().close();
}
const phone = await open({ viewport: { width: 375, height: 800 } });
const cut = await phone.evaluate(() => [...document.querySelectorAll('.cards td')].filter((cell) => cell.getBoundingClientRect().right > 376).length);
expect('cells out of sight', cut, 0);
await phone.context().close();

// On paper what the citation refers to is open, and no line of the pointer is left.
const paper = await open({});
await paper.locator('.picture .chart, .picture .strip').first().hover();
await paper.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
await paper.emulateMedia({ media: 'print' });
const printed = await paper.evaluate(() => ({
  digests: [...document.querySelectorAll('.digest')].filter((cell) => cell.getBoundingClientRect().height === 0).length,
  words: document.querySelector('.words').getBoundingClientRect().height > 0,
  pointing: document.documentElement.classList.contains('pointing'),
  toolbar: document.querySelector('#toolbar').getBoundingClientRect().height,
}));
expect('on paper', printed, { digests: 0, words: true, pointing: false, toolbar: 0 });
await paper.evaluate(() => window.dispatchEvent(new Event('afterprint')));
await paper.context().close();

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
    for (const { id, impact, nodes } of violations) {
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
  await shoot('report.png', {}, { x: 0, y: 0, width: 1280, height: 1000 });
  await shoot('report-dark.png', { colorScheme: 'dark', viewport: { width: 768, height: 1300 } });
  await shoot('report-narrow.png', { viewport: { width: 375, height: 1300 } });
  const tab = await open({});
  await tab.locator('.wave').first().screenshot({ path: join(pictures, 'wave.png') });
}
await browser.close();
for (const finding of wrong) console.log(finding);
process.exitCode = wrong.length ? 1 : 0;
