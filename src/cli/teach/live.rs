//! The live line of a session of teaching.
use super::super::common::bar;
use crate::demonstration::sample::{Kind, Sample};
use crate::robot::{Mode, limits::CYCLE_S};
use crate::teach::{State, Told};
use crate::web::Page;
use indicatif::ProgressBar;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_millis(100);
/// The speed is shown over so many samples.
const SPEED_OVER: u64 = 20;

pub(super) struct Live<'a> {
    /// The page that hears what is said, if there is one.
    page: Option<&'a Page>,
    bar: ProgressBar,
    shown: Instant,
    /// Samples when the rate was last taken, and when.
    counted: (u64, Instant),
    rate_hz: f64,
    samples: u64,
    lost: u64,
    before: Option<Sample>,
    speed_m_s: f64,
    last: Option<Sample>,
}

impl<'a> Live<'a> {
    pub(super) fn new(page: Option<&'a Page>) -> Live<'a> {
        let now = Instant::now();
        Live {
            page,
            bar: bar(0, "{spinner:.cyan} {msg}"),
            shown: now,
            counted: (0, now),
            rate_hz: 0.0,
            samples: 0,
            lost: 0,
            before: None,
            speed_m_s: 0.0,
            last: None,
        }
    }

    pub(super) fn add(&mut self, sample: &Sample) {
        self.samples += 1;
        self.lost += u64::from(sample.lost);
        if self.samples.is_multiple_of(SPEED_OVER)
            && let Some(before) = self.before.replace(*sample)
        {
            let ms = sample.state.time_ms.saturating_sub(before.state.time_ms).max(1);
            self.speed_m_s = (sample.O_p_EE - before.O_p_EE).norm() / (ms as f64 * CYCLE_S);
        }
        self.last = Some(*sample);
    }

    pub(super) fn samples(&self) -> u64 {
        self.samples
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    pub(super) fn speed_m_s(&self) -> f64 {
        self.speed_m_s
    }

    pub(super) fn rate_hz(&self) -> f64 {
        self.rate_hz
    }

    pub(super) fn last(&self) -> Option<&Sample> {
        self.last.as_ref()
    }

    /// Ten times a second on a terminal, nothing elsewhere; `typing` is what the person is writing, `error_mm` how far off
    /// what is learnt on the way is.
    pub(super) fn show(
        &mut self,
        state: State,
        samples: u64,
        hands_free: bool,
        typing: Option<&str>,
        error_mm: Option<f64>,
    ) {
        let since = self.counted.1.elapsed();
        if since > Duration::from_secs(1) {
            self.rate_hz = (self.samples - self.counted.0) as f64 / since.as_secs_f64();
            self.counted = (self.samples, Instant::now());
        }
        if self.bar.is_hidden() || self.shown.elapsed() < PERIOD {
            return;
        }
        self.shown = Instant::now();
        let Some(last) = &self.last else { return };
        if let Some(typing) = typing {
            self.bar.set_message(format!("{typing}▏ (Enter takes it, Escape does not)"));
            return;
        }
        let s = samples as f64 * CYCLE_S;
        let what = match state {
            State::Ready if hands_free => "ready: motion begins an episode".to_owned(),
            State::Ready => "ready: space begins an episode".to_owned(),
            State::Recording(number) => format!("● episode {number} {s:.1} s"),
            State::Review(number) => format!("episode {number} {s:.1} s: k keeps, d throws away, r again"),
            State::Over => "done".to_owned(),
        };
        let hand = match (last.kind, last.state.mode) {
            (Kind::Demonstration, _) => "guided",
            (_, Mode::Move) => "held",
            (_, Mode::UserStopped) => "user-stopped",
            _ => "not guided",
        };
        let learnt = error_mm.map_or(String::new(), |mm| format!(" · learnt to {mm:.2} mm"));
        self.bar.set_message(format!(
            "{what} · {hand} {:.2} m/s · {} · {:.0} Hz · {} lost{learnt}",
            self.speed_m_s, last.margin, self.rate_hz, self.lost
        ));
    }

    pub(super) fn tell(&self, told: Vec<Told>) {
        for told in told {
            match told {
                Told::Bell if std::io::stdout().is_terminal() => {
                    let _ = std::io::stdout().write_all(b"\x07"); // a terminal that has gone hears nothing
                    let _ = std::io::stdout().flush();
                }
                Told::Bell => {}
                Told::Words(words) => self.say(&words),
                Told::Wrong(words) => self.say(&format!("failed   {words}")),
            }
        }
    }

    /// A line above the live one.
    pub(super) fn say(&self, words: &str) {
        if let Some(page) = self.page {
            page.say(words.starts_with("failed"), words);
        }
        if self.bar.is_hidden() {
            say!("{words}");
        } else {
            self.bar.println(words);
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
