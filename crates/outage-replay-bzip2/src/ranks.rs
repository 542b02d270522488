//! Move to front: which value a rank stands for.

/// Values in the order of their last use.
pub(crate) struct Ranks {
    /// The first 16, the most recent one in the lowest octet. Nearly all ranks are among them, and they fit in registers.
    front: u128,
    rest: [u8; 240],
}

impl Ranks {
    /// The values that occur in a block, in ascending order.
    pub(crate) fn new(values: &[u8; 256]) -> Ranks {
        let (front, rest) = values.split_at(16);
        Ranks {
            front: u128::from_le_bytes(std::array::from_fn(|index| front[index])),
            rest: std::array::from_fn(|index| rest[index]),
        }
    }

    /// The most recent value.
    #[inline(always)]
    pub(crate) fn first(&self) -> u8 {
        self.front as u8
    }

    /// The value of a rank from 1 to 255, which becomes the first.
    #[inline(always)]
    pub(crate) fn use_rank(&mut self, rank: u32) -> u8 {
        if rank < 8 {
            let front = self.front as u64;
            let value = (front >> (8 * rank)) as u8;
            let moved = u64::MAX >> (56 - 8 * rank);
            let front = front & !moved | (front << 8) & moved | u64::from(value);
            self.front = self.front & !u128::from(u64::MAX) | u128::from(front);
            value
        } else if rank < 16 {
            let value = (self.front >> (8 * rank)) as u8;
            let moved = u128::MAX >> (120 - 8 * rank);
            self.front = self.front & !moved | (self.front << 8) & moved | u128::from(value);
            value
        } else {
            self.use_rank_of_rest(rank as usize - 16)
        }
    }

    #[inline(never)]
    fn use_rank_of_rest(&mut self, index: usize) -> u8 {
        let Some(value) = self.rest.get(index).copied() else { return 0 };
        self.rest.copy_within(..index, 1);
        self.rest[0] = (self.front >> 120) as u8;
        self.front = self.front << 8 | u128::from(value);
        value
    }
}
