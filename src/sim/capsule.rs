//! A failing scenario in a file: what it found, the scenario as lines of JSON, then its trace for the reader. It replays from the
//! scenario alone, so it can be shortened by hand, too.

use super::play::{self, Verdict};
use super::scenario::{Blow, Scenario};

/// Why a file is no capsule.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the capsule is not what it should be: {why}")]
pub struct CapsuleError {
    line: usize,
    why: serde_json::Error,
}

/// Plays that shrinking may cost.
const SHRINK_PLAYS_MAX: usize = 600;
/// Lines of the trace that a capsule shows.
const TRACE_LINES_MAX: usize = 400;

impl Scenario {
    /// As lines: the frame first, then a line for each blow.
    ///
    /// # Errors
    ///
    /// Never for scenarios that exist.
    pub fn to_lines(&self) -> Result<String, serde_json::Error> {
        let mut lines = serde_json::to_string(self)?;
        for blow in &self.blows {
            lines.push('\n');
            lines.push_str(&serde_json::to_string(blow)?);
        }
        lines.push('\n');
        Ok(lines)
    }

    /// From such lines. Lines that begin with `#` say something to the reader; an empty line ends the scenario.
    ///
    /// # Errors
    ///
    /// Names the first line that is not what it should be.
    pub fn from_lines(text: &str) -> Result<Self, CapsuleError> {
        let lines = text.lines().enumerate().take_while(|(_, line)| !line.trim().is_empty()).filter(|(_, line)| !line.starts_with('#'));
        let mut lines = lines.map(|(at, line)| (at + 1, line));
        let at = |line: usize| move |why| CapsuleError { line, why };
        let (first, frame) = lines.next().unwrap_or((1, ""));
        let mut scenario: Self = serde_json::from_str(frame).map_err(at(first))?;
        for (number, line) in lines {
            scenario.blows.push(serde_json::from_str::<Blow>(line).map_err(at(number))?);
        }
        Ok(scenario)
    }
}

/// The text of a capsule.
///
/// # Errors
///
/// Never for scenarios that exist.
pub fn text(scenario: &Scenario) -> Result<String, serde_json::Error> {
    let (verdict, trace) = play::trace(scenario);
    let found = verdict.fault.unwrap_or_else(|| "nothing any more".to_owned());
    let shown = &trace[trace.len().saturating_sub(TRACE_LINES_MAX)..];
    Ok(format!("# {found}\n# replay: tidings sim replay THIS-FILE\n{}\n{}\n", scenario.to_lines()?, shown.join("\n")))
}

/// The shortest scenario found that still has the fault: blows are left out, in ever smaller pieces, then the weather is made fair.
pub fn shrink(scenario: &Scenario, fault: &str) -> Scenario {
    let mut left = SHRINK_PLAYS_MAX;
    let mut fails = |candidate: &Scenario| {
        left = left.saturating_sub(1);
        left > 0 && play::play(candidate).fault.is_some_and(|found| kind(&found) == kind(fault))
    };
    let mut best = scenario.clone();
    let mut size = best.blows.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < best.blows.len() {
            let mut candidate = best.clone();
            candidate.blows.drain(at..(at + size).min(best.blows.len()));
            if fails(&candidate) {
                best = candidate;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    let calmer: [fn(&mut Scenario); 7] = [
        |scenario| scenario.weather.crash = 0,
        |scenario| scenario.weather.twice = 0,
        |scenario| scenario.weather.vanish = 0,
        |scenario| scenario.weather.snap = 0,
        |scenario| scenario.weather.jitter = 0,
        |scenario| scenario.weather.gossip_loss = 0,
        |scenario| scenario.inbox_bytes = 64 << 20,
    ];
    for make in calmer {
        let mut candidate = best.clone();
        make(&mut candidate);
        if candidate != best && fails(&candidate) {
            best = candidate;
        }
    }
    best
}

/// A fault without its numbers and names.
fn kind(fault: &str) -> String {
    let is_name = |word: &&str| !word.chars().any(|letter| letter.is_ascii_digit());
    fault.split_whitespace().filter(is_name).collect::<Vec<_>>().join(" ")
}

/// Whether two verdicts are of the same play.
pub fn is_same(one: &Verdict, other: &Verdict) -> bool {
    one.hash == other.hash && one.fault == other.fault
}
