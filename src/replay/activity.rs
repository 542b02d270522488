//! When each peer of one collector sent messages, and when the collector recorded nothing at all.

use super::index::{PeerId, PerPeer};
use super::silence::{Minutes, Pauses};
use crate::decode::{PeerActivity, Run};
use crate::time::{Timestamp, Window};

/// The messages of all peers over time, whatever was selected.
#[derive(Debug)]
pub(super) struct Activity {
    window: Window,
    peers: PerPeer<Sent>,
    pauses: Pauses,
}

#[derive(Clone, Debug, Default)]
struct Sent {
    /// Whether the peer sent any message. Otherwise no evidence shows that its session was ever up.
    has_sent: bool,
    /// First and last message in the latest two files with any, the latest file first.
    last_messages: [Option<(Timestamp, Timestamp)>; 2],
    /// The minutes since the beginning of the window in which it sent a message.
    minutes: Minutes,
}

impl Activity {
    pub(super) fn new(window: Window) -> Activity {
        Activity { window, peers: PerPeer::default(), pauses: Pauses::default() }
    }

    pub(super) fn add_peer(&mut self) {
        self.peers.push(Sent::default());
    }

    /// Adds the records of the next file. Only the times of `believed` runs count.
    pub(super) fn add_runs(&mut self, believed: &[Run]) {
        believed.iter().for_each(|run| self.pauses.add(run, self.window.start));
    }

    /// Adds what a peer sent in that file. Returns whether these are its first messages.
    pub(super) fn add(&mut self, peer: PeerId, activity: &PeerActivity, believed: &[Run]) -> bool {
        let is_believed = |minute: &&u32| {
            let (start, end) = (i64::from(**minute) * 60, i64::from(**minute) * 60 + 59);
            believed.iter().any(|run| run.first_at.secs() <= end && run.last_at.secs() >= start)
        };
        for minute in activity.minutes.iter().filter(is_believed) {
            if let Some(minute) = self.minute(Timestamp::from_secs(i64::from(*minute) * 60)) {
                self.peers[peer].minutes.add(minute);
            }
        }
        let Some((first, last)) = activity.first_at.zip(activity.last_at) else { return false };
        let until = believed.iter().map(|run| run.last_at).max().unwrap_or(last);
        let sent = &mut self.peers[peer];
        sent.last_messages = [Some((first.min(until), last.min(until))), sent.last_messages[0]];
        !std::mem::replace(&mut sent.has_sent, true)
    }

    pub(super) fn has_sent(&self, peer: PeerId) -> bool {
        self.peers[peer].has_sent
    }

    /// The last time up to `at` at which the peer is known to have sent a message.
    pub(super) fn last_message(&self, peer: PeerId, at: Timestamp) -> Option<Timestamp> {
        let times = self.peers[peer].last_messages.iter().flatten().flat_map(|(first, last)| [*first, *last]);
        times.filter(|time| *time <= at).max()
    }

    /// Since when a peer is silent, to the minute; at the latest `at`.
    pub(super) fn silent_since(&self, peer: PeerId, at: Timestamp) -> Timestamp {
        let Some(minute) = self.minute(at) else { return at };
        match self.peers[peer].minutes.last_before(minute) {
            Some(last) => self.instant(last + 1).min(at),
            None => self.instant(minute).min(at),
        }
    }

    /// The minutes in which each peer sent messages, in order of peer.
    pub(super) fn minutes(&self) -> impl Iterator<Item = (PeerId, &Minutes)> {
        self.peers.iter().map(|(peer, sent)| (peer, &sent.minutes))
    }

    pub(super) fn minutes_of(&self, peer: PeerId) -> &Minutes {
        &self.peers[peer].minutes
    }

    /// How many minutes the window has.
    pub(super) fn n_minutes(&self) -> u32 {
        self.minute(Timestamp::from_micros(self.window.end.micros() - 1)).map_or(0, |last| last + 1)
    }

    /// The pauses of the whole collector that are too long to be usual, outside of `gaps`.
    pub(super) fn suspicious_pauses(&self, gaps: &[Window]) -> Vec<Window> {
        self.pauses.suspicious(self.window.start, self.window.end, gaps)
    }

    /// The minutes of the window that overlap any of these intervals.
    pub(super) fn minutes_in(&self, intervals: &[Window]) -> Minutes {
        let mut minutes = Minutes::default();
        for interval in intervals {
            let (start, end) = (interval.start.max(self.window.start), interval.end.min(self.window.end));
            let last = Timestamp::from_micros(end.micros() - 1);
            if let (true, Some(first), Some(last)) = (start < end, self.minute(start), self.minute(last)) {
                (first..=last).for_each(|minute| minutes.add(minute));
            }
        }
        minutes
    }

    /// The start of the `minute`th minute of the window.
    pub(super) fn instant(&self, minute: u32) -> Timestamp {
        Timestamp::from_secs((self.window.start.secs().div_euclid(60) + i64::from(minute)) * 60)
    }

    /// The number of the minute of an instant; None outside of the window.
    fn minute(&self, at: Timestamp) -> Option<u32> {
        let minute = at.secs().div_euclid(60) - self.window.start.secs().div_euclid(60);
        u32::try_from(minute).ok().filter(|_| at < self.window.end)
    }
}
