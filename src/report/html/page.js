// Zoom, values under the pointer, time zones, filters. The page says everything without it.
'use strict';
(() => {
  const series = JSON.parse(document.getElementById('series').textContent);
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const readout = one('readout');
  const toolbar = one('toolbar');
  const length = series.end - series.start;
  const SHORTEST = 10; // seconds: updates are dated to the second
  root.classList.add('scripted');
  toolbar.hidden = false;

  // Times. Instants are seconds since the epoch. A civil time is written as the instant at which UTC shows it.
  let zone = 'UTC';
  let fields = null;
  const useZone = (name) => {
    zone = name;
    fields = name === 'UTC' ? null : new Intl.DateTimeFormat('en-u-ca-iso8601', {
      timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    });
  };
  const civil = (at) => {
    if (!fields) return at;
    const found = {};
    for (const { type, value } of fields.formatToParts(Math.floor(at) * 1000)) found[type] = Number(value);
    return Date.UTC(found.year, found.month - 1, found.day, found.hour, found.minute, found.second) / 1000 + (at - Math.floor(at));
  };
  // Twice, because the offset may change between the two.
  const instant = (shown) => {
    let at = shown;
    for (let n = 0; n < 2; n += 1) at += shown - civil(at);
    return at;
  };
  const date = (at) => new Date(civil(at) * 1000);
  const dayTime = (at) => date(at).toISOString().slice(11, 19);
  const clock = (at) => date(at).toISOString().slice(0, 19).replace('T', ' ');
  const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const dates = (start, end) => {
    const [a, b] = [date(start), date(end - 1e-6)];
    const last = b.getUTCDate() + ' ' + MONTHS[b.getUTCMonth()] + ' ' + b.getUTCFullYear();
    let first = String(a.getUTCDate());
    if (a.getUTCFullYear() !== b.getUTCFullYear()) first += ' ' + MONTHS[a.getUTCMonth()] + ' ' + a.getUTCFullYear();
    else if (a.getUTCMonth() !== b.getUTCMonth()) first += ' ' + MONTHS[a.getUTCMonth()];
    else if (a.getUTCDate() === b.getUTCDate()) return last;
    return first + ' to ' + last;
  };

  const showTimes = () => {
    for (const time of all('time')) {
      const at = Math.floor(Date.parse(time.dateTime) / 1000);
      time.textContent = time.classList.contains('time-of-day') ? dayTime(at) : clock(at);
    }
    for (const name of all('.zone')) name.textContent = zone;
    one('zone-note').hidden = zone === 'UTC';
    draw();
  };

  // The part of the window that is shown, in seconds from its start.
  let from = 0;
  let to = length;
  const show = (start, end) => {
    const span = Math.min(length, Math.max(SHORTEST, end - start));
    from = Math.min(Math.max(0, (start + end - span) / 2), length - span);
    to = from + span;
    draw();
  };
  const zoom = (factor, about = (from + to) / 2) => show(about - (about - from) * factor, about + (to - about) * factor);
  const pan = (share) => {
    const by = Math.min(Math.max((to - from) * share, -from), length - to);
    show(from + by, to + by);
  };

  const SVG = 'http://www.w3.org/2000/svg';
  const element = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  // Paper is narrower than most screens, and is measured only when it is too late.
  const PAPER = 440;
  let printing = false;

  // Round marks whose labels stand apart, as src/report/drawing/axis.rs chooses them.
  const LETTER = 7;
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200].map((n) => ['second', n])
    .concat([1, 2, 5, 7, 14].map((n) => ['day', n]), [1, 2, 3, 6].map((n) => ['month', n]), [1, 2, 5, 10, 20].map((n) => ['year', n]));
  const SECONDS = { second: 1, day: 86400, month: 28 * 86400, year: 365 * 86400 };
  const civilTicks = (unit, n, start, end) => {
    const found = [];
    const add = (at) => { if (at >= start && at < end) found.push(at); };
    const first = new Date(start * 1000);
    const [year, month] = [first.getUTCFullYear(), first.getUTCMonth()];
    if (unit === 'second') {
      for (let at = Math.ceil(start / n) * n; at < end; at += n) add(at);
    } else if (unit === 'day') {
      for (let at = Math.floor(start / 86400) * 86400; at < end; at += 86400) {
        const day = new Date(at * 1000);
        const left = Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1) / 86400000 - at / 86400;
        if ((day.getUTCDate() - 1) % n === 0 && left >= n) add(at);
      }
    } else if (unit === 'month') {
      for (let k = month - (month % n); Date.UTC(year, k, 1) / 1000 < end; k += n) add(Date.UTC(year, k, 1) / 1000);
    } else {
      for (let k = year - (year % n); Date.UTC(k, 0, 1) / 1000 < end; k += n) add(Date.UTC(k, 0, 1) / 1000);
    }
    return found;
  };
  const labelled = (unit, n, start, end) => {
    const [firstYear, lastYear] = [start, end].map((at) => new Date(at * 1000).getUTCFullYear());
    let shown = firstYear === lastYear || unit === 'second' ? firstYear : null;
    return civilTicks(unit, n, start, end).map((at) => {
      const day = new Date(at * 1000);
      const year = day.getUTCFullYear() === shown ? '' : ' ' + day.getUTCFullYear();
      shown = day.getUTCFullYear();
      const name = MONTHS[day.getUTCMonth()];
      if (unit === 'year') return [at, String(shown)];
      if (unit === 'month') return [at, name + year];
      if (unit === 'second' && at % 86400 !== 0) return [at, day.toISOString().slice(11, n < 60 ? 19 : 16)];
      return [at, day.getUTCDate() + ' ' + name + year];
    });
  };
  const ticks = (width) => {
    const [start, end] = [civil(series.start + from), civil(series.start + to)];
    const placed = ([at, label]) => {
      const part = (instant(at) - series.start - from) / (to - from);
      const [x, long] = [part * width, label.length * LETTER];
      const side = x < long / 2 ? 'first' : x > width - long / 2 ? 'last' : '';
      const left = side === 'first' ? x : side === 'last' ? x - long : x - long / 2;
      return { part, label, side, left, right: left + long };
    };
    let found = [];
    for (const [unit, n] of STEPS) {
      if (((end - start) / (n * SECONDS[unit])) * 4 * LETTER > width) continue;
      found = labelled(unit, n, start, end).map(placed);
      if (found.every((tick, k) => k === 0 || found[k - 1].right + 2 * LETTER <= tick.left)) return found;
    }
    return found.slice(0, 1);
  };

  const draw = () => {
    const scale = length / (to - from);
    for (const world of all('.linked .world')) {
      world.setAttribute('x', (-from / length) * scale * 100 + '%');
      world.setAttribute('width', scale * 100 + '%');
    }
    for (const axis of all('.linked.axis')) {
      const marks = element('g', { class: 'marks' });
      // The axis of a closed list has no width: it is drawn when the list is opened.
      for (const { part, label, side } of ticks(printing ? PAPER : axis.clientWidth || PAPER)) {
        const x = part * 100 + '%';
        marks.append(element('line', { x1: x, x2: x, y1: 15, y2: 20 }), element('text', { x, y: 11, class: side }, label));
      }
      axis.replaceChildren(marks);
    }
    for (const name of all('.dates')) name.textContent = dates(series.start + from, series.start + to);
    root.dataset.from = String(series.start + from);
    root.dataset.to = String(series.start + to);
    const whole = from === 0 && to === length;
    toolbar.querySelector('[data-do=whole]').disabled = whole;
    toolbar.querySelector('[data-do=out]').disabled = whole;
    readout.textContent = whole ? '' : clock(series.start + from) + ' to ' + clock(series.start + to) + ' ' + zone;
  };

  // Values under the pointer.
  const percent = (share) => (share > 0 && share < 1 ? Math.min(99, Math.max(1, Math.round(share * 100))) : Math.round(share * 100)) + '%';
  const said = (row, at) => {
    const reading = row.readings.find(([start, end]) => start <= at && at < end);
    if (!reading || reading[4] === null) return 'unknown';
    const [, , n, of, share, stuck] = reading;
    if (row.kind === 'space') return n + ' of ' + of + ' prefixes still routed, ' + percent(share) + ' of the address space';
    if (row.kind === 'held') return 'holds ' + n + ' of ' + of + ' prefixes';
    return n + ' of ' + of + ' peer ASes see it, ' + percent(share) + (stuck ? ', stuck routes only' : '');
  };
  const place = (plot, x) => {
    const box = plot.getBoundingClientRect();
    return Math.min(1, Math.max(0, (x - box.left) / box.width));
  };
  const point = (plot, part) => {
    const at = from + part * (to - from);
    root.style.setProperty('--at', String(part));
    root.classList.add('pointing');
    const row = series.rows[plot.dataset.row];
    readout.textContent = clock(series.start + at) + ' ' + zone + (row ? ': ' + row.name + ', ' + said(row, at) : '');
  };
  const leave = () => {
    root.classList.remove('pointing');
    draw();
  };

  // Drag to zoom, with Shift to pan; the wheel with Ctrl zooms, sideways it pans.
  for (const plot of all('.plot.linked:not(.axis)')) {
    let drag = null;
    let brush = null;
    plot.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      drag = { x: event.clientX, part: place(plot, event.clientX), from, to };
      plot.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    plot.addEventListener('pointermove', (event) => {
      const part = place(plot, event.clientX);
      point(plot, part);
      if (!drag) return;
      if (event.shiftKey) {
        const by = (drag.part - part) * (drag.to - drag.from);
        const kept = Math.min(Math.max(by, -drag.from), length - drag.to);
        show(drag.from + kept, drag.to + kept);
        return;
      }
      if (!brush) {
        brush = document.createElement('div');
        brush.className = 'brush';
        plot.parentElement.append(brush);
      }
      const [box, cell] = [plot.getBoundingClientRect(), plot.parentElement.getBoundingClientRect()];
      brush.style.left = box.left - cell.left + Math.min(drag.part, part) * box.width + 'px';
      brush.style.width = Math.abs(drag.part - part) * box.width + 'px';
    });
    const finish = (event) => {
      if (brush) brush.remove();
      if (drag && !event.shiftKey && event.type === 'pointerup' && Math.abs(event.clientX - drag.x) > 4) {
        const [a, b] = [drag.part, place(plot, event.clientX)].sort((p, q) => p - q).map((part) => from + part * (to - from));
        show(a, b);
      }
      drag = brush = null;
    };
    plot.addEventListener('pointerup', finish);
    plot.addEventListener('pointercancel', finish);
    plot.addEventListener('pointerleave', leave);
    plot.addEventListener('dblclick', () => show(0, length));
    plot.addEventListener('wheel', (event) => {
      if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, from + place(plot, event.clientX) * (to - from));
      else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX / plot.clientWidth);
      else return;
      event.preventDefault();
    }, { passive: false });
  }

  // The same by keyboard: on a curve the arrows move the pointer, elsewhere they pan.
  const actions = { in: () => zoom(0.5), out: () => zoom(2), left: () => pan(-0.5), right: () => pan(0.5), whole: () => show(0, length) };
  toolbar.addEventListener('click', (event) => {
    const action = actions[event.target.dataset.do];
    if (action) action();
  });
  let cursor = 0.5;
  for (const chart of all('.chart')) {
    chart.setAttribute('tabindex', '0');
    chart.addEventListener('focus', () => point(chart, cursor));
    chart.addEventListener('blur', leave);
    chart.addEventListener('keydown', (event) => {
      const step = event.shiftKey ? 0.1 : 0.01;
      if (event.key === 'ArrowLeft') cursor = Math.max(0, cursor - step);
      else if (event.key === 'ArrowRight') cursor = Math.min(1, cursor + step);
      else if (event.key === '+' || event.key === '=') zoom(0.5, from + cursor * (to - from));
      else if (event.key === '-') zoom(2, from + cursor * (to - from));
      else if (event.key === '0') show(0, length);
      else return;
      event.preventDefault();
      point(chart, cursor);
    });
  }

  // A row of the list of outages shows its time.
  for (const row of all('tr[data-from], tr[data-to]')) {
    const cell = row.querySelector('th');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'show';
    button.textContent = 'Show';
    const start = row.dataset.from ? clock(Date.parse(row.dataset.from) / 1000) + ' UTC' : 'before the data';
    button.setAttribute('aria-label', 'Show in the pictures: ' + cell.textContent + ', ' + start);
    cell.append(' ', button);
    button.addEventListener('click', () => {
      const start = row.dataset.from ? Date.parse(row.dataset.from) / 1000 - series.start : 0;
      const end = row.dataset.to ? Date.parse(row.dataset.to) / 1000 - series.start : length;
      const room = Math.max(30, (end - start) * 0.3);
      show(start - room, end + room);
      one('visibility').parentElement.scrollIntoView();
    });
  }

  // Filters.
  const prefixFilter = one('prefix-filter');
  const collectorFilter = one('collector-filter');
  const filter = () => {
    const prefix = prefixFilter ? prefixFilter.value.trim().toLowerCase() : '';
    const collector = collectorFilter ? collectorFilter.value : '';
    let hidden = 0;
    for (const row of all('[data-prefix]')) {
      row.hidden = !row.dataset.prefix.includes(prefix);
      hidden += row.hidden;
    }
    for (const row of all('[data-collector]')) {
      row.hidden = collector !== '' && row.dataset.collector !== collector;
      hidden += row.hidden;
    }
    readout.textContent = hidden ? hidden + ' rows hidden by the filters' : '';
  };
  if (prefixFilter) prefixFilter.addEventListener('input', filter);
  if (collectorFilter) collectorFilter.addEventListener('change', filter);
  // The reader's own zone, then every other one that the browser knows.
  const choice = one('zone');
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = Intl.supportedValuesOf ? Intl.supportedValuesOf('timeZone') : [];
  const option = (name, text) => {
    const made = document.createElement('option');
    made.value = name;
    made.textContent = text;
    return made;
  };
  if (own && own !== 'UTC') choice.append(option(own, own + ' (your zone)'));
  const others = document.createElement('optgroup');
  others.label = 'Other zones';
  others.append(...known.filter((name) => name !== 'UTC' && name !== own).map((name) => option(name, name)));
  choice.append(others);
  choice.addEventListener('change', () => {
    useZone(choice.value);
    showTimes();
  });
  window.addEventListener('resize', draw);
  const lists = all('details');
  for (const list of lists) list.addEventListener('toggle', draw);
  // On paper everything is open.
  let closed = [];
  for (const [event, is] of [['beforeprint', true], ['afterprint', false]]) {
    window.addEventListener(event, () => {
      printing = is;
      if (is) closed = lists.filter((list) => !list.open && !list.classList.contains('again'));
      for (const list of closed) list.open = is;
      leave();
    });
  }
  draw();
})();
