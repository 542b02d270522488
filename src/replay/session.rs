//! The state of each session, and its history.

use super::index::{PeerId, PerPeer};
use super::spans::{Cause, PeerSpan, PeerState, RecordRef};
use crate::bgp::{Family, PerFamily};
use crate::decode::clock::is_late;
use crate::time::Timestamp;

/// The session of one peer, for one family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub state: PeerState,
    /// Whether the whole table is known.
    pub complete: bool,
    pub since: Timestamp,
    /// The record that began it.
    pub record: Option<RecordRef>,
    /// When a RIB dump last confirmed the table, or else `since`.
    pub confirmed_at: Timestamp,
    /// When the RIB dump that showed the table was done, if one did since `since`.
    pub dumped_at: Option<Timestamp>,
    /// When the transfer of its table began.
    pub opened_at: Timestamp,
    /// Whether the peer withdrew its whole table: all routes are known, but it is no evidence about any prefix.
    pub lost_table: bool,
    /// The latest message of which something was lost.
    pub lost_message_at: Option<Timestamp>,
    /// Whether announcements were lost since the table was last known: a prefix without a route may have one.
    pub lost_announcements: bool,
    /// Whether a withdrawal of an unknown route means that the route had been there since `since`.
    pub withdrawals_imply: bool,
}

impl Session {
    fn unknown(since: Timestamp) -> Session {
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

    /// When the RIB dump that showed the table was done, if it is later than a message of time `at`.
    pub(super) fn dumped_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.dumped_at.filter(|dumped_at| is_late(at, *dumped_at))
    }

    /// Whether the session is up and its whole table is known.
    pub(super) fn is_whole(&self) -> bool {
        self.state == PeerState::Up && self.complete
    }
}

/// The sessions of all peers, and the states that they have left.
#[derive(Debug, Default)]
pub(super) struct SessionStates {
    sessions: PerPeer<PerFamily<Session>>,
    spans: Vec<PeerSpan>,
}

impl SessionStates {
    /// Adds a peer of which nothing is known since `since`.
    pub(super) fn add_peer(&mut self, since: Timestamp) {
        self.sessions.push(PerFamily::from([Session::unknown(since); 2]));
    }

    pub(super) fn n_peers(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = PeerId> + use<> {
        self.sessions.ids()
    }

    pub(super) fn get(&self, peer: PeerId, family: Family) -> &Session {
        &self.sessions[peer][family]
    }

    pub(super) fn get_mut(&mut self, peer: PeerId, family: Family) -> &mut Session {
        &mut self.sessions[peer][family]
    }

    pub(super) fn of_peer(&self, peer: PeerId) -> &PerFamily<Session> {
        &self.sessions[peer]
    }

    /// The sessions of one family, in order of peer.
    pub(super) fn of_family(&self, family: Family) -> impl Iterator<Item = &Session> {
        self.sessions.values().map(move |sessions| &sessions[family])
    }

    pub(super) fn set(
        &mut self,
        peer: PeerId,
        family: Family,
        state: PeerState,
        complete: bool,
        Cause { at, record, .. }: Cause,
    ) {
        let session = self.sessions[peer][family];
        if session.state == state && session.complete == complete && state != PeerState::Syncing {
            return;
        }
        let since = at.max(session.since);
        self.close(peer, family, since);
        self.sessions[peer][family] = Session {
            state,
            complete,
            since,
            record,
            opened_at: session.opened_at,
            lost_message_at: session.lost_message_at,
            lost_announcements: session.lost_announcements,
            ..Session::unknown(since)
        };
    }

    /// Sets both families to a state in which the table is not known.
    pub(super) fn set_all(&mut self, peer: PeerId, state: PeerState, cause: Cause) {
        Family::ALL.into_iter().for_each(|family| self.set(peer, family, state, false, cause));
    }

    /// Records the state of a session up to `at`.
    fn close(&mut self, peer: PeerId, family: Family, at: Timestamp) {
        let Session { state, complete, since, record, .. } = self.sessions[peer][family];
        if since < at {
            self.spans.push(PeerSpan { peer, family, from: since, to: at, state, complete, record });
        }
    }

    /// Announcements of a message were lost: the table is no longer known as a whole. Where there is no RIB dump, a
    /// withdrawal still implies that the route was there, but not since before now.
    pub(super) fn lose_announcements(&mut self, peer: PeerId, family: Family, cause: Cause) {
        let session = self.sessions[peer][family];
        if session.state == PeerState::Up {
            let since = cause.at.max(session.since);
            self.close(peer, family, since);
            let session = &mut self.sessions[peer][family];
            (session.since, session.complete, session.record) = (since, false, cause.record);
        }
        self.sessions[peer][family].lost_announcements = true;
    }

    /// The states of all sessions up to `end`.
    pub(super) fn finish(mut self, end: Timestamp) -> Vec<PeerSpan> {
        for peer in self.sessions.ids() {
            Family::ALL.into_iter().for_each(|family| self.close(peer, family, end));
        }
        self.spans
    }
}
