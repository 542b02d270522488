//! Standard output.

use std::io::{self, Write};

/// Standard output that ignores a closed pipe: a reader that has seen enough, such as `head`, is not an error.
pub struct Stdout<W> {
    out: W,
    is_closed: bool,
}

impl<W> Stdout<W> {
    /// Returns an output that is open.
    pub fn new(out: W) -> Stdout<W> {
        Stdout { out, is_closed: false }
    }
}

impl<W: Write> Write for Stdout<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_closed {
            return Ok(bytes.len());
        }
        match self.out.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(bytes.len())
            }
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.out.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }
}
