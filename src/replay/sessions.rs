//! Sessions: established, being set up, closed, or not known.

use super::replayer::{Cause, Replayer};
use super::*;
use crate::decode::Lost;
use crate::decode::clock::is_late;

/// The session of one peer, for one family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub state: PeerState,
    pub complete: bool,
    pub since: Timestamp,
    /// The record that began it.
    pub record: Option<RecordRef>,
    /// When a RIB dump last confirmed the table, or else since when it is so.
    pub confirmed_at: Timestamp,
    /// When the RIB dump was done that told the table, if one did since the session is what it is.
    pub dumped_at: Option<Timestamp>,
    /// When the transfer of its table began.
    pub opened_at: Timestamp,
    /// Whether the table was withdrawn as a whole: nothing is unknown, but the vantage point speaks for nobody.
    pub lost_table: bool,
    /// The latest message of which something was lost.
    pub lost_message_at: Option<Timestamp>,
    /// Whether announcements were lost since the table was last known: what it does not show may be there.
    pub lost_announcements: bool,
    /// Whether a withdrawal out of nothing means that the route had been there since `since`.
    pub withdrawals_imply: bool,
}

impl Session {
    pub fn unknown(since: Timestamp) -> Session {
        Session {
            state: PeerState::Unknown,
            complete: false,
            since,
            record: None,
            confirmed_at: since,
            dumped_at: None,
            opened_at: Timestamp::MIN,
            lost_table: false,
            lost_message_at: None,
            lost_announcements: false,
            withdrawals_imply: false,
        }
    }
}

impl Session {
    /// The RIB dump that told the table, if it is later than a message of that time.
    pub fn dumped_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.dumped_at.filter(|dumped_at| is_late(at, *dumped_at))
    }
}

impl Replayer {
    pub(super) fn set_session(
        &mut self,
        peer: usize,
        family: Family,
        state: PeerState,
        complete: bool,
        Cause { at, record, .. }: Cause,
    ) {
        let session = self.sessions[peer][family as usize];
        if session.state == state && session.complete == complete && state != PeerState::Syncing {
            return;
        }
        let since = at.max(session.since);
        self.close_session(peer, family, since);
        self.sessions[peer][family as usize] = Session {
            state,
            complete,
            since,
            record,
            confirmed_at: since,
            dumped_at: None,
            opened_at: session.opened_at,
            lost_table: false,
            lost_message_at: session.lost_message_at,
            lost_announcements: session.lost_announcements,
            withdrawals_imply: false,
        };
    }

    /// Records the state of a session up to `at`.
    pub(super) fn close_session(&mut self, peer: usize, family: Family, at: Timestamp) {
        let Session { state, complete, since, record, .. } = self.sessions[peer][family as usize];
        if since < at {
            self.session_spans.push(PeerSpan { peer, family, from: since, to: at, state, complete, record });
        }
    }

    pub(super) fn session_down(&mut self, peer: usize, cause: Cause) {
        self.opened[peer] = None;
        self.forget_sample(peer, None);
        for family in Family::ALL {
            self.set_session(peer, family, PeerState::Down, false, cause);
        }
        self.forget_routes(peer, None, cause.at);
    }

    pub(super) fn session_up(&mut self, peer: usize, cause: Cause) {
        self.opened[peer] = None;
        self.forget_sample(peer, None);
        self.forget_routes(peer, None, cause.at);
        for family in Family::ALL {
            self.set_session(peer, family, PeerState::Syncing, false, cause);
            let session = &mut self.sessions[peer][family as usize];
            (session.opened_at, session.lost_announcements) = (cause.at, false);
        }
        self.schedule_timeout(peer, cause.at);
    }

    /// A transfer without End-of-RIB has had its time.
    pub(super) fn sync_timeout(&mut self, peer: usize, at: Timestamp) {
        for family in Family::ALL {
            let session = self.sessions[peer][family as usize];
            let is_of_this_transfer = session.opened_at + SYNC_TIMEOUT <= at && !session.complete;
            let is_open = session.state.is_open() && !session.lost_table;
            if is_of_this_transfer && is_open && !session.withdrawals_imply {
                // Unless the sample shows that all of it has come, silence stays unknown.
                let complete = self.is_transferred(peer, family) && !session.lost_announcements;
                self.set_session(peer, family, PeerState::Up, complete, Cause::time(at));
            }
        }
    }

