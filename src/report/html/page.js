// Zoom, values under the pointer, local time, filters. The page says everything without it.
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
  const DAY = 86400;
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY, 2 * DAY, 7 * DAY, 30 * DAY];

  root.classList.add('scripted');
  toolbar.hidden = false;

  // Times. Instants are seconds since the epoch; `local` is the reader's own time zone.
  let local = false;
  const pad = (n) => String(n).padStart(2, '0');
  const parts = (at) => {
    const date = new Date(at * 1000);
    return local
      ? [date.getFullYear(), date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()]
      : [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
  };
  const dayTime = (at) => parts(at).slice(3).map(pad).join(':');
  const clock = (at) => parts(at).slice(0, 3).map(pad).join('-') + ' ' + dayTime(at);
  const offset = (at) => (local ? -new Date(at * 1000).getTimezoneOffset() * 60 : 0);
  const zone = () => (local ? 'local time' : 'UTC');

  const showTimes = () => {
    for (const time of all('time')) {
      const at = Math.floor(Date.parse(time.dateTime) / 1000);
      time.textContent = time.classList.contains('time-of-day') ? dayTime(at) : clock(at);
    }
    for (const name of all('.zone')) name.textContent = zone();
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
  const PAPER = 480;
  let printing = false;
  const ticks = (width) => {
    const most = Math.max(2, Math.floor(width / 70));
    const step = STEPS.find((seconds) => (to - from) / seconds <= most) || STEPS[STEPS.length - 1];
    const found = [];
    const zero = series.start + from;
    const shift = offset(zero);
    for (let at = Math.ceil((zero + shift) / step) * step - shift; at < series.start + to; at += step) {
      const [, month, day, hour, minute, second] = parts(at);
      const label = hour + minute + second === 0 ? pad(month) + '-' + pad(day)
        : pad(hour) + ':' + pad(minute) + (step < 60 ? ':' + pad(second) : '');
      found.push([(at - zero) / (to - from), label]);
    }
    return found;
  };

  const draw = () => {
    const scale = length / (to - from);
    for (const world of all('.linked .world')) {
      world.setAttribute('x', (-from / length) * scale * 100 + '%');
      world.setAttribute('width', scale * 100 + '%');
    }
    for (const axis of all('.linked.axis')) {
      const marks = element('g', { class: 'marks' });
      for (const [part, label] of ticks(printing ? PAPER : axis.clientWidth)) {
        const x = part * 100 + '%';
        const side = part < 0.03 ? 'first' : part > 0.97 ? 'last' : '';
        marks.append(element('line', { x1: x, x2: x, y1: 15, y2: 20 }), element('text', { x, y: 11, class: side }, label));
      }
      axis.querySelector('.marks').replaceWith(marks);
    }
    root.dataset.from = String(series.start + from);
    root.dataset.to = String(series.start + to);
    const whole = from === 0 && to === length;
    toolbar.querySelector('[data-do=whole]').disabled = whole;
    toolbar.querySelector('[data-do=out]').disabled = whole;
    readout.textContent = whole ? '' : clock(series.start + from) + ' to ' + clock(series.start + to) + ' ' + zone();
  };

  // Values under the pointer.
  const percent = (share) => (share > 0 && share < 1 ? Math.min(99, Math.max(1, Math.round(share * 100))) : Math.round(share * 100)) + ' %';
  const said = (row, at) => {
    const reading = row.readings.find(([start, end]) => start <= at && at < end);
    if (!reading || reading[4] === null) return 'unknown';
    const [, , n, of, share] = reading;
    if (row.kind === 'space') return n + ' of ' + of + ' prefixes not known to be lost, ' + percent(share) + ' of the address space';
    if (row.kind === 'held') return 'holds ' + n + ' of ' + of + ' prefixes';
    return n + ' of ' + of + ' peer ASes see it, ' + percent(share);
  };
  const place = (plot, x) => {
    const box = plot.getBoundingClientRect();
    return Math.min(1, Math.max(0, (x - box.left) / box.width));
  };
  const point = (plot, part) => {
    const at = from + part * (to - from);
    root.style.setProperty('--at', part * 100 + '%');
    root.classList.add('pointing');
    const row = series.rows[plot.dataset.row];
    readout.textContent = clock(series.start + at) + ' ' + zone() + (row ? ': ' + row.name + ', ' + said(row, at) : '');
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
      brush.style.left = Math.min(drag.part, part) * 100 + '%';
      brush.style.width = Math.abs(drag.part - part) * 100 + '%';
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
    button.setAttribute('aria-label', 'Show in the pictures: ' + cell.textContent);
    cell.append(' ', button);
    button.addEventListener('click', () => {
      const start = row.dataset.from ? Date.parse(row.dataset.from) / 1000 - series.start : 0;
      const end = row.dataset.to ? Date.parse(row.dataset.to) / 1000 - series.start : length;
      const room = Math.max(30, (end - start) * 0.3);
      show(start - room, end + room);
      one('visibility').scrollIntoView();
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
  one('zone').addEventListener('change', (event) => {
    local = event.target.value === 'local';
    showTimes();
  });
  window.addEventListener('resize', draw);
  for (const [event, is] of [['beforeprint', true], ['afterprint', false]]) {
    window.addEventListener(event, () => {
      printing = is;
      draw();
    });
  }
  draw();
})();
