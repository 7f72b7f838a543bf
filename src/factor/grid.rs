//! Grid cards: fifty cells on paper, three of them asked for.

use crate::keys::{MasterKey, SealedBytes, UnsealError};
use crate::secret::{Id, same};

pub const COLUMNS: [char; 10] = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J'];
pub const ROWS: [char; 5] = ['1', '2', '3', '4', '5'];
/// Cells that are asked for: 1 in 64 million is a right guess.
pub const ASKED: usize = 3;
/// No vowels, so no words, and none that look alike.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// The card that `flow` offers: derived, so that nothing keeps it until it is taken.
#[must_use]
pub fn offered(master: &MasterKey, flow: Id) -> [u8; 32] {
    master.derive("grid card", flow.bytes())
}

/// Seals the seed of a card of `user`.
#[must_use]
pub fn seal(master: &MasterKey, user: Id, seed: &[u8]) -> SealedBytes {
    master.seal(&sealed_name(user), seed)
}

fn sealed_name(user: Id) -> String {
    format!("grid card {user}")
}

/// What stands in the cells, row by row.
#[must_use]
pub fn card(master: &MasterKey, seed: &[u8]) -> Vec<Vec<String>> {
    let cell = |column: char, row: char| content(master, seed, &format!("{column}{row}"));
    ROWS.iter().map(|row| COLUMNS.iter().map(|column| cell(*column, *row)).collect()).collect()
}

fn content(master: &MasterKey, seed: &[u8], cell: &str) -> String {
    let bytes = master.derive("grid cell", &[seed, cell.as_bytes()].concat());
    let letters = bytes.iter().filter(|byte| **byte < 240).take(2);
    letters.filter_map(|byte| ALPHABET.get(usize::from(byte % 20))).map(|byte| char::from(*byte)).collect()
}

/// The cells that are asked for after so many right answers: the same ones until they are answered, so that
/// nobody shops for easy ones.
#[must_use]
pub fn cells(master: &MasterKey, user: Id, answered: u64) -> Vec<String> {
    let bytes = master.derive("grid question", &[&user.bytes()[..], &answered.to_be_bytes()].concat());
    let mut cells: Vec<String> = Vec::new();
    for pair in bytes.chunks_exact(2) {
        let [column, row] = pair else { continue };
        let column = COLUMNS.get(usize::from(*column) % COLUMNS.len());
        let row = ROWS.get(usize::from(*row) % ROWS.len());
        let cell: String = column.into_iter().chain(row).collect();
        if cells.len() < ASKED && !cells.contains(&cell) {
            cells.push(cell);
        }
    }
    cells
}

/// Whether `answers` are what stands in `cells`. Every one is compared.
pub fn is_right(
    master: &MasterKey,
    (user, sealed): (Id, &SealedBytes),
    cells: &[String],
    answers: &[&str],
) -> Result<bool, UnsealError> {
    let seed = master.open(&sealed_name(user), sealed)?;
    let plain = |answer: &str| -> String {
        answer.chars().filter(|c| !c.is_whitespace()).take(3).map(|c| c.to_ascii_uppercase()).collect()
    };
    let right = cells
        .iter()
        .zip(answers)
        .filter(|(cell, answer)| same(content(master, &seed, cell).as_bytes(), plain(answer).as_bytes()));
    Ok(right.count() == ASKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_cells_of_the_card_are_asked_for_until_they_are_right() {
        let master = MasterKey::from_bytes(&[7; 32]).expect("a key");
        let user = Id::from_bytes([1; 16]);
        let seed = offered(&master, user);
        let card = card(&master, &seed);
        assert!(card.len() == 5 && card.iter().flatten().count() == 50);
        assert!(card.iter().flatten().all(|cell| cell.len() == 2));
        let at = |cell: &str| {
            let mut chars = cell.chars();
            let (column, row) = (chars.next().expect("column"), chars.next().expect("row"));
            let column = COLUMNS.iter().position(|known| *known == column).expect("known");
            let row = ROWS.iter().position(|known| *known == row).expect("known");
            card[row][column].clone()
        };
        let sealed = seal(&master, user, &seed);
        for uses in 0..50 {
            let cells = cells(&master, user, uses);
            assert_eq!(cells.len(), ASKED, "{uses}");
            let answers: Vec<String> = cells.iter().map(|cell| at(cell).to_lowercase()).collect();
            let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
            assert!(is_right(&master, (user, &sealed), &cells, &answers).expect("opens"));
            for wrong in [&["", "", ""][..], &answers[..2], &[answers[0], answers[1], "xx"]] {
                assert!(!is_right(&master, (user, &sealed), &cells, wrong).expect("opens"));
            }
        }
        assert_ne!(cells(&master, user, 0), cells(&master, user, 1));
    }
}
