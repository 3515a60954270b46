//! A scripted operator beside the virtual hand: begins an episode when the hand is about to follow its path, ends and
//! keeps it when the hand has let go. It goes by the robot's own time, so that a session repeats.
use crate::demonstration::sample::Sample;
use crate::sim::virtual_hand::Plan;
use crate::teach::Key;

pub(super) struct Script {
    plan: Plan,
    began_ms: Option<u64>,
    /// Windows begun, and ended.
    begun: usize,
    ended: usize,
}

impl Script {
    pub(super) fn new(plan: Plan) -> Script {
        Script { plan, began_ms: None, begun: 0, ended: 0 }
    }

    /// The keys that are pressed before this sample.
    pub(super) fn keys(&mut self, sample: &Sample) -> Vec<Key> {
        let began_ms = *self.began_ms.get_or_insert(sample.state.time_ms);
        let now_s = sample.state.time_ms.saturating_sub(began_ms) as f64 * 1e-3;
        let mut keys = Vec::new();
        if self.ended < self.begun && now_s >= self.plan.window_s(self.ended)[1] {
            self.ended += 1;
            keys.extend([Key::Toggle, Key::Keep]);
        }
        if self.begun < self.plan.times
            && self.begun == self.ended
            && now_s >= self.plan.window_s(self.begun)[0]
        {
            self.begun += 1;
            keys.push(Key::Toggle);
        }
        keys
    }
}
