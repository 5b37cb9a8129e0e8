//! The one place that does arithmetic on "selected row of n".
//!
//! Deliberately absent: a stored scroll offset that must be kept right. What is visible follows from the selection and the
//! height, so drawing stays pure and a resize cannot leave the selection off the screen; a row chosen by the mouse stays under it
//! as long as that is possible.

use std::ops::Range;

use ratatui::layout::{Position, Rect};

/// The selected row of `len`; safe on an empty list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    selected: usize,
    len: usize,
    rests: bool,
    /// The first visible row when the mouse chose the selected one; the next move by other means forgets it.
    top: Option<usize>,
}

impl Cursor {
    /// A cursor on the first of `len` rows.
    pub fn new(len: usize) -> Cursor {
        Cursor { selected: 0, len, rests: false, top: None }
    }

    /// The same rows with none selected: how a list looks that the keys do not move in.
    #[must_use]
    pub fn at_rest(self) -> Cursor {
        Cursor { rests: true, ..self }
    }

    /// The selected row; `None` when there are no rows.
    pub fn row(&self) -> Option<usize> {
        (self.len > 0 && !self.rests).then_some(self.selected)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Changes the number of rows; the selection moves to the last row when its own is gone.
    pub fn resize(&mut self, len: usize) {
        self.len = len;
        self.selected = self.selected.min(len.saturating_sub(1));
    }

    /// Selects `row`, or the last row when there are fewer.
    pub fn select(&mut self, row: usize) {
        self.top = None;
        self.selected = row.min(self.len.saturating_sub(1));
    }

    /// Selects `row`, seen in `height` lines, without moving it from where it is seen.
    pub fn point(&mut self, row: usize, height: usize) {
        let top = self.window(height).start;
        self.select(row);
        self.top = Some(top);
    }

    /// Moves by `rows`, stopping at the ends.
    pub fn step(&mut self, rows: isize) {
        self.select(self.selected.saturating_add_signed(rows));
    }

    /// Moves by `rows`, going round at the ends.
    pub fn step_around(&mut self, rows: isize) {
        if self.len > 0 {
            let len = self.len as isize;
            self.select((self.selected as isize + rows % len).rem_euclid(len) as usize);
        }
    }

    /// To the first row.
    pub fn first(&mut self) {
        self.select(0);
    }

    /// To the last row.
    pub fn last(&mut self) {
        self.select(usize::MAX);
    }

    /// The rows visible in `height` lines: holds the selection, kept near the middle, never leaves lines unused.
    pub fn window(&self, height: usize) -> Range<usize> {
        let holds = |top: &usize| (*top..top + height).contains(&self.selected);
        let start = self.top.filter(holds).unwrap_or_else(|| self.selected.saturating_sub(height / 2));
        let start = start.min(self.len.saturating_sub(height));
        start..(start + height).min(self.len)
    }

    /// The row that stands there, where each line of `area` shows one.
    pub fn row_at(&self, area: Rect, at: Position) -> Option<usize> {
        let lines = usize::from(at.y.checked_sub(area.y)?);
        self.window(usize::from(area.height)).nth(lines).filter(|_| area.contains(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Move {
        Resize(usize),
        Select(usize),
        Step(isize),
        Around(isize),
        Point(usize, usize),
        First,
        Last,
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let one = prop_oneof![
            (0usize..50).prop_map(Move::Resize),
            any::<usize>().prop_map(Move::Select),
            any::<isize>().prop_map(Move::Step),
            any::<isize>().prop_map(Move::Around),
            (0usize..50, 0usize..80).prop_map(|(row, height)| Move::Point(row, height)),
            Just(Move::First),
            Just(Move::Last),
        ];
        proptest::collection::vec(one, 0..40)
    }

    proptest! {
        #[test]
        fn the_selection_is_always_a_row_and_always_visible(moves in moves(), height in 0usize..80) {
            let mut cursor = Cursor::new(7);
            for step in moves {
                match step {
                    Move::Resize(len) => cursor.resize(len),
                    Move::Select(row) => cursor.select(row),
                    Move::Step(rows) => cursor.step(rows),
                    Move::Around(rows) => cursor.step_around(rows),
                    Move::Point(row, height) => cursor.point(row, height),
                    Move::First => cursor.first(),
                    Move::Last => cursor.last(),
                }
                prop_assert_eq!(cursor.row().is_none(), cursor.is_empty());
                let window = cursor.window(height);
                prop_assert_eq!(window.len(), height.min(cursor.len()));
                prop_assert!(window.end <= cursor.len());
                if let Some(row) = cursor.row() {
                    prop_assert!(row < cursor.len());
                    prop_assert!(height == 0 || window.contains(&row));
                }
            }
        }
    }

    #[test]
    fn what_the_mouse_chose_stays_under_it_until_the_next_move() {
        let mut cursor = Cursor::new(100);
        cursor.select(50);
        assert_eq!(cursor.window(10), 45..55);
        cursor.point(54, 10);
        assert_eq!((cursor.row(), cursor.window(10)), (Some(54), 45..55));
        cursor.resize(100);
        assert_eq!(cursor.window(10), 45..55);
        cursor.step(1);
        assert_eq!(cursor.window(10), 50..60);
    }

    #[test]
    fn an_empty_list_has_no_row_whatever_is_pressed() {
        let mut cursor = Cursor::default();
        cursor.step(3);
        cursor.last();
        cursor.step_around(-1);
        assert_eq!((cursor.row(), cursor.window(10)), (None, 0..0));
    }

    #[test]
    fn going_round_meets_the_other_end() {
        let mut cursor = Cursor::new(3);
        cursor.step_around(-1);
        assert_eq!(cursor.row(), Some(2));
        cursor.step_around(1);
        assert_eq!(cursor.row(), Some(0));
    }
}