    pub(super) fn end_of_rib(&mut self, peer: usize, family: Family, cause: Cause) {
        let session = self.sessions[peer][family as usize];
        if session.state == PeerState::Syncing {
            self.set_session(peer, family, PeerState::Up, !session.lost_announcements, cause);
        }
    }

    /// An OPEN. Where state changes are recorded they tell when a session begins; otherwise it begins with this, unless what
    /// follows shows that it was refused.
    pub(super) fn open(&mut self, peer: usize, cause: Cause) {
        if !self.has_states {
            self.opened[peer] = Some(cause);
        }
    }

    /// A message that only an established session carries. From a closed session it shows that it is open again.
    pub(super) fn note_message(&mut self, peer: usize, cause: Cause) {
        self.end_former_selves(peer, cause);
        if let Some(opened) = self.opened[peer].take() {
            self.session_up(peer, opened);
        }
        if self.sessions[peer].iter().all(|session| session.state == PeerState::Down) {
            self.session_up(peer, cause);
            // Nothing shows when it was opened, nor what was sent before this.
            self.sessions[peer].iter_mut().for_each(|session| session.lost_announcements = true);
        }
    }

    /// A message could not be read, or only in part: what it may have withdrawn or announced is unknown until the peer says
    /// more about it, sends its table anew, or a RIB dump tells.
    pub(super) fn lose_message(&mut self, peer: usize, lost: Lost, cause: Cause) {
        self.note_message(peer, cause);
        let window = Window { start: cause.at, end: cause.at + Duration::from_micros(1) };
        self.doubts.push(Doubt { window, peer: Some(peer), reason: DoubtReason::LostMessage });
        for family in Family::ALL.into_iter().filter(|family| lost.families[*family as usize]) {
            if lost.announcements {
                self.lose_announcements(peer, family, cause);
            }
            self.sessions[peer][family as usize].lost_message_at = Some(cause.at);
            let spans = &mut self.route_spans;
            for (prefix, route) in self.routes[peer].iter_mut().filter(|(prefix, _)| prefix.family() == family) {
                let is_doubtful = match route.held {
                    Some(Held::Present(_)) => lost.withdrawals,
                    Some(Held::Absent) => lost.announcements,
                    Some(Held::Unknown) | None => false,
                };
                if is_doubtful {
                    route.blur(peer, *prefix, cause.at, spans);
                }
            }
        }
    }

    /// The table is no longer known as a whole. Where there is no RIB dump a withdrawal still shows that the route was there,
    /// but not since before now.
    fn lose_announcements(&mut self, peer: usize, family: Family, cause: Cause) {
        let session = self.sessions[peer][family as usize];
        if session.state == PeerState::Up {
            self.close_session(peer, family, cause.at.max(session.since));
            let session = &mut self.sessions[peer][family as usize];
            (session.since, session.complete, session.record) = (cause.at.max(session.since), false, cause.record);
        }
        self.sessions[peer][family as usize].lost_announcements = true;
    }

    /// The peer sent something, at whatever time: without RIB dumps it is taken to be there since the contiguous
    /// updates began.
    pub(super) fn speaks_up(&mut self, peer: usize) {
        if !std::mem::replace(&mut self.speaks[peer], true)
            && let Some(since) = self.contiguous_since
        {
            self.begin_without_rib(peer, since);
        }
    }

    /// A gap is over. Without RIB dumps the updates after it are a new beginning.
    pub(super) fn resume(&mut self, at: Timestamp) {
        if self.gaps.iter().any(|gap| gap.contains(at)) {
            return;
        }
        self.contiguous_since = Some(at);
        for peer in 0..self.peers.len() {
            if self.speaks[peer] {
                self.begin_without_rib(peer, at);
            }
        }
    }

    fn begin_without_rib(&mut self, peer: usize, since: Timestamp) {
        if self.has_rib {
            return;
        }
        for family in Family::ALL {
            if self.sessions[peer][family as usize].state == PeerState::Unknown {
                self.set_session(peer, family, PeerState::Up, false, Cause::time(since));
                self.sessions[peer][family as usize].withdrawals_imply = true;
            }
        }
    }

    /// The last time before `at` at which the peer is known to have sent anything.
    pub(super) fn last_message(&self, peer: usize, at: Timestamp) -> Option<Timestamp> {
        let times = self.heard[peer].iter().flatten().flat_map(|(first, last)| [*first, *last]);
        times.filter(|time| *time <= at).max()
    }
}
