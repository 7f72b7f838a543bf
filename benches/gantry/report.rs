//! The table and the JSON file: ratios first, then what they were made of.

use std::fmt;

use serde_json::{Value, json};

use crate::load::Sample;

/// What a ratio should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// At least this part of the limit's rate.
    Rate(f64),
    /// ... and the limit's CPU time at least this part of ours.
    RateAndCpu(f64),
    /// Our CPU time at most this many times the limit's.
    CpuAtMost(f64),
}

/// A subject beside its limit.
#[derive(Debug)]
pub(crate) struct Row {
    name: String,
    limit_name: &'static str,
    goal: Goal,
    /// Limit and subject of each round.
    rounds: Vec<(Sample, Sample)>,
}

/// A figure with a goal of its own.
#[derive(Debug)]
pub(crate) struct Single {
    name: String,
    value: f64,
    goal: f64,
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub rows: Vec<Row>,
    pub singles: Vec<Single>,
    notes: Vec<(String, f64)>,
}

/// The middle one; of an even number the upper of the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Row {
    /// Without rounds yet.
    pub(crate) fn new(name: &str, limit_name: &'static str, goal: Goal) -> Self {
        Self { name: name.to_owned(), limit_name, goal, rounds: Vec::new() }
    }

    /// Adds a round.
    pub(crate) fn add(&mut self, limit: Sample, subject: Sample) {
        self.rounds.push((limit, subject));
    }

    fn over_rounds(&self, figure: impl Fn(&(Sample, Sample)) -> f64) -> f64 {
        median(self.rounds.iter().map(figure).collect())
    }

    /// Our rate as a part of the limit's.
    fn rate_ratio(&self) -> f64 {
        self.over_rounds(|(limit, subject)| subject.rate() / limit.rate())
    }

    /// The limit's CPU time per operation as a part of ours.
    fn cpu_ratio(&self) -> f64 {
        self.over_rounds(|(limit, subject)| limit.cpu() / subject.cpu())
    }

    fn verdicts(&self) -> Vec<(&'static str, f64, String, bool)> {
        let (rate, cpu) = (self.rate_ratio(), self.cpu_ratio());
        let at_least = |what, ratio, goal| (what, ratio, format!(">= {goal}"), ratio >= goal);
        match self.goal {
            Goal::Rate(goal) => vec![at_least("rate", rate, goal)],
            Goal::RateAndCpu(goal) => vec![at_least("rate", rate, goal), at_least("CPU", cpu, goal)],
            Goal::CpuAtMost(goal) => vec![("CPU", 1.0 / cpu, format!("<= {goal}"), 1.0 / cpu <= goal)],
        }
    }

    fn json(&self) -> Value {
        let side = |pick: fn(&(Sample, Sample)) -> &Sample| {
            json!({
                "per_second": self.over_rounds(|round| pick(round).rate()),
                "p50_ms": self.over_rounds(|round| pick(round).p50_millis),
                "p99_ms": self.over_rounds(|round| pick(round).p99_millis),
                "cpu_s_per_1000": self.over_rounds(|round| pick(round).cpu()),
            })
        };
        let met = self.verdicts().iter().all(|(.., met)| *met);
        json!({
            "name": self.name, "limit_name": self.limit_name, "rate_ratio": self.rate_ratio(),
            "cpu_ratio": self.cpu_ratio(), "met": met,
            "gantry": side(|(_, subject)| subject), "limit": side(|(limit, _)| limit),
        })
    }
}

impl Single {
    /// A figure that should not be larger than `goal`.
    pub(crate) fn at_most(name: &str, value: f64, goal: f64) -> Self {
        Self { name: name.to_owned(), value, goal }
    }
}

impl Report {
    /// A figure without a goal.
    pub(crate) fn note(&mut self, name: &str, value: f64) {
        self.notes.push((name.to_owned(), value));
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        let singles = self.singles.iter().map(|single| {
            json!({ "name": single.name, "value": single.value, "goal": single.goal, "met": single.value <= single.goal })
        });
        let notes = self.notes.iter().map(|(name, value)| json!({ "name": name, "value": value }));
        json!({
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "singles": singles.collect::<Vec<_>>(),
            "notes": notes.collect::<Vec<_>>(),
        })
    }
}

const fn word(met: bool) -> &'static str {
    if met { "ok" } else { "MISSED" }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<42} {:>8} {:>8}", "against its limit", "ratio", "goal")?;
        for row in &self.rows {
            for (what, ratio, goal, met) in row.verdicts() {
                let name = format!("{}: {what}", row.name);
                writeln!(f, "{name:<42} {ratio:>8.2} {goal:>8} {}", word(met))?;
            }
        }
        writeln!(f, "\n{:<72} {:>8} {:>8}", "on its own", "figure", "goal")?;
        for single in &self.singles {
            let goal = format!("<= {}", single.goal);
            writeln!(
                f,
                "{:<72} {:>8.1} {goal:>8} {}",
                single.name,
                single.value,
                word(single.value <= single.goal)
            )?;
        }
        for (name, value) in &self.notes {
            writeln!(f, "{name:<72} {value:>8.2}")?;
        }
        let head = ["per s", "p50 ms", "p99 ms", "CPU s/1000"].map(|title| format!("{title:>11}")).concat();
        writeln!(f, "\n{:<42}{head}", "made of (medians)")?;
        for row in &self.rows {
            line(f, &row.name, row, |(_, subject)| subject)?;
            line(f, &format!("  {}", row.limit_name), row, |(limit, _)| limit)?;
        }
        Ok(())
    }
}

fn line(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    row: &Row,
    pick: fn(&(Sample, Sample)) -> &Sample,
) -> fmt::Result {
    let of = |figure: fn(&Sample) -> f64| row.over_rounds(|round| figure(pick(round)));
    let (rate, p50) = (of(Sample::rate), of(|sample| sample.p50_millis));
    let (p99, cpu) = (of(|sample| sample.p99_millis), of(Sample::cpu));
    writeln!(f, "{name:<42}{rate:>11.0}{p50:>11.2}{p99:>11.2}{cpu:>11.3}")
}
