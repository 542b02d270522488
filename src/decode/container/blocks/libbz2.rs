//! The content of one block, in pieces, by libbz2-rs: what the tests compare with, and what the feature `libbz2` uses.

use bzip2::{Decompress, Status};

/// A block that has not been written out completely.
#[derive(Default)]
pub(super) struct LibbzUnpacking {
    decoder: Option<Decompress>,
    n_read: usize,
}

impl LibbzUnpacking {
    /// The same as [`Unpacking::next`](super::unpacking::Unpacking::next).
    pub(super) fn next(&mut self, stream: &[u8], piece: &mut Vec<u8>, n_max: usize) -> Option<Result<(), String>> {
        piece.reserve_exact(n_max.saturating_sub(piece.len()));
        let decoder = self.decoder.get_or_insert_with(|| Decompress::new(false));
        let mut end = None;
        while end.is_none() && piece.len() < n_max {
            let (n_read, n_written) = (decoder.total_in(), piece.len());
            let status = decoder.decompress_vec(stream.get(self.n_read..).unwrap_or_default(), piece);
            let n = (decoder.total_in() - n_read) as usize;
            self.n_read += n;
            end = match status {
                Ok(Status::StreamEnd) => Some(Ok(())),
                Ok(_) if n > 0 || piece.len() > n_written => None,
                Ok(_) => Some(Err("a block ends early".to_owned())),
                Err(error) => Some(Err(error.to_string())),
            };
        }
        if end.is_some() {
            self.decoder = None;
        }
        end
    }
}
