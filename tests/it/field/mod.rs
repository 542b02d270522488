//! Small archives with the troubles of real ones: no claim about them may be untrue.
//!
//! The usual scene: collector rrc99, 12 peers of 12 ASes with 61 prefixes each, a RIB dump at 08:00,
//! 5-minute files from 07:45 to 10:00 on 2024-03-10; 198.51.100.0/24 or 2a0e:b107:1::/48 of AS50509 is withdrawn by
//! all at 08:30:00 and announced again at 09:10:00. Each peer repeats some route once a minute. A test adds one trouble
//! and states what is true. The name of the check states how much of it the program must find:
//!
//! - `exact`: the outage is found, both edges within 10 s, and nothing else is claimed,
//! - `safe`: either that, or the time in question is unknown; no claim contradicts the truth.

pub mod bytes;
mod judge;
pub mod scene;

mod baseline;
mod clocks;
mod floods;
mod folders;
mod holes;
mod origins;
mod peers;
mod sessions;
mod shown;
mod unread;
