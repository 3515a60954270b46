//! What an episode says of itself, as metadata records of its file.
use crate::robot::{Joints, panda};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The format's number; raised when a reader of the one before would misunderstand.
pub const FORMAT: u32 = 1;

/// What an episode is and how it came to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// What is done, in a sentence: the task of a data set.
    pub task: String,
    /// The operator's word for this episode among others.
    pub label: String,
    /// The operator's note.
    pub note: String,
    /// Whether the task was done; none when nobody has said.
    pub success: Option<bool>,
    /// What made it: `run`, `teach`, or the file it was imported from.
    pub source: String,
    /// When it began, UTC, RFC 3339.
    pub began: String,
    /// Name and version of the program that wrote it.
    pub software: String,
    /// [`FORMAT`] of the file.
    pub format: u32,
    /// The wall clock, ns since 1970, when the monotonic clock of the ticks was 0.
    pub realtime_ns: u64,
    /// The robot and what was set in it.
    #[serde(skip)]
    pub robot: RobotMeta,
}

/// The robot and what was set in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RobotMeta {
    /// Its address; empty for an import.
    pub address: String,
    /// The tool: the end effector in the flange frame, column-major, m.
    pub F_T_EE: [f64; 16],
    /// Declared load, kg.
    pub load_mass_kg: f64,
    /// Its centre of mass in the flange frame, m.
    pub load_centre_m: [f64; 3],
    /// Its inertia, kg m², column-major.
    pub load_inertia_kg_m2: [f64; 9],
    /// External joint torque above which the robot stops, Nm.
    pub collision_torque_nm: Joints,
    /// External force above which the robot stops, N.
    pub collision_force_n: [f64; 3],
    /// External moment above which the robot stops, Nm.
    pub collision_moment_nm: [f64; 3],
    /// Stiffness of the robot's joint impedance controller, Nm/rad.
    pub joint_stiffness_nm_rad: Joints,
}

/// How a recording ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Ticks written.
    pub ticks: u64,
    /// Ticks that came and were not written, since the recorder's queue was full.
    pub dropped: u64,
    /// Why, in words: `done`, or what stopped it.
    pub because: String,
}

impl Default for Meta {
    fn default() -> Meta {
        Meta {
            task: String::new(),
            label: String::new(),
            note: String::new(),
            success: None,
            source: String::new(),
            began: String::new(),
            software: concat!("franka-imit ", env!("CARGO_PKG_VERSION")).to_string(),
            format: FORMAT,
            realtime_ns: 0,
            robot: RobotMeta::default(),
        }
    }
}

impl Default for RobotMeta {
    fn default() -> RobotMeta {
        let hand = crate::kinematics::to_column_major(&crate::kinematics::hand_tool());
        RobotMeta::new("", &hand, &panda::Options::default())
    }
}

impl RobotMeta {
    /// The robot at `address` with its tool and what is set in it.
    pub fn new(address: &str, F_T_EE: &[f64; 16], set: &panda::Options) -> RobotMeta {
        RobotMeta {
            address: address.to_string(),
            F_T_EE: *F_T_EE,
            load_mass_kg: set.load_mass_kg,
            load_centre_m: set.load_centre_m,
            load_inertia_kg_m2: set.load_inertia_kg_m2,
            collision_torque_nm: set.collision_torque_nm,
            collision_force_n: set.collision_force_n,
            collision_moment_nm: set.collision_moment_nm,
            joint_stiffness_nm_rad: set.joint_stiffness_nm_rad,
        }
    }
}

/// A record's entries: text as it is, everything else as JSON.
pub(super) fn entries<T: Serialize>(record: &T) -> BTreeMap<String, String> {
    let Ok(Value::Object(fields)) = serde_json::to_value(record) else { return BTreeMap::new() };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    fields.into_iter().map(|(key, value)| (key, text(value))).collect()
}

/// The record of such entries; whatever is not there, or is not of its kind, stays as in `T::default()`.
pub(super) fn of_entries<T>(entries: &BTreeMap<String, String>) -> T
where
    T: Default + Serialize + DeserializeOwned,
{
    let Ok(Value::Object(mut fields)) = serde_json::to_value(T::default()) else { return T::default() };
    for (key, default) in &mut fields {
        let Some(text) = entries.get(key) else { continue };
        let before = default.clone();
        *default = match before {
            Value::String(_) => Value::String(text.clone()),
            _ => serde_json::from_str(text).unwrap_or(before.clone()),
        };
        // One entry of the wrong kind must not cost the others.
        if !fits::<T>(key, default) {
            *default = before;
        }
    }
    serde_json::from_value(Value::Object(fields)).unwrap_or_default()
}

fn fits<T: Default + Serialize + DeserializeOwned>(key: &str, value: &Value) -> bool {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(T::default()) else { return false };
    fields.insert(key.to_string(), value.clone());
    serde_json::from_value::<T>(Value::Object(fields)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_from_its_entries() {
        let meta = Meta { task: "12".into(), success: Some(true), realtime_ns: u64::MAX, ..Meta::default() };
        assert_eq!(of_entries::<Meta>(&entries(&meta)), meta);
        let robot = RobotMeta { load_mass_kg: 0.1 + 0.2, ..RobotMeta::default() };
        assert_eq!(of_entries::<RobotMeta>(&entries(&robot)), robot);
    }

    #[test]
    fn an_entry_of_the_wrong_kind_costs_only_itself() {
        let mut said = entries(&Meta { task: "pour".into(), ..Meta::default() });
        said.insert("success".into(), "perhaps".into());
        said.insert("realtime_ns".into(), "[1]".into());
        said.insert("colour".into(), "red".into());
        assert_eq!(of_entries::<Meta>(&said), Meta { task: "pour".into(), ..Meta::default() });
    }
}
