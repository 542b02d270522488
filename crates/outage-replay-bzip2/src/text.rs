//! The values of a block in their order, kept as segments whose order is found last.

/// Octets of a segment that lie together.
pub(crate) const CHUNK: usize = 512;

#[derive(Clone, Copy, Default)]
struct Segment {
    first_chunk: u32,
    n: u32,
    /// The segment after it.
    next: u32,
}

/// The values of one block, to be read once.
#[derive(Default)]
pub(crate) struct Text {
    octets: Vec<u8>,
    /// The chunk after each chunk.
    links: Vec<u32>,
    n_chunks: usize,
    segments: Vec<Segment>,
    /// The first value, which no segment begins with.
    first: Option<u8>,
    n_left: usize,
    /// The place of the next value: its segment, the number of values before it there, its place in `octets`.
    segment: Segment,
    n_before: usize,
    at: usize,
}

/// Where the next values of a segment are put.
#[derive(Clone, Copy, Default)]
pub(crate) struct End {
    at: usize,
    n: usize,
}

impl End {
    /// The number of values that were put before it.
    pub(crate) fn n(&self) -> usize {
        self.n
    }
}

impl Text {
    /// Forgets everything, for a text of `n` values in a number of segments.
    pub(crate) fn begin(&mut self, n: usize, n_segments: usize) {
        let n_chunks = n / CHUNK + n_segments;
        if self.links.len() < n_chunks {
            self.octets.resize(n_chunks * CHUNK, 0);
            self.links.resize(n_chunks, 0);
        }
        self.n_chunks = 0;
        self.segments.clear();
        self.segments.resize(n_segments, Segment::default());
    }

    /// Adds values to a segment. Their number divides [`CHUNK`].
    #[inline(always)]
    pub(crate) fn put<const N: usize>(&mut self, segment: usize, end: &mut End, values: &[u8; N]) {
        if end.n.is_multiple_of(CHUNK) {
            self.add_chunk(segment, end);
        }
        if let Some(place) = self.octets.get_mut(end.at..end.at + N) {
            place.copy_from_slice(values);
        }
        end.at += N;
        end.n += N;
    }

    fn add_chunk(&mut self, segment: usize, end: &mut End) {
        let chunk = self.n_chunks;
        self.n_chunks += 1;
        if self.links.len() < self.n_chunks {
            self.octets.resize(self.n_chunks * CHUNK, 0);
            self.links.resize(self.n_chunks, 0);
        }
        if end.n == 0 {
            self.segments[segment].first_chunk = chunk as u32;
        } else {
            self.links[end.at / CHUNK - 1] = chunk as u32;
        }
        end.at = chunk * CHUNK;
    }

    /// States how many values a segment has, and which one follows.
    pub(crate) fn close(&mut self, segment: usize, n: usize, next: usize) {
        self.segments[segment].n = n as u32;
        self.segments[segment].next = next as u32;
    }

    /// The text is `first` and then segments from `segment` on, `n` values in all.
    pub(crate) fn finish(&mut self, n: usize, first: u8, segment: usize) {
        self.first = Some(first);
        self.n_left = n;
        self.enter(segment);
    }

    fn enter(&mut self, segment: usize) {
        self.segment = self.segments.get(segment).copied().unwrap_or_default();
        self.n_before = 0;
        self.at = self.segment.first_chunk as usize * CHUNK;
    }

    /// Some of the next values; empty only after the last one.
    #[inline]
    pub(crate) fn next(&self) -> &[u8] {
        if let (Some(first), true) = (&self.first, self.n_left > 0) {
            return std::slice::from_ref(first);
        }
        let n = (CHUNK - self.at % CHUNK).min(self.segment.n as usize - self.n_before).min(self.n_left);
        self.octets.get(self.at..self.at + n).unwrap_or_default()
    }

    /// The value that would follow the last one: rotations go on from the start.
    pub(crate) fn beyond(&self) -> u8 {
        self.octets.get(self.at).copied().unwrap_or_default()
    }

    /// Reads `n` of the values that [`Text::next`] returned.
    #[inline]
    pub(crate) fn advance(&mut self, n: usize) {
        self.n_left -= n;
        if n > 0 && self.first.take().is_some() {
            return;
        }
        self.n_before += n;
        self.at += n;
        if self.n_before == self.segment.n as usize {
            self.enter(self.segment.next as usize);
        } else if self.at.is_multiple_of(CHUNK) && n > 0 {
            self.at = self.links.get(self.at / CHUNK - 1).map_or(0, |chunk| *chunk as usize * CHUNK);
        }
    }

    /// Replaces the text by what `change` makes of it and of the value beyond it.
    pub(crate) fn rewrite(&mut self, change: impl FnOnce(&mut [u8])) {
        let n = self.n_left;
        let mut octets = Vec::with_capacity(n + CHUNK);
        while self.n_left > 0 {
            let next = self.next();
            let n_next = next.len();
            octets.extend_from_slice(next);
            self.advance(n_next);
        }
        octets.push(self.beyond());
        change(&mut octets);
        let n_chunks = octets.len().div_ceil(CHUNK);
        octets.resize(n_chunks * CHUNK, 0);
        self.octets = octets;
        self.links = (1..=n_chunks as u32).collect();
        self.segments.clear();
        self.segments.push(Segment { first_chunk: 0, n: n as u32 + 1, next: 0 });
        self.n_left = n;
        self.first = None;
        self.enter(0);
    }
}
